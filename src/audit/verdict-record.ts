// A verdict as one line of the journal. Enters: a verdict, its block; leaves: its record.
import { formatEndpoint, otherSide, type Side } from '../flow.ts';
import type { Verdict } from '../verdict.ts';
import { allPackets, rangeRecord } from './evidence.ts';
import { SCHEMA, type UnmetRecord, type VerdictRecord } from './record.ts';
import { timestamp } from './timestamp.ts';

/** The record of a verdict; `block` names the block that it led to. */
export function verdictRecord(verdict: Verdict, block: string | null): VerdictRecord {
  const { subject, chain, nearest, cannotTell, reasons } = verdict;
  const { flow } = subject;
  const [from, to] = endpoints(verdict);
  return {
    schema: SCHEMA,
    record: 'verdict',
    time: timestamp(verdict.ts),
    id: verdict.id,
    verdict: verdict.kind,
    code: reasons[0].code,
    text: reasons[0].text,
    reasons: reasons.map(({ code, text }) => ({ code, text })),
    decided_by: verdict.decidedBy,
    application: verdict.application,
    policy: verdict.policy,
    what: subject.what,
    protocol: subject.protocol,
    request: subject.request,
    step: verdict.step,
    from: subject.from,
    from_endpoint: from,
    to: subject.to,
    to_endpoint: to,
    flow: flow.id,
    flow_orig: formatEndpoint(flow.orig),
    flow_resp: formatEndpoint(flow.resp),
    vlans: flow.vlans,
    seen_at: flow.seenAt,
    midstream: flow.midstream,
    chain: chain?.id ?? null,
    chain_root: chain?.root ?? null,
    chain_opened: chain === null ? null : timestamp(chain.opened),
    chain_facts: chain?.facts ?? null,
    candidates: verdict.candidates,
    nearest: nearest?.id ?? null,
    nearest_root: nearest?.root ?? null,
    nearest_opened: nearest === null ? null : timestamp(nearest.opened),
    nearest_facts: nearest?.facts ?? null,
    differences: (nearest?.differences ?? []).map((difference) => ({
      fact: difference.fact,
      expected: difference.expected,
      expected_from: difference.expectedFrom,
      seen: difference.seen,
      seen_at: difference.seenAt,
    })),
    unmet: unmetRecord(verdict),
    cannot_tell: cannotTell === null || cannotTell.code === 'consequence' ? null : cannotTell.cause,
    consequence_of: cannotTell?.code === 'consequence' ? cannotTell.of : null,
    action: verdict.action,
    restraint: verdict.restraint,
    effect: verdict.effect,
    block,
    evidence: allPackets(verdict.evidence),
    ranges: verdict.evidence.map(rangeRecord),
  };
}

function unmetRecord({ unmet }: Verdict): UnmetRecord | null {
  if (unmet === undefined) return null;
  const { relation, fact, seen, seenAt, expected } = unmet;
  return { relation, fact, seen, seen_at: seenAt, would_hold_with: expected };
}

/**
 * Who sent it and who got it, as addresses. A request may travel against the direction in which its connection was
 * opened (a broker delivers to a consumer), so the side of the bytes tells, not the originator. An obligation was not
 * met by whoever got the request that made it necessary; whom it should have asked has no address in this flow.
 */
function endpoints({ subject, evidence }: Verdict): readonly [string | null, string | null] {
  const { flow, what } = subject;
  const address = (side: Side): string => formatEndpoint(side === 'orig' ? flow.orig : flow.resp);
  if (what === 'connection') return [address('orig'), address('resp')];
  const side = evidence[0]?.side ?? 'orig';
  return what === 'obligation' ? [address(otherSide(side)), null] : [address(side), address(otherSide(side))];
}
