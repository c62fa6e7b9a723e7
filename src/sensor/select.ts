// Which parser reads a flow. Enters: declared ports, the flow, its first bytes; leaves: a parser, or why there is none.
import type { Protocol } from '../events/common.ts';
import { type Endpoint, formatEndpoint, type Side } from '../flow.ts';
import { findContent } from './detect/content.ts';
import type { Finding } from './detect/guess.ts';
import type { ParserContext, ParserFactory } from './parser.ts';
import { UndecidedReader } from './undecided.ts';

/** Declared services: `ip:port` (IPv6 in brackets) or `*:port`, and what they speak. */
export type Hints = ReadonlyMap<string, Protocol>;
export type ParserFactories = Readonly<Record<Protocol, ParserFactory>>;

/** Ports that usually speak a protocol. The content wins over them. */
const WELL_KNOWN: ReadonlyMap<number, Protocol> = new Map([
  ...[80, 591, 3000, 5000, 8000, 8008, 8080, 8081, 8088, 8888, 9080, 9200, 15672].map(
    (port): [number, Protocol] => [port, 'http'],
  ),
  [5672, 'amqp'],
  [5432, 'postgres'],
  [3306, 'mysql'],
]);

/** What is known of a server before it says a word. `declared`: a policy says so. */
export interface Expectation {
  readonly protocol: Protocol;
  readonly declared: boolean;
}

export interface Selector {
  /** What an endpoint should speak when it is the server; null when nothing is known of it. */
  expectation(server: Endpoint): Expectation | null;
  /** Begins to read a flow. `discard` is called when no parser will. */
  open(context: ParserContext, discard: () => void): UndecidedReader;
}

/** Selects by declared ports, then by content, then by well-known ports. */
export function selectParser(hints: Hints, factories: ParserFactories): Selector {
  const expectation = (server: Endpoint): Expectation | null => {
    const declared = hints.get(formatEndpoint(server)) ?? hints.get(`*:${server.port}`);
    if (declared !== undefined) return { protocol: declared, declared: true };
    const usual = WELL_KNOWN.get(server.port);
    return usual === undefined ? null : { protocol: usual, declared: false };
  };
  return {
    expectation,
    open: (context, discard) =>
      new UndecidedReader(context, expectation(context.flow.resp), factories, discard),
  };
}

/** The first bytes of both sides, as far as they came. */
export interface Heads {
  readonly orig: Uint8Array;
  readonly resp: Uint8Array;
}

/**
 * What to do with a flow. `by` is the side whose bytes told, null where the port did. `wait` only while more bytes may tell.
 */
export type Choice =
  | { readonly kind: 'parse'; readonly protocol: Protocol; readonly by: Side | null }
  | { readonly kind: 'refuse'; readonly finding: Finding }
  | { readonly kind: 'wait' };

/**
 * Decides by the bytes of both sides.
 * @param midstream the heads need not be the first bytes of the connection, only of segments
 * @param final nothing more will come, or no more will be kept: `wait` is no answer
 */
export function choose(
  heads: Heads,
  expected: Expectation | null,
  midstream: boolean,
  final: boolean,
): Choice {
  const protocol = expected?.protocol ?? null;
  const orig = findContent(heads.orig, { side: 'orig', midstream, expected: protocol });
  const resp = findContent(heads.resp, { side: 'resp', midstream, expected: protocol });
  for (const [by, finding] of [['orig', orig] as const, ['resp', resp] as const]) {
    if (finding.kind === 'foreign') return { kind: 'refuse', finding };
    if (finding.kind !== 'protocol') continue;
    const contradicts = expected?.declared === true && finding.protocol !== protocol;
    return contradicts ? { kind: 'refuse', finding } : { kind: 'parse', protocol: finding.protocol, by };
  }
  // Midstream the bytes may be the middle of anything: the port decides, and its parser knows how to begin there.
  if (midstream && protocol !== null) return { kind: 'parse', protocol, by: null };
  const [first, head] = protocol === 'mysql' ? [resp, heads.resp] : [orig, heads.orig];
  if (final) {
    return protocol !== null && first.kind === 'more' && head.length > 0
      ? { kind: 'parse', protocol, by: null }
      : { kind: 'refuse', finding: { kind: 'none' } };
  }
  if (midstream) return { kind: 'wait' };
  const hopeless =
    expected?.declared === true ? first.kind === 'none' : orig.kind === 'none' && resp.kind === 'none';
  return hopeless ? { kind: 'refuse', finding: { kind: 'none' } } : { kind: 'wait' };
}
