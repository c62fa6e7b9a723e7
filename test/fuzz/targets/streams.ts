// The protocol parsers of the sensor, on both sides of a connection. Enters: turns; leaves: events, the same however they are cut.
import { inspect, isDeepStrictEqual } from 'node:util';
import type { Flow, FlowId, Side } from '../../../src/flow.ts';
import { DEFAULT_LIMITS, type ParserContext, type StreamParser } from '../../../src/sensor/parser.ts';
import type { Emitted } from '../../support/parse.ts';
import type { Input, Piece } from '../input.ts';
import { Mismatch } from '../target.ts';
import { weigh } from '../weigh.ts';

/** What a piece is, by the three lowest bits of its tag: data, bytes that were lost, bytes that were held back. */
const KINDS = [
  'orig',
  'resp',
  'orig',
  'resp',
  'orig lost',
  'resp lost',
  'orig elided',
  'resp elided',
] as const;
/** Of the first piece: the flow is seen from its middle on. */
export const MIDSTREAM = 8;
/** Of the first piece: limits so small that they are reached. */
const SMALL_LIMITS = 16;
export const STREAM_TAGS = 32;

const SMALL = { body: 300, head: 400, statement: 500, rows: 2, prepared: 4, pipeline: 4 };

export type Open = (context: ParserContext, tag: number) => StreamParser;

/**
 * How the events of two readings must agree. `sides apart`: a parser that waits with one side for the other may say what it
 * read of both in another order, and whatever ends one side ends the other.
 */
type Agreement = 'all' | 'sides apart' | 'none';

/** Gives a conversation to a parser twice, in different pieces. @returns bytes of its events */
export function converse(open: Open, input: Input, agreement: Agreement = 'all'): number {
  const whole = play(open, input, () => Number.POSITIVE_INFINITY);
  const cuts = [1, 7, 2, 60, 3, 1000];
  let next = input.length;
  const cut = play(open, input, () => cuts[next++ % cuts.length] ?? 1);
  if (agreement === 'none' || !isWhole(input)) return weigh(whole);
  if (agreement === 'all') compare(whole, cut);
  else if (![...whole, ...cut].some(changesTheOtherSide))
    for (const side of ['orig', 'resp'] as const)
      compare(
        ...([whole, cut].map((all) => all.filter(({ span }) => span.side === side)) as [
          Emitted[],
          Emitted[],
        ]),
      );
  return weigh(whole);
}

function compare(whole: readonly Emitted[], cut: readonly Emitted[]): void {
  if (isDeepStrictEqual(whole, cut)) return;
  const index = whole.findIndex((event, at) => !isDeepStrictEqual(event, cut[at]));
  const at = index < 0 ? whole.length : index;
  const [one, other] = [inspect(whole[at]), inspect(cut[at])];
  throw new Mismatch(`cut otherwise, ${whole[at]?.kind} is ${cut[at]?.kind}\n${one}\n${other}`);
}

/** The end of all reading, and a refusal, after which the body of the request may never come. */
function changesTheOtherSide(event: Emitted): boolean {
  return event.kind === 'analysis-lost' || (event.kind === 'http-response' && event.status >= 400);
}

/** Behind missing bytes a parser begins again where a segment looks like the beginning of a message. */
function isWhole(input: Input): boolean {
  return ((input[0]?.tag ?? 0) & MIDSTREAM) === 0 && input.every(({ tag }) => (tag & 7) < 4);
}

function play(open: Open, input: Input, size: () => number): Emitted[] {
  const emitted: Emitted[] = [];
  const first = input[0]?.tag ?? 0;
  const flow: Flow = {
    id: 'f' as FlowId,
    orig: { ip: '192.0.2.1', port: 40_000 },
    resp: { ip: '192.0.2.2', port: 9 },
    vlans: [],
    seenAt: 'fuzz',
    midstream: (first & MIDSTREAM) !== 0,
  };
  const limits = (first & SMALL_LIMITS) !== 0 ? { ...DEFAULT_LIMITS, ...SMALL } : DEFAULT_LIMITS;
  const parser = open({ flow, limits, emit: (span, draft) => emitted.push({ ...draft, span }) }, first);
  const offsets = { orig: 0, resp: 0 };
  for (const piece of input) give(parser, offsets, piece, size);
  parser.end('orig', 'fin');
  parser.end('resp', 'fin');
  return emitted;
}

function give(
  parser: StreamParser,
  offsets: Record<Side, number>,
  { tag, bytes }: Piece,
  size: () => number,
): void {
  const [side, how] = (KINDS[tag & 7] ?? 'orig').split(' ') as [Side, string?];
  if (how !== undefined) {
    const length = bytes.length > 2 && (bytes[0] ?? 0) > 0xf0 ? 0x1000_0000 : bytes.length;
    if (length === 0) return;
    if (how === 'lost') parser.lost(side, offsets[side], length);
    else parser.elided(side, offsets[side], length);
    offsets[side] += length;
    return;
  }
  for (let at = 0; at < bytes.length; ) {
    // A copy that is wiped afterwards: a parser that keeps what it was lent is found out.
    const chunk = Uint8Array.from(bytes.subarray(at, at + size()));
    parser.data(side, offsets[side], chunk);
    offsets[side] += chunk.length;
    at += chunk.length;
    chunk.fill(0x2e);
  }
}
