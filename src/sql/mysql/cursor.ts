// A statement's tokens, read from left to right. Enters: tokens; leaves: words, names, and whether all was read.
import { Refusal } from './context.ts';
import type { MysqlToken } from './lexer.ts';

/** Reads tokens in order; what does not fit is a `Refusal`, so that no grammar here can pass over anything. */
export class Cursor {
  readonly #tokens: readonly MysqlToken[];
  #at = 0;

  constructor(tokens: readonly MysqlToken[]) {
    this.#tokens = tokens;
  }

  get ended(): boolean {
    return this.#at >= this.#tokens.length;
  }

  get rest(): readonly MysqlToken[] {
    return this.#tokens.slice(this.#at);
  }

  peek(ahead = 0): MysqlToken | undefined {
    return this.#tokens[this.#at + ahead];
  }

  /** Takes the words when they all stand here. */
  take(...words: readonly string[]): boolean {
    const stand = words.every((word, i) => {
      const token = this.peek(i);
      return token?.kind === 'word' && token.name.toUpperCase() === word;
    });
    if (stand) this.#at += words.length;
    return stand;
  }

  /** Takes one of the words, and gives it back in upper case. */
  oneOf(...words: readonly string[]): string | null {
    return words.find((word) => this.take(word)) ?? null;
  }

  symbol(text: string): boolean {
    const token = this.peek();
    if (token?.kind !== 'symbol' || token.text !== text) return false;
    this.#at += 1;
    return true;
  }

  any(): MysqlToken {
    const token = this.peek();
    if (token === undefined) throw new Refusal('the statement ends too early');
    this.#at += 1;
    return token;
  }

  name(): string {
    const token = this.any();
    if (token.kind !== 'word' && token.kind !== 'quoted-name') throw new Refusal('a name was expected');
    return token.name;
  }

  table(): { readonly schema: string | null; readonly name: string } {
    const first = this.name();
    return this.symbol('.') ? { schema: first, name: this.name() } : { schema: null, name: first };
  }

  /** Holds that nothing is left. */
  end(): void {
    if (!this.ended) throw new Refusal('words that are not known there');
  }
}
