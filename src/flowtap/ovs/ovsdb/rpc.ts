// JSON-RPC 1.0 as Open vSwitch speaks it (RFC 7047 section 4), without I/O. Enters: bytes, calls; leaves: bytes, answers, news.
import { JsonStream } from './json-stream.ts';

export type RpcEvent =
  | { readonly kind: 'answer'; readonly id: number; readonly result: unknown; readonly error: unknown }
  | { readonly kind: 'news'; readonly method: string; readonly params: readonly unknown[] }
  | { readonly kind: 'closed'; readonly why: string };

/** One connection. */
export class RpcSession {
  readonly #stream = new JsonStream();
  #output: Buffer[] = [];
  #id = 0;

  /** Gives the id that the answer will have. */
  call(method: string, params: readonly unknown[]): number {
    const id = ++this.#id;
    this.#send({ id, method, params });
    return id;
  }

  takeOutput(): readonly Buffer[] {
    const output = this.#output;
    this.#output = [];
    return output;
  }

  /** Takes bytes as they come; answers the server's own `echo`. */
  receive(chunk: Uint8Array): readonly RpcEvent[] {
    const values = this.#stream.push(chunk);
    if (typeof values === 'string') return [{ kind: 'closed', why: values }];
    return values.flatMap((value) => this.#heed(value));
  }

  #heed(value: unknown): readonly RpcEvent[] {
    if (!isRecord(value)) return [];
    const { id, method, params, result, error } = value;
    if (typeof method !== 'string')
      return typeof id === 'number' ? [{ kind: 'answer', id, result, error: error ?? null }] : [];
    const list = Array.isArray(params) ? (params as readonly unknown[]) : [];
    if (method !== 'echo') return [{ kind: 'news', method, params: list }];
    this.#send({ id, result: list, error: null });
    return [];
  }

  #send(value: object): void {
    this.#output.push(Buffer.from(JSON.stringify(value)));
  }
}

/** An object that is neither null nor an array. */
export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
