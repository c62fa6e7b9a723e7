// A verdict as a short block that a person reads. Enters: a verdict, its block; leaves: lines.
import { timestamp } from '../../audit/timestamp.ts';
import { verdictRecord } from '../../audit/verdict-record.ts';
import type { Block } from '../../flowtap/block.ts';
import type { Verdict } from '../../verdict.ts';
import type { Colours } from '../terminal.ts';
import { safe } from './safe.ts';

/** Packets listed at most; the journal has them all. */
const MOST_PACKETS = 8;

/** Who did what to whom, why that is no good, what came closest, and where to look. */
export function describeVerdict(verdict: Verdict, block: Block | null, colours: Colours): string {
  const { bold, dim } = colours;
  const { subject, reasons, nearest } = verdict;
  const record = verdictRecord(verdict, null);
  const lines = [
    `${kind(verdict, colours)} ${bold(verdict.id)} ${dim(`${reasons[0].code}, ${verdict.decidedBy} policy of ${safe(verdict.application)}, ${timestamp(verdict.ts)}`)}`,
    `  ${bold(safe(subject.from))}${at(record.from_endpoint, colours)} ${dim('to')} ${bold(safe(subject.to))}${at(record.to_endpoint, colours)}: ${safe(subject.request)}`,
    ...reasons.map(({ text }) => `  ${safe(text)}`),
  ];
  const note = (name: string, text: string): void => {
    lines.push(`  ${dim(name.padEnd(8))} ${text}`);
  };
  if (nearest !== null) {
    note('nearest', `chain ${nearest.id}: ${safe(nearest.root)}, open since ${timestamp(nearest.opened)}`);
    for (const { fact, expected, expectedFrom, seen, seenAt } of nearest.differences) {
      const says = seen === null ? 'absent' : bold(safe(seen, 80));
      note(
        'differs',
        `${safe(fact)} is ${says} (${safe(seenAt)}), expected ${bold(safe(expected, 80))} (${safe(expectedFrom)})`,
      );
    }
  }
  if (verdict.unmet !== undefined) {
    const { relation, fact, seen, seenAt } = verdict.unmet;
    note('requires', `${safe(relation)}; ${safe(fact)} is ${bold(safe(seen, 80))} (${safe(seenAt)})`);
  }
  note('packets', packets(verdict));
  note('effect', effect(verdict, block));
  return `${lines.join('\n')}\n`;
}

function kind({ kind }: Verdict, { red, green, yellow, bold }: Colours): string {
  if (kind === 'drop') return red(bold('DROP'));
  return kind === 'pass' ? green('PASS') : yellow('CANNOT TELL');
}

function at(endpoint: string | null, { dim }: Colours): string {
  return endpoint === null ? '' : dim(` (${endpoint})`);
}

/** By capture, so that its name stands there once. */
function packets({ evidence }: Verdict): string {
  const byCapture = new Map<string, Set<number>>();
  for (const { capture, packets } of evidence) {
    if (capture === null) continue;
    const known = byCapture.get(capture) ?? new Set<number>();
    for (const packet of packets) known.add(packet);
    byCapture.set(capture, known);
  }
  const parts = [...byCapture].map(([capture, numbers]) => {
    const more = numbers.size > MOST_PACKETS ? ` and ${numbers.size - MOST_PACKETS} more` : '';
    return `${[...numbers].slice(0, MOST_PACKETS).join(', ')}${more} of ${safe(capture)}`;
  });
  return parts.length === 0 ? 'none kept by this source' : parts.join('; ');
}

function effect({ action, effect: done, restraint, subject }: Verdict, block: Block | null): string {
  if (action === 'none') return 'none';
  if (action === 'observe') return `none: ${restrained(restraint, subject.from)}`;
  if (action === 'refuse') return 'prevented: it is answered with an error, and its connection goes on';
  const arrived = done === 'prevented' ? 'prevented' : 'detected, not prevented (a copy was judged)';
  return block === null
    ? arrived
    : `${arrived}; the flow is cut by block ${block.id} until ${timestamp(block.until)}`;
}

function restrained(restraint: Verdict['restraint'], from: string): string {
  switch (restraint) {
    case 'service':
      return `"${safe(from)}" is in mode "audit"`;
    case 'request':
      return 'its rule only audits';
    case 'report':
      return 'its rule only reports';
    case 'ended':
      return 'its flow had ended when the policy was replaced';
    case 'application':
    case null:
      return 'the policy is in mode "audit"';
  }
}
