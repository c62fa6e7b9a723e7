// The flows of an application: who they join, and what is remembered of them. Enters: events; leaves: flow records.
import type { Protocol } from '../events/common.ts';
import type { FlowEvent } from '../events/event.ts';
import type { Flow, FlowId } from '../flow.ts';
import type { Awaiting } from './answers.ts';
import type { CompiledPolicy } from './compile.ts';
import type { AmqpSession } from './observe/amqp.ts';
import type { AnswerName, Ends } from './observe/observation.ts';
import type { Transactions } from './transactions.ts';

export interface FlowRecord {
  readonly flow: Flow;
  readonly ends: Ends;
  /** What the server's port is declared to speak; null when the port is not declared. */
  readonly protocol: Protocol | null;
  readonly status: 'declared' | 'denied';
  /** True until the connection itself was judged. */
  fresh: boolean;
  readonly awaiting: Map<AnswerName, Awaiting>;
  /** Made by the first AMQP method. */
  amqp: AmqpSession | null;
  /** Made by the first SQL statement. */
  transactions: Transactions | null;
}

/** Ended flows that are kept, because obligations may still refer to them. */
const KEPT = 10_000;
/** Flows remembered at once; the sensor tells when they end, so this bounds only what it forgets to tell. */
const MOST = 1_000_000;

export class FlowBook {
  readonly #policy: CompiledPolicy;
  readonly #open = new Map<FlowId, FlowRecord>();
  readonly #ended = new Map<FlowId, FlowRecord>();
  /** Flows between addresses that this application does not name. */
  unmonitored = 0;
  /** Events of flows whose connection was denied: that verdict covers them. */
  covered = 0;

  constructor(policy: CompiledPolicy) {
    this.#policy = policy;
  }

  /** The record of an event's flow, made when it is the first; null when neither end is a service of this application. */
  of(event: FlowEvent): FlowRecord | null {
    const known = this.#open.get(event.flow.id) ?? this.#ended.get(event.flow.id);
    if (known !== undefined) return known;
    const record = this.#identify(event.flow);
    if (record === null) {
      if (event.kind === 'connection-attempt') this.unmonitored++;
      return null;
    }
    this.#open.set(event.flow.id, record);
    bound(this.#open, MOST);
    return record;
  }

  /** Goes on with the open flows of another book of the same traffic. */
  carryOver(from: FlowBook): void {
    for (const { flow, amqp } of from.#open.values()) {
      const record = this.#open.get(flow.id) ?? this.#identify(flow);
      if (record === null) continue;
      // What methods of a connection mean does not depend on the policy.
      record.amqp = amqp;
      this.#open.set(flow.id, record);
    }
  }

  byId(id: FlowId): FlowRecord | null {
    return this.#open.get(id) ?? this.#ended.get(id) ?? null;
  }

  end(record: FlowRecord): void {
    this.#open.delete(record.flow.id);
    this.#ended.set(record.flow.id, record);
    bound(this.#ended, KEPT);
  }

  #identify(flow: Flow): FlowRecord | null {
    const client = this.#policy.addresses.resolve(flow.orig.ip);
    const server = this.#policy.addresses.resolve(flow.resp.ip);
    if (client.kind !== 'service' && server.kind !== 'service') return null;
    const protocol = this.#policy.protocolAt(server.name, flow.resp.port);
    const declared = protocol !== null && this.#policy.mayConnect(client.name, server.name, protocol);
    return {
      flow,
      ends: { client: client.name, server: server.name },
      protocol,
      status: declared ? 'declared' : 'denied',
      fresh: true,
      awaiting: new Map(),
      amqp: null,
      transactions: null,
    };
  }
}

function bound<K, V>(map: Map<K, V>, most: number): void {
  if (map.size <= most) return;
  const oldest = map.keys().next();
  if (oldest.done !== true) map.delete(oldest.value);
}
