// A verdict as a story, for a failure message. Enters: a verdict, the chain behind it; leaves: plain text.
import { timestamp } from '../audit/timestamp.ts';
import type { Evidence } from '../flow.ts';
import { printable } from '../policy/observe/observation.ts';
import type { ChainView, StepView, Verdict } from '../verdict.ts';

/** Characters of one value, and of one line. */
const VALUE = 80;
const LINE = 400;

/** Who did what to whom, why that is no good, what came closest, what differed, and the chain as a tree. */
export function tellVerdict(verdict: Verdict, chain: ChainView | null): string {
  const { subject, reasons, nearest, id, kind } = verdict;
  const lines = [
    `${kind === 'indeterminate' ? 'CANNOT TELL' : kind.toUpperCase()} ${id}, ${reasons[0].code}: ${subject.from} to ${subject.to}: ${subject.request}`,
    ...reasons.map(({ text }) => `  ${text}`),
  ];
  for (const { fact, seen, seenAt, expected, expectedFrom } of nearest?.differences ?? []) {
    const says = seen === null ? 'absent' : value(seen);
    lines.push(`  ${fact} is ${says} (${seenAt}), expected ${value(expected)} (${expectedFrom})`);
  }
  const [own] = verdict.evidence;
  if (own !== undefined) lines.push(`  at ${timestamp(verdict.ts)}, ${place(own)}`);
  if (chain !== null) {
    lines.push(`  chain ${chain.id}: ${chain.root}`);
    lines.push(...steps(chain.tree, verdict.step, '    '));
    for (const [fact, origin] of Object.entries(chain.origins))
      lines.push(`    ${fact} = ${value(origin.value)} from ${origin.source}, ${place(origin.evidence)}`);
  }
  return lines.map((line) => printable(line, LINE)).join('\n');
}

function steps(step: StepView, here: string | null, indent: string): readonly string[] {
  const seen = step.seen.map(
    ({ request, evidence, answered }) =>
      `${request}, ${place(evidence)}, ${answered === null ? 'not answered' : `answered ${answered}`}`,
  );
  const marked = step.step === here ? ' <- here' : '';
  const came = seen.length === 0 ? 'has not come' : seen.join('; ');
  return [
    `${indent}${step.state} ${step.step} (${step.expected}): ${came}${marked}`,
    ...step.children.flatMap((child) => steps(child, here, `${indent}  `)),
  ];
}

function place({ capture, packets: [packet], side, start, end }: Evidence): string {
  const bytes = `bytes ${start} to ${end} of ${side === 'orig' ? 'the client' : 'the server'}`;
  if (capture === null || packet === undefined) return bytes;
  return `packet ${packet} of ${capture}, ${bytes}`;
}

function value(text: string): string {
  return JSON.stringify(printable(text, VALUE));
}
