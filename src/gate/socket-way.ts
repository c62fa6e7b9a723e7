// The two sockets of one connection. Enters: an accepted socket, how to reach the server; leaves: bytes for the gate, bytes on the wire.
import type { Socket } from 'node:net';
import type { Endpoint, Side } from '../flow.ts';
import type { Connection } from './connection.ts';
import type { Gate } from './gate.ts';
import type { Way } from './way.ts';

/** How long a client that was answered for the last time may take to read that (milliseconds). */
const LINGER_MS = 2000;

export interface Ends {
  readonly client: Socket;
  readonly orig: Endpoint;
  readonly resp: Endpoint;
  /** Begins to connect to the server, half-open ends allowed. */
  readonly reach: () => Socket;
  /** Milliseconds without a byte of either side after which it is given up. */
  readonly idleMs: number;
  /** Runs once after so many milliseconds; the result cancels it. */
  readonly after: (ms: number, run: () => void) => () => void;
}

/** Puts a connection into the path. The accepted socket must allow half-open ends and be paused. */
export function join(gate: Gate, ends: Ends): void {
  const way = new SocketWay(gate, ends);
  way.begin();
}

class SocketWay implements Way {
  readonly #gate: Gate;
  readonly #ends: Ends;
  readonly #client: Socket;
  #server: Socket | null = null;
  #connection: Connection | null = null;
  /** Why a side is not read. */
  readonly #undecided: Record<Side, boolean> = { orig: false, resp: false };
  readonly #full: Record<Side, boolean> = { orig: false, resp: false };
  #over = false;

  constructor(gate: Gate, ends: Ends) {
    this.#gate = gate;
    this.#ends = ends;
    this.#client = ends.client;
  }

  begin(): void {
    const { orig, resp } = this.#ends;
    this.#listen(this.#client, 'orig');
    this.#connection = this.#gate.open(orig, resp, this);
    if (this.#connection?.over === false && this.#server !== null) this.#read('orig');
  }

  connect(): void {
    const server = this.#ends.reach();
    this.#server = server;
    this.#listen(server, 'resp');
    server.once('connect', () => {
      this.#connection?.connected();
      this.#read('resp');
    });
    // Called from within `open` when nothing has to be waited for.
    if (this.#connection !== null) this.#read('orig');
  }

  write(side: Side, bytes: Uint8Array): void {
    const to = this.#receiver(side);
    if (to === null || to.destroyed || to.write(bytes) || this.#full[side]) return;
    this.#full[side] = true;
    this.#read(side);
    to.once('drain', () => {
      this.#full[side] = false;
      this.#read(side);
    });
  }

  end(side: Side): void {
    this.#receiver(side)?.end();
  }

  reset(): void {
    this.#over = true;
    for (const socket of [this.#client, this.#server]) cut(socket);
  }

  close(bytes: Uint8Array): void {
    this.#over = true;
    cut(this.#server);
    // Who still sends would get a reset before it reads our answer: take what comes, for a while.
    this.#client.removeAllListeners('data');
    this.#client.resume();
    const cancel = this.#ends.after(LINGER_MS, () => this.#client.destroy());
    this.#client.once('close', cancel);
    this.#client.once('end', () => this.#client.destroy());
    this.#client.end(bytes);
  }

  pause(side: Side, on: boolean): void {
    this.#undecided[side] = on;
    this.#read(side);
  }

  #receiver(side: Side): Socket | null {
    return side === 'orig' ? this.#server : this.#client;
  }

  #read(side: Side): void {
    const from = side === 'orig' ? this.#client : this.#server;
    if (from === null || this.#over) return;
    if (this.#undecided[side] || this.#full[side]) from.pause();
    else from.resume();
  }

  #listen(socket: Socket, side: Side): void {
    socket.setNoDelay(true);
    socket.setTimeout(this.#ends.idleMs, () => this.#connection?.broken());
    socket.on('data', (bytes: Buffer) => {
      const connection = this.#connection;
      if (connection === null || this.#over) return;
      connection.data(side, bytes);
      this.#gate.bound(connection);
    });
    socket.on('end', () => {
      if (!this.#over) this.#connection?.end(side);
    });
    socket.on('error', () => {
      // `close` follows.
    });
    socket.on('close', (failed: boolean) => {
      if (failed && !this.#over) this.#connection?.broken();
    });
  }
}

function cut(socket: Socket | null): void {
  if (socket === null || socket.destroyed) return;
  if (socket.connecting) socket.destroy();
  else socket.resetAndDestroy();
}
