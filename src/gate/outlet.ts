// The bytes of one side that were read and are neither passed on nor dropped. Enters: bytes, how far to pass; leaves: bytes to write.
import type { Account } from './hold.ts';

export class Outlet {
  readonly #write: (bytes: Uint8Array) => void;
  readonly #account: Account;
  #pieces: Uint8Array[] = [];
  /** Of the first piece, so many bytes are gone. */
  #gone = 0;
  #read = 0;
  #ruled = 0;

  constructor(write: (bytes: Uint8Array) => void, account: Account) {
    this.#write = write;
    this.#account = account;
  }

  /** Stream offset behind the last byte that was read. */
  get read(): number {
    return this.#read;
  }

  /** Stream offset up to which everything was passed on or dropped. */
  get ruled(): number {
    return this.#ruled;
  }

  get held(): number {
    return this.#read - this.#ruled;
  }

  /** Takes bytes that nobody else will change. */
  push(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#pieces.push(bytes);
    this.#read += bytes.length;
    this.#account.add(bytes.length);
  }

  /** Passes on what was read before `upTo`. */
  pass(upTo: number): void {
    for (const piece of this.#take(upTo)) this.#write(piece);
  }

  /** Forgets what was read before `upTo`. */
  drop(upTo: number): void {
    this.#take(upTo);
  }

  /** Writes bytes of our own, between what was ruled and what was not. */
  insert(bytes: Uint8Array): void {
    if (bytes.length > 0) this.#write(bytes);
  }

  /** A copy of what is held before `upTo`. */
  peek(upTo: number): Buffer {
    const length = Math.min(upTo, this.#read) - this.#ruled;
    const parts: Uint8Array[] = [];
    let left = length;
    let from = this.#gone;
    for (const piece of this.#pieces) {
      if (left <= 0) break;
      const part = piece.subarray(from, from + left);
      from = 0;
      left -= part.length;
      parts.push(part);
    }
    return Buffer.concat(parts);
  }

  #take(upTo: number): Uint8Array[] {
    let left = Math.min(upTo, this.#read) - this.#ruled;
    if (left <= 0) return [];
    this.#account.add(-left);
    this.#ruled += left;
    const taken: Uint8Array[] = [];
    let whole = 0;
    for (const piece of this.#pieces) {
      if (left === 0) break;
      const part = piece.subarray(this.#gone, this.#gone + left);
      taken.push(part);
      left -= part.length;
      if (this.#gone + part.length === piece.length) {
        whole += 1;
        this.#gone = 0;
      } else this.#gone += part.length;
    }
    this.#pieces.splice(0, whole);
    return taken;
  }
}
