// A JSON-RPC server on a Unix socket, OVSDB or unixctl. Enters: calls; leaves: answers, news; it is connected again by itself.
import type { Clock } from './clock.ts';
import { Line } from './line.ts';
import { RpcSession } from './ovsdb/rpc.ts';

export interface RpcLinkHandler {
  up(): void;
  down(why: string): void;
  news(method: string, params: readonly unknown[]): void;
}

/** `null` error is success. `lost`: the connection ended first. */
export type Answer = { readonly result: unknown; readonly error: unknown } | 'lost';

/** Calls before the connection is up are lost at once: whoever calls waits for `up`. */
export class RpcLink {
  readonly #line: Line;
  #session: RpcSession | null = null;
  readonly #calls = new Map<number, (answer: Answer) => void>();

  constructor(path: () => string | null, handler: RpcLinkHandler, clock: Clock, random: () => number) {
    this.#line = new Line(
      path,
      {
        opened: () => {
          this.#session = new RpcSession();
          handler.up();
          this.#flush();
        },
        bytes: (chunk) => this.#heed(chunk, handler),
        closed: (why) => {
          this.#session = null;
          this.#release();
          handler.down(why);
        },
      },
      clock,
      random,
    );
  }

  get ready(): boolean {
    return this.#session !== null;
  }

  /** `then` runs in turn with `news`: what came after the answer is not told before it. */
  call(method: string, params: readonly unknown[], then: (answer: Answer) => void): void {
    const session = this.#session;
    if (session === null) {
      then('lost');
      return;
    }
    this.#calls.set(session.call(method, params), then);
    this.#flush();
  }

  ask(method: string, params: readonly unknown[]): Promise<Answer> {
    return new Promise((resolve) => this.call(method, params, resolve));
  }

  stop(): void {
    this.#line.stop();
    this.#session = null;
    this.#release();
  }

  #heed(chunk: Buffer, handler: RpcLinkHandler): void {
    for (const event of this.#session?.receive(chunk) ?? []) {
      if (event.kind === 'closed') {
        this.#line.drop(event.why);
        return;
      }
      if (event.kind === 'news') handler.news(event.method, event.params);
      else {
        this.#calls.get(event.id)?.(event);
        this.#calls.delete(event.id);
      }
    }
    this.#flush();
  }

  #flush(): void {
    if (this.#session !== null) this.#line.send(this.#session.takeOutput());
  }

  #release(): void {
    for (const resolve of this.#calls.values()) resolve('lost');
    this.#calls.clear();
  }
}
