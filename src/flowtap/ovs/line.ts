// One Unix socket, kept open. Enters: a path, bytes to send; leaves: bytes, and why a connection ended; it comes back by itself.
import { connect, type Socket } from 'node:net';
import type { Clock } from './clock.ts';

/** What happens on a line. Nothing of one connection comes after its `closed`. */
export interface LineHandler {
  opened(): void;
  bytes(chunk: Buffer): void;
  /** `refused`: it could not even be opened. */
  closed(why: string): void;
}

const FIRST_WAIT = 50;
/** A local socket costs next to nothing to try, and until it is back nothing is enforced. */
const LONGEST_WAIT = 500;
/** Bytes that may wait for a peer that does not read, before the connection is given up. */
const MOST_UNSENT = 64 * 1024 * 1024;

/** Connects at once, and again after each end, with a growing and partly random wait. */
export class Line {
  readonly #path: () => string | null;
  readonly #handler: LineHandler;
  readonly #clock: Clock;
  readonly #random: () => number;
  #socket: Socket | null = null;
  #attempt = 0;
  #cancel: (() => void) | null = null;
  #stopped = false;

  /** @param path asked before every attempt, since a program that starts again may have another; null: not there now */
  constructor(path: () => string | null, handler: LineHandler, clock: Clock, random: () => number) {
    this.#path = path;
    this.#handler = handler;
    this.#clock = clock;
    this.#random = random;
    this.#cancel = clock.after(0, () => this.#connect());
  }

  send(parts: readonly Buffer[]): void {
    const socket = this.#socket;
    if (socket === null || parts.length === 0) return;
    // One write: a bundle has tens of thousands of small parts.
    socket.write(parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts));
    if (socket.writableLength > MOST_UNSENT) this.drop('the peer does not read');
  }

  /** Ends this connection; another attempt follows. */
  drop(why: string): void {
    const socket = this.#socket;
    if (socket === null) return;
    this.#socket = null;
    socket.destroy();
    this.#handler.closed(why);
    this.#retry();
  }

  /** Ends it for good; the handler hears nothing more. */
  stop(): void {
    this.#stopped = true;
    this.#cancel?.();
    this.#socket?.destroy();
    this.#socket = null;
  }

  #connect(): void {
    const path = this.#path();
    if (path === null) {
      this.#retry();
      return;
    }
    const socket = connect(path);
    this.#socket = socket;
    const mine = (): boolean => this.#socket === socket;
    socket.on('connect', () => {
      if (mine()) this.#handler.opened();
    });
    socket.on('data', (chunk: Buffer) => {
      // What is received shows that somebody is there; a socket that only opens does not.
      this.#attempt = 0;
      if (mine()) this.#handler.bytes(chunk);
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (mine()) this.drop(`${path}: ${error.code ?? error.message}`);
    });
    socket.on('close', () => {
      if (mine()) this.drop(`${path}: the other side closed`);
    });
  }

  #retry(): void {
    if (this.#stopped) return;
    const most = Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** Math.min(this.#attempt, 10));
    this.#attempt++;
    this.#cancel = this.#clock.after(most / 2 + (most / 2) * this.#random(), () => this.#connect());
  }
}
