// The customers behind the gateway, and the monitor. Enters: what they ask for; leaves: HTTP requests of their namespaces, and the answers.

import type { ClientRequest, FromClient, ToClient } from './messages.ts';
import { Peer } from './processes.ts';
import { newTraceparent } from './services/peer.ts';
import { LabError } from './system.ts';
import { address, customerAddress, port, SERVICES, type ServiceName } from './topology.ts';

export interface Answered {
  status: number;
  body: Record<string, unknown>;
}

class Client {
  readonly #peer: Peer<FromClient, ToClient>;
  readonly #open = new Map<number, { resolve: (a: Answered) => void; reject: (e: Error) => void }>();
  #ids = 0;

  constructor(host: 'internet' | 'monitor', env: Record<string, string>) {
    this.#peer = new Peer(host, 'clients/http-client.ts', env);
    this.#peer.on((message) => {
      if (message.kind !== 'answer' && message.kind !== 'failed') return;
      const waiting = this.#open.get(message.id);
      this.#open.delete(message.id);
      if (message.kind === 'answer') waiting?.resolve({ status: message.status, body: message.body });
      else waiting?.reject(new LabError(message.error));
    });
  }

  ready = (): Promise<unknown> => this.#peer.next('ready');

  ask(request: Omit<ClientRequest, 'id'>): Promise<Answered> {
    const id = ++this.#ids;
    const answered = new Promise<Answered>((resolve, reject) => this.#open.set(id, { resolve, reject }));
    this.#peer.tell({ kind: 'request', request: { id, ...request } });
    return Promise.race([answered, this.#peer.failed]);
  }

  async closeConnections(): Promise<void> {
    const closed = this.#peer.next('closed');
    this.#peer.tell({ kind: 'close' });
    await closed;
  }

  stop = (): Promise<void> => this.#peer.stop();
}

export class Outsiders {
  readonly #customers = new Client('internet', { OUTSIDE: '1' });
  readonly #monitor = new Client('monitor', {});

  async ready(): Promise<void> {
    await Promise.all([this.#customers.ready(), this.#monitor.ready()]);
  }

  /** One request of customer number `seat`, as the gateway hands it on: authenticated, with a trace begun. */
  ask(
    seat: number,
    user: string,
    service: ServiceName,
    path: string,
    body: Record<string, unknown>,
  ): Promise<Answered> {
    return this.#customers.ask({
      from: customerAddress(seat),
      to: address(service),
      port: port(service),
      method: 'POST',
      path,
      headers: { host: 'rental.example', 'x-user': user, traceparent: newTraceparent() },
      body,
    });
  }

  async probeAll(): Promise<void> {
    for (const service of SERVICES) {
      const probe = { from: null, to: address(service), port: port(service), method: 'GET', path: '/health' };
      const { status } = await this.#monitor.ask({ ...probe, headers: { host: service }, body: null });
      if (status !== 200) throw new LabError(`${service} is not well: ${status}`);
    }
  }

  closeConnections = (): Promise<void> => this.#customers.closeConnections();

  async stop(): Promise<void> {
    await Promise.all([this.#customers.stop(), this.#monitor.stop()]);
  }
}
