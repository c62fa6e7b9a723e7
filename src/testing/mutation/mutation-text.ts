// What survived, for a person. Enters: a report; leaves: text, by request and reason.
import { printable } from '../../policy/observe/observation.ts';
import type { MutationKind } from './mutant.ts';
import type { MutationReport, Survivor } from './mutate.ts';

const KINDS: readonly (readonly [MutationKind, string])[] = [
  ['value', 'another value in a request or its answer'],
  ['target', 'another target'],
  ['order', 'at another time'],
  ['count', 'replayed, or left out'],
  ['source', 'from somebody else'],
];

/** Totals by kind, then the survivors by request, those with the same reason together. */
export function mutationText({ application, mutants, denied, survivors }: MutationReport): string {
  const total = KINDS.reduce((sum, [kind]) => sum + mutants[kind], 0);
  const recorded = survivors.filter(({ outcome }) => outcome === 'recorded').length;
  const lines = [
    `${application}: ${total} mutants, ${total - survivors.length} denied, ${survivors.length} survive (${recorded} of them seen in the record of their chain)`,
    ...KINDS.map(
      ([kind, what]) =>
        `  ${kind.padEnd(7)} ${`${denied[kind]} of ${mutants[kind]}`.padStart(12)} denied: ${what}`,
    ),
  ];
  for (const alike of grouped(survivors, ({ request, from, to }) => `${request}\n${from}\n${to}`)) {
    const [first] = alike;
    if (first === undefined) continue;
    lines.push('', `${first.request}, ${first.from} to ${first.to}`);
    for (const same of grouped(alike, ({ why }) => why)) {
      for (const { outcome, kind, what } of same)
        lines.push(`  ${outcome.padEnd(8)} ${kind.padEnd(6)} ${what}`);
      lines.push(`    ${same[0]?.why ?? ''}`);
    }
  }
  return `${lines.map((line) => printable(line, 400)).join('\n')}\n`;
}

function grouped(
  survivors: readonly Survivor[],
  key: (survivor: Survivor) => string,
): readonly (readonly Survivor[])[] {
  const groups = new Map<string, Survivor[]>();
  for (const survivor of survivors) {
    const group = groups.get(key(survivor));
    if (group === undefined) groups.set(key(survivor), [survivor]);
    else group.push(survivor);
  }
  return [...groups.values()];
}
