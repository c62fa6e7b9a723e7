// Reads the arguments of Zeek's events. Enters: values of the broker; leaves: numbers, texts, bytes, each checked.
import type { Value } from '../broker/value/value.ts';

/** An argument is not of the type that the scripts declare. Never leaves `zeek`. */
export class ArgumentError extends Error {}

const MOST_SAFE = BigInt(Number.MAX_SAFE_INTEGER);
const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;

/** A cursor over the arguments of one event, or the fields of one record. Every method throws ArgumentError. */
export class Arguments {
  readonly #values: readonly Value[];
  #at = 0;

  constructor(values: readonly Value[]) {
    this.#values = values;
  }

  #next<K extends Value['kind']>(kind: K): Extract<Value, { readonly kind: K }> {
    const value = this.#values[this.#at];
    if (value === undefined) throw new ArgumentError(`argument ${this.#at + 1} is missing`);
    if (value.kind !== kind)
      throw new ArgumentError(`argument ${this.#at + 1} is a ${value.kind} where a ${kind} is expected`);
    this.#at += 1;
    return value as Extract<Value, { readonly kind: K }>;
  }

  /** Nothing may follow. */
  end(): void {
    if (this.#at !== this.#values.length)
      throw new ArgumentError(`${this.#values.length} arguments where ${this.#at} are expected`);
  }

  count(): bigint {
    return this.#next('count').value;
  }

  /** A count that a number holds exactly. */
  number(): number {
    const value = this.count();
    if (value > MOST_SAFE) throw new ArgumentError(`argument ${this.#at} is too large`);
    return Number(value);
  }

  boolean(): boolean {
    return this.#next('boolean').value;
  }

  address(): string {
    return this.#next('address').address;
  }

  /** Text that the scripts themselves wrote. */
  text(): string {
    return this.#next('string').text;
  }

  /** Bytes of traffic, which leave Zeek in base64 (RFC 4648 section 4). */
  bytes(): Buffer {
    return decodeBase64(this.text());
  }

  byteStrings(): readonly Buffer[] {
    return this.#next('vector').items.map((item) => {
      if (item.kind !== 'string') throw new ArgumentError(`argument ${this.#at} holds a ${item.kind}`);
      return decodeBase64(item.text);
    });
  }

  numbers(): readonly number[] {
    return this.#next('vector').items.map((item) => {
      if (item.kind !== 'count' || item.value > MOST_SAFE)
        throw new ArgumentError(`argument ${this.#at} holds what is no number`);
      return Number(item.value);
    });
  }

  record(): Arguments {
    return new Arguments(this.#next('vector').items);
  }
}

function decodeBase64(text: string): Buffer {
  const bytes = Buffer.from(text, 'base64');
  // Node passes over what is no base64; here that is bytes that somebody changed.
  const whole = text.length % 4 === 0 && bytes.length === decodedLength(text);
  if (!whole || (text.length < 64 && !BASE64.test(text))) throw new ArgumentError('a text is no base64');
  return bytes;
}

function decodedLength(text: string): number {
  const padding = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0;
  return (text.length / 4) * 3 - padding;
}
