// Puts the content of one method together. Enters: its header and body parts; leaves: the content, once it is whole.
import type { AmqpContent, AmqpMethod } from '../../events/amqp.ts';
import type { Ambiguity } from '../../events/common.ts';
import type { ContentHeader } from './properties.ts';

export class Content {
  readonly method: AmqpMethod;
  /** Stream offset of the method's frame. */
  readonly start: number;
  readonly ambiguities: Ambiguity[];
  /** It was told before its end. */
  told = false;
  #limit: number;
  readonly #parts: Buffer[] = [];
  #kept = 0;
  #length = 0n;
  #header: ContentHeader | null = null;

  constructor(method: AmqpMethod, start: number, ambiguities: Ambiguity[], limit: number) {
    this.method = method;
    this.start = start;
    this.ambiguities = ambiguities;
    this.#limit = limit;
  }

  /** True once the content header came. */
  get begun(): boolean {
    return this.#header !== null;
  }

  get tooLong(): boolean {
    return this.#header !== null && this.#length > this.#header.bodySize;
  }

  /** More came than is kept. */
  get over(): boolean {
    return this.#header !== null && this.#length > BigInt(this.#kept);
  }

  /** The content by now, of which more is to come than is kept. */
  soFar(): AmqpContent | null {
    const header = this.#header;
    if (header === null) return null;
    const length = Number(this.#length);
    return {
      properties: header.properties,
      body: { state: 'truncated', bytes: Buffer.concat(this.#parts), length },
    };
  }

  begin(header: ContentHeader): void {
    this.#header = header;
    if (header.doubt !== null) this.ambiguities.push({ code: 'amqp-field-table', detail: header.doubt });
  }

  /** Copies what is kept; the rest is counted. */
  add(part: Buffer): void {
    this.#length += BigInt(part.length);
    const kept = part.subarray(0, Math.max(0, this.#limit - this.#kept));
    if (kept.length === 0) return;
    this.#parts.push(Buffer.from(kept));
    this.#kept += kept.length;
  }

  /** Counts bytes that are not handed on: nothing behind them is kept. */
  skip(length: number): void {
    this.#length += BigInt(length);
    this.#limit = this.#kept;
  }

  /** The content; null while bytes are to come. */
  whole(): AmqpContent | null {
    const header = this.#header;
    if (header === null || this.#length < header.bodySize) return null;
    const length = Number(this.#length);
    const state = length > this.#kept ? 'truncated' : 'complete';
    return { properties: header.properties, body: { state, bytes: Buffer.concat(this.#parts), length } };
  }
}
