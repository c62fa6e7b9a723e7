// What Zeek's scripts publish (zeek-scripts), as one union. Enters: an event's name and arguments; leaves: a report.
import type { Value } from '../broker/value/value.ts';
import type { AmbiguityCode } from '../events/common.ts';
import type { Micros, Side } from '../flow.ts';
import { ArgumentError, Arguments } from './arguments.ts';

/** The version of the events, `FlowTap::schema` in zeek-scripts/main.zeek. */
export const SCHEMA = 1n;
/** Topics, as in zeek-scripts/main.zeek. */
export const EVENT_TOPIC = 'flowtap/events/';
export const CONTROL_TOPIC = 'flowtap/control/';

/** What every report begins with. */
export interface Head {
  /** One run of one Zeek. */
  readonly epoch: string;
  /** Counts the reports of an epoch from 1, without a hole. */
  readonly n: bigint;
  readonly ts: Micros;
  /** Zeek's name of the connection; empty for what is of none. */
  readonly uid: string;
}

export type Body =
  | {
      readonly kind: 'hello';
      readonly schema: bigint;
      readonly node: string;
      readonly version: string;
      readonly replay: boolean;
      readonly configuration: string;
      readonly problem: string;
    }
  | {
      readonly kind: 'heartbeat';
      readonly dropped: number;
      readonly unpublished: number;
      /** Connections that were too many to be followed. */
      readonly unfollowed: number;
    }
  | { readonly kind: 'capture-end'; readonly path: string }
  | {
      readonly kind: 'new';
      readonly orig: { readonly ip: string; readonly port: number };
      readonly resp: { readonly ip: string; readonly port: number };
      readonly vlans: readonly number[];
      /** `syn-ack`: who sent it did not open the connection. `other`: it was opened before. */
      readonly first: 'syn' | 'syn-ack' | 'other';
    }
  /** Zeek takes the originator for the responder from here on. */
  | { readonly kind: 'flipped' }
  | { readonly kind: 'established' }
  | { readonly kind: 'side-end'; readonly side: Side }
  | { readonly kind: 'end'; readonly how: 'fin' | 'rst' | 'timeout' }
  | { readonly kind: 'ambiguity'; readonly code: AmbiguityCode; readonly detail: string }
  | { readonly kind: 'lost'; readonly side: Side; readonly start: number; readonly length: number }
  | {
      readonly kind: 'data';
      readonly side: Side;
      readonly start: number;
      /** The first of `length` bytes; the others were not handed on. */
      readonly raw: Buffer;
      readonly length: number;
      /** What the grammar read there; empty for bytes that no grammar delimited. */
      readonly reading: string;
      readonly about: readonly Buffer[];
    };

/** A report whose number counts, though its arguments are not those that the scripts send. */
export interface Unreadable {
  readonly kind: 'unreadable';
  readonly why: string;
}

export interface Report {
  readonly head: Head;
  readonly body: Body | Unreadable;
}

/** A position in a stream that no connection reaches in earnest; larger ones are refused. */
const LONGEST_STREAM = 2 ** 50;
const CODES: ReadonlySet<string> = new Set<AmbiguityCode>([
  'tcp-overlap-conflict',
  'tcp-urgent-data',
  'tcp-data-in-syn',
  'ip-fragment-overlap',
]);

const READERS: ReadonlyMap<string, (args: Arguments) => Body> = new Map<string, (args: Arguments) => Body>([
  [
    'hello',
    (args) => ({
      kind: 'hello',
      schema: args.count(),
      node: args.text(),
      version: args.text(),
      replay: args.boolean(),
      configuration: args.text(),
      problem: args.text(),
    }),
  ],
  [
    'heartbeat',
    (args) => ({
      kind: 'heartbeat',
      dropped: args.number(),
      unpublished: args.number(),
      unfollowed: args.number(),
    }),
  ],
  ['capture_end', (args) => ({ kind: 'capture-end', path: args.bytes().toString() })],
  [
    'conn_new',
    (args) => ({
      kind: 'new',
      orig: { ip: args.address(), port: args.number() },
      resp: { ip: args.address(), port: args.number() },
      vlans: args.numbers(),
      first: oneOf(args, FIRST),
    }),
  ],
  ['conn_flipped', () => ({ kind: 'flipped' })],
  ['conn_established', () => ({ kind: 'established' })],
  ['side_end', (args) => ({ kind: 'side-end', side: side(args) })],
  ['conn_end', (args) => ({ kind: 'end', how: oneOf(args, ENDS) })],
  ['ambiguity', (args) => ({ kind: 'ambiguity', code: code(args), detail: args.text() })],
  ['lost', (args) => ({ kind: 'lost', side: side(args), start: position(args), length: position(args) })],
  ['data', data],
]);

/**
 * Reads an event of ours; null for an event of another name.
 * @throws ArgumentError for a head that the scripts do not send
 */
export function readReport(name: string, args: readonly Value[]): Report | null {
  if (!name.startsWith('FlowTap::')) return null;
  const read = READERS.get(name.slice('FlowTap::'.length));
  if (read === undefined) return null;
  const cursor = new Arguments(args);
  const record = cursor.record();
  const head = { epoch: record.text(), n: record.count(), ts: record.number(), uid: record.text() };
  record.end();
  return { head, body: bodyOf(cursor, read) };
}

function bodyOf(args: Arguments, read: (args: Arguments) => Body): Body | Unreadable {
  try {
    const body = read(args);
    args.end();
    return body;
  } catch (error) {
    if (!(error instanceof ArgumentError)) throw error;
    return { kind: 'unreadable', why: error.message };
  }
}

function side(args: Arguments): Side {
  return args.boolean() ? 'orig' : 'resp';
}

function position(args: Arguments): number {
  const value = args.number();
  if (value > LONGEST_STREAM) throw new ArgumentError('a position in a stream is too large');
  return value;
}

const FIRST = ['syn', 'syn-ack', 'other'] as const;
const ENDS = ['fin', 'rst', 'timeout'] as const;

function oneOf<T extends string>(args: Arguments, known: readonly T[]): T {
  const text = args.text();
  const found = known.find((each) => each === text);
  if (found === undefined) throw new ArgumentError('a text that is none of those known');
  return found;
}

function code(args: Arguments): AmbiguityCode {
  const text = args.text();
  if (!CODES.has(text)) throw new ArgumentError('an unknown ambiguity');
  return text as AmbiguityCode;
}

function data(args: Arguments): Body {
  const [from, start, raw, length] = [side(args), position(args), args.bytes(), position(args)];
  if (raw.length > length) throw new ArgumentError('more bytes than their length');
  return { kind: 'data', side: from, start, raw, length, reading: args.text(), about: args.byteStrings() };
}
