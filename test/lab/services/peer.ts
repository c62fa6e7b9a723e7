// Calls from one service to another. Enters: method, path, body, trace; leaves: the answer, over pooled keep-alive connections.
import { randomBytes } from 'node:crypto';
import { Agent, request } from 'node:http';
import { address, type HostName, port, type ServiceName } from '../topology.ts';
import { report } from './compromised.ts';
import type { Answer, Json } from './kit.ts';

export interface CallOptions {
  readonly body?: Json;
  readonly traceparent?: string | undefined;
  /** On a connection of its own, not one of the pool. */
  readonly fresh?: boolean;
  /** The compromised service knows what it does, and says so to the lab. */
  readonly offending?: boolean;
}

/** A call that the peer did not answer in time: its connection has been given up. */
export class TimedOut extends Error {}

const POOL = Number(process.env.POOL ?? '10');
const TIMEOUT = Number(process.env.CALL_TIMEOUT ?? '10000');

export class Peer {
  readonly #self: ServiceName;
  readonly #peer: HostName;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: POOL });

  constructor(self: ServiceName, peer: HostName) {
    this.#self = self;
    this.#peer = peer;
  }

  call(
    method: string,
    path: string,
    { body, traceparent, fresh, offending }: CallOptions = {},
  ): Promise<Answer> {
    const bytes = body === undefined ? null : JSON.stringify(body);
    const headers = {
      host: this.#peer,
      ...(traceparent === undefined ? {} : { traceparent }),
      ...(bytes === null
        ? {}
        : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(bytes) }),
    };
    const target = { host: address(this.#peer), port: port(this.#peer), method, path, headers };
    return new Promise((resolve, reject) => {
      const outgoing = request(
        { ...target, agent: fresh ? false : this.#agent, timeout: TIMEOUT },
        (response) => {
          let received = '';
          response.on('data', (chunk: Buffer) => {
            received += chunk.toString();
          });
          response.on('error', reject);
          response.on('end', () => {
            resolve({ status: response.statusCode ?? 0, body: JSON.parse(received) as Json });
          });
        },
      );
      outgoing.on('timeout', () => outgoing.destroy(new TimedOut(`${method} ${path}`)));
      outgoing.on('error', reject);
      if (offending) {
        outgoing.on('socket', (socket) => {
          const tellLab = (): void =>
            report(socket, {
              from: this.#self,
              to: this.#peer,
              protocol: 'http',
              request: `${method} ${path}`,
              ...(bytes === null ? {} : { values: [bytes] }),
            });
          if (socket.connecting) socket.once('connect', tellLab);
          else tellLab();
        });
      }
      outgoing.end(bytes ?? undefined);
    });
  }

  close(): void {
    this.#agent.destroy();
  }
}

export const newTraceparent = (): string =>
  `00-${randomBytes(16).toString('hex')}-${randomBytes(8).toString('hex')}-01`;

/** The same trace, a span of our own (W3C Trace Context). */
export const childOf = (traceparent: string | undefined): string =>
  traceparent === undefined
    ? newTraceparent()
    : traceparent.replace(/-[0-9a-f]{16}-/, `-${randomBytes(8).toString('hex')}-`);
