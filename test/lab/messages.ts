// What the lab's processes tell each other over IPC, beside the captured network. Enters: nothing; leaves: types.
import type { HostName, ServiceName } from './topology.ts';

/** A request that a compromised service sent, as it goes into a capture's truth. */
export interface Offence {
  from: ServiceName;
  to: HostName | 'outside';
  protocol: 'http' | 'amqp' | 'postgres' | 'mysql' | 'tcp';
  /** `POST /users/bob/charge`, `basic.ack`, the SQL text, `connect`. */
  request: string;
  /** Bound values, a message body, a delivery tag: what tells this one from others on the same flow. */
  values?: string[];
  /** Seconds since 1970: of the sender's clock at first, of the capture's packet once that is found. */
  ts: number;
  source: string;
  destination: string;
}

export type FromService =
  | { kind: 'ready' }
  | { kind: 'offence'; offence: Offence }
  /** DVD-Update is through with a message; `shipped` is false where it betrayed the customer. */
  | { kind: 'handled'; contract: string; shipped: boolean };

export type ToService = { kind: 'attack' };

export interface ClientRequest {
  id: number;
  /** The client's own address, or null for whatever the system picks. */
  from: string | null;
  to: string;
  port: number;
  method: string;
  path: string;
  headers: Record<string, string>;
  body: Record<string, unknown> | null;
}

export type ToClient = { kind: 'request'; request: ClientRequest } | { kind: 'close' };

export type FromClient =
  | { kind: 'ready' }
  | { kind: 'answer'; id: number; status: number; body: Record<string, unknown> }
  | { kind: 'failed'; id: number; error: string }
  | { kind: 'closed' };
