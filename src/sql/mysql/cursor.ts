// A statement's tokens, read from left to right. Enters: tokens; leaves: words, names, and whether all was read.
import { isReserved } from './keywords.ts';
import type { MysqlToken } from './lexer.ts';

/** Thrown within this folder only, when the text holds what the reader does not surely understand. */
export class Refusal extends Error {}

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

  /** Passes over the rest, which somebody answers for. */
  skipRest(): void {
    this.#at = this.#tokens.length;
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

  /** Takes the symbol, which has to stand here. */
  expect(text: string): void {
    if (!this.symbol(text)) throw new Refusal(`${text} was expected`);
  }

  /** Takes the words, which have to stand here. */
  require(...words: readonly string[]): void {
    if (!this.take(...words)) throw new Refusal(`${words.join(' ')} was expected`);
  }

  /** True when one of the words stands here. */
  at(...words: readonly string[]): boolean {
    const token = this.peek();
    return token?.kind === 'word' && words.includes(token.name.toUpperCase());
  }

  /** A name; without quotes it cannot be a reserved word. */
  name(): string {
    const token = this.any();
    if (token.kind === 'quoted-name') return token.name;
    if (token.kind !== 'word') throw new Refusal('a name was expected');
    if (isReserved(token.name)) throw new Refusal('a reserved word where a name would be');
    return token.name;
  }

  /** A name after a dot, where reserved words are names, too. */
  afterDot(): string {
    const token = this.any();
    if (token.kind !== 'word' && token.kind !== 'quoted-name') throw new Refusal('a name was expected');
    return token.name;
  }

  /** Whether a name can begin here. */
  atName(): boolean {
    const token = this.peek();
    return token?.kind === 'quoted-name' || (token?.kind === 'word' && !isReserved(token.name));
  }

  table(): { readonly schema: string | null; readonly name: string } {
    const first = this.name();
    return this.symbol('.') ? { schema: first, name: this.afterDot() } : { schema: null, name: first };
  }

  /** Holds that nothing is left. */
  end(): void {
    if (!this.ended) throw new Refusal('words that are not known there');
  }
}
