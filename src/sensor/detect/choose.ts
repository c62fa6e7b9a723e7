// What to do with a flow, by what is known of its port and by its bytes. Enters: first bytes of both sides; leaves: a choice.
import type { Protocol } from '../../events/common.ts';
import type { Side } from '../../flow.ts';
import { findContent } from './content.ts';
import type { Finding } from './guess.ts';

/** What is known of a server before it says a word. `declared`: a policy says so. */
export interface Expectation {
  readonly protocol: Protocol;
  readonly declared: boolean;
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
