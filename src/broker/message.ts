// The messages of Zeek's WebSocket API v1. Enters: received bytes, or what to send; leaves: messages, or checked frames.
import { BrokerError, unsendable } from './failure.ts';
import { CLOSE_OBJECT, COMMA, Cursor } from './value/cursor.ts';
import { Literal } from './value/literal.ts';
import { readPlain, readPlainItems } from './value/plain.ts';
import { PlainCursor } from './value/plain-cursor.ts';
import { ValueReader } from './value/read.ts';
import { isIdentifier, isWellFormed, type Value } from './value/value.ts';
import { quote, Writer, writeValue } from './value/write.ts';

/** Metadata of an event: id 1 is the network timestamp, ids from 200 on are the user's own. */
export interface Metadata {
  readonly id: bigint;
  readonly value: Value;
}

/** An event on a topic. */
export interface ZeekEvent {
  readonly topic: string;
  readonly name: string;
  readonly args: readonly Value[];
  readonly metadata?: readonly Metadata[];
}

/** What Zeek sends. `data` is a data message that is no event; `malformed` one that nobody can read. */
export type Message =
  | { readonly kind: 'ack'; readonly endpoint: string; readonly version: string }
  | { readonly kind: 'error'; readonly code: string; readonly context: string }
  | {
      readonly kind: 'event';
      readonly topic: string;
      readonly name: string;
      readonly args: readonly Value[];
      readonly metadata: readonly Metadata[];
    }
  | { readonly kind: 'data'; readonly topic: string; readonly value: Value }
  | {
      readonly kind: 'malformed';
      readonly problem: string;
      readonly offset: number;
      /** Bytes of the whole frame. */
      readonly size: number;
      /** Its first bytes, a copy. */
      readonly start: Uint8Array;
    };

/** What goes into one WebSocket frame. */
export interface Frame {
  readonly bytes: Uint8Array;
  /** Zeek takes bytes that are not UTF-8 in a binary frame only. */
  readonly binary: boolean;
}

/** How much of a frame that cannot be read is kept as evidence. */
const EVIDENCE = 256;

/** Reads one message a slice at a time, so that a large one does not keep the event loop. */
export class MessageReader {
  readonly #frame: Uint8Array;
  #reader: ValueReader | null = null;

  constructor(frame: Uint8Array) {
    this.#frame = frame;
  }

  /** Reads on for about `budget` bytes; null while there is more to read. Throws nothing, whatever the bytes. */
  run(budget: number): Message | null {
    try {
      if (this.#reader === null) {
        const event = this.#frame.length <= budget ? readPlainEvent(this.#frame) : null;
        if (event !== null) return event;
        this.#reader = new ValueReader(new Cursor(this.#frame));
      }
      return this.#reader.run(budget) ? messageOf(this.#reader.texts, this.#reader.value) : null;
    } catch (error) {
      if (!(error instanceof BrokerError)) throw error;
      return {
        kind: 'malformed',
        problem: error.message,
        offset: error.offset ?? 0,
        size: this.#frame.length,
        start: new Uint8Array(this.#frame.subarray(0, EVIDENCE)),
      };
    }
  }
}

/** Reads one whole message. Throws nothing, whatever the bytes: see `malformed`. */
export function readMessage(frame: Uint8Array): Message {
  const message = new MessageReader(frame).run(Number.POSITIVE_INFINITY);
  if (message === null) throw new BrokerError('broker-protocol', 'a reader without a budget stopped');
  return message;
}

/** How Zeek writes every event; between these stand topic, name, arguments and metadata. */
const PLAIN_TOPIC = new Literal('{"type":"data-message","topic":"');
const PLAIN_NAME = new Literal(
  ',"@data-type":"vector","data":[{"@data-type":"count","data":1},{"@data-type":"count","data":1},{"@data-type":"vector","data":[{"@data-type":"string","data":"',
);
const PLAIN_ARGS = new Literal('},{"@data-type":"vector","data":[');
const PLAIN_END = new Literal(']}]}');

/** An event in just the form that Zeek writes; null for everything else, which the general reader is to read. */
export function readPlainEvent(frame: Uint8Array): Message | null {
  const cursor = new PlainCursor(frame);
  try {
    const topic = cursor.pass(PLAIN_TOPIC) ? cursor.text() : null;
    if (topic === null || !cursor.pass(PLAIN_NAME)) return null;
    const name = cursor.text();
    const args = name !== null && cursor.pass(PLAIN_ARGS) ? readPlainItems(cursor) : null;
    if (name === null || args === null || !cursor.take(CLOSE_OBJECT)) return null;
    const metadata = cursor.take(COMMA) ? metadataOf(readPlain(cursor)) : NO_METADATA;
    if (metadata === null || !cursor.pass(PLAIN_END) || cursor.at !== frame.length) return null;
    return { kind: 'event', topic, name, args, metadata };
  } catch (error) {
    // Where it is, and what, the general reader finds out.
    if (error instanceof BrokerError) return null;
    throw error;
  }
}

/** One subscription: topic prefixes. None makes a client that only publishes; an empty prefix takes everything. */
export function writeSubscription(topics: readonly string[]): Frame {
  for (const topic of topics) checkTopic(topic);
  return { bytes: Buffer.from(`[${topics.map(quote).join(',')}]`), binary: false };
}

/**
 * An event in exactly the shape that Zeek reads without bounds checks: `[1,1,[name,args(,metadata)]]`.
 * @param limit of the frame, in bytes; Zeek itself has none
 * @throws BrokerError `broker-unsendable` for what Zeek would not take
 */
export function writeEvent(event: ZeekEvent, limit: number): Frame {
  checkTopic(event.topic);
  if (event.topic === '') throw unsendable('an event needs a topic');
  if (!isIdentifier(event.name)) throw unsendable('an event needs the name of a Zeek identifier');
  const writer = new Writer(limit);
  writer.text(`{"type":"data-message","topic":${quote(event.topic)},"@data-type":"vector","data":[`);
  writer.text(
    '{"@data-type":"count","data":1},{"@data-type":"count","data":1},{"@data-type":"vector","data":[',
  );
  writer.text(`{"@data-type":"string","data":"${event.name}"},`);
  writeValue(writer, { kind: 'vector', items: event.args }, 5);
  if (event.metadata !== undefined && event.metadata.length > 0) {
    writer.text(',');
    writeValue(writer, { kind: 'vector', items: event.metadata.map(pairOf) }, 5);
  }
  writer.text(']}]}');
  const bytes = writer.finish();
  return { bytes, binary: !writer.isText };
}

function pairOf({ id, value }: Metadata): Value {
  return { kind: 'vector', items: [{ kind: 'count', value: id }, value] };
}

/**
 * Zeek cuts topics at a NUL, so that another topic would be meant than the one that was written; `<$>` is what Broker
 * marks its own topics with (`topic::reserved`).
 */
function checkTopic(topic: string): void {
  if (topic.includes('\0') || topic.includes('<$>') || !isWellFormed(topic) || topic.length > 1024)
    throw unsendable('a topic is text without NUL and without <$>, of at most 1024 characters');
}

function messageOf(texts: ReadonlyMap<string, string>, value: Value | null): Message {
  switch (texts.get('type')) {
    case 'data-message':
      return dataMessage(need(texts, 'topic'), value);
    case 'ack':
      return { kind: 'ack', endpoint: need(texts, 'endpoint'), version: need(texts, 'version') };
    case 'error':
      // Zeek 7.2 and early 8.0 builds wrote "message" (zeek#4594).
      return {
        kind: 'error',
        code: need(texts, 'code'),
        context: texts.get('context') ?? texts.get('message') ?? '',
      };
    default:
      throw new BrokerError('broker-malformed', 'an unknown type of message', 0);
  }
}

/** An event is `[1, 1, [name, args]]`, with metadata after args when there is some. */
function dataMessage(topic: string, value: Value | null): Message {
  if (value === null) throw new BrokerError('broker-malformed', '"data" is missing', 0);
  if (value.kind !== 'vector' || value.items.length !== 3) return { kind: 'data', topic, value };
  const [format, type, content] = value.items;
  if (format?.kind !== 'count' || type?.kind !== 'count' || content?.kind !== 'vector')
    return { kind: 'data', topic, value };
  const [name, args, metadata] = content.items;
  if (type.value !== 1n || name?.kind !== 'string' || args?.kind !== 'vector')
    return { kind: 'data', topic, value };
  if (metadata === undefined)
    return { kind: 'event', topic, name: name.text, args: args.items, metadata: NO_METADATA };
  const pairs = metadataOf(metadata);
  if (pairs === null) return { kind: 'data', topic, value };
  return { kind: 'event', topic, name: name.text, args: args.items, metadata: pairs };
}

const NO_METADATA: readonly Metadata[] = [];

function metadataOf(value: Value | null): readonly Metadata[] | null {
  if (value?.kind !== 'vector') return null;
  const pairs: Metadata[] = [];
  for (const pair of value.items) {
    if (pair.kind !== 'vector') return null;
    const [id, content] = pair.items;
    if (id?.kind !== 'count' || content === undefined) return null;
    pairs.push({ id: id.value, value: content });
  }
  return pairs;
}

function need(texts: ReadonlyMap<string, string>, key: string): string {
  const text = texts.get(key);
  if (text === undefined) throw new BrokerError('broker-malformed', `"${key}" is missing`, 0);
  return text;
}
