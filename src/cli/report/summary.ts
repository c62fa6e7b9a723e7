// The end of a run, for a person. Enters: a tally; leaves: text.
import type { Colours } from '../terminal.ts';
import { safe } from './safe.ts';
import { drawTable } from './table.ts';
import { isRoutine, type Tally, type Untold } from './tally.ts';

/** What was explained step by step, what could not be told and why, and the totals. */
export function describeSummary(tally: Tally, colours: Colours): string {
  const { bold, dim } = colours;
  const parts = [
    drawTable(
      HEAD,
      tally.rows.filter((row) => !isRoutine(row)).map((row) => cells(row, colours)),
      colours,
      3,
    ),
  ];
  if (tally.untold.length > 0) {
    parts.push(
      `could not be told\n${tally.untold.map((untold) => `  ${describeUntold(untold, colours)}\n`).join('')}`,
    );
  }
  parts.push(
    totals(tally, colours)
      .map((line) => `${line}\n`)
      .join(''),
  );
  if (tally.end?.whole === false)
    parts.push(bold('stopped before the end: this is what was seen until then\n'));
  const lost = notAnalysed(tally);
  if (lost !== '') parts.push(dim(`${lost}\n`));
  return parts.join('\n');
}

const HEAD = ['from', 'to', 'request', 'explained', 'dropped', 'not told'];

function cells(
  { from, to, step, counts }: Tally['rows'][number],
  { red, yellow }: Colours,
): readonly string[] {
  const number = (value: number, colour: (text: string) => string): string =>
    value === 0 ? '-' : colour(String(value));
  return [
    safe(from, 40),
    safe(to, 40),
    safe(step, 80),
    number(counts.pass, String),
    number(counts.drop, red),
    number(counts.indeterminate, yellow),
  ];
}

function describeUntold({ why, first, denied, count }: Untold, { red }: Colours): string {
  const posture = denied ? `${red('violation')} (its posture is "drop")` : 'passes (its posture)';
  return `${count} x ${safe(why)}: ${posture}; first ${first.id}: ${safe(first.reasons[0].text)}`;
}

function totals(
  { verdicts, requests, violations, chains, end }: Tally,
  { bold, red, green }: Colours,
): readonly string[] {
  const judged = verdicts.pass + verdicts.drop + verdicts.indeterminate;
  const ended = Object.entries(chains).filter(([, count]) => count > 0);
  const result =
    violations === 0
      ? green(
          bold(
            verdicts.indeterminate === 0
              ? 'everything is explained'
              : 'no violation, but not everything could be told',
          ),
        )
      : red(bold(plural(violations, 'violation')));
  const blocks = end?.blocks.desired ?? 0;
  return [
    `${plural(judged, 'verdict')}: ${verdicts.pass} explained (${plural(requests, 'request')}, the rest are connections and housekeeping), ${verdicts.drop} dropped, ${verdicts.indeterminate} not told`,
    `chains: ${ended.length === 0 ? 'none' : ended.map(([outcome, count]) => `${count} ${outcome}`).join(', ')}; ${plural(blocks, 'block')}`,
    result,
  ];
}

/** Packets and bytes that nobody read; nothing is lost in silence. */
function notAnalysed({ end }: Tally): string {
  if (end === null) return '';
  const ignored = Object.entries(end.sensor.ignored).filter(([, count]) => count > 0);
  const parts = ignored.map(([reason, count]) => `${count} ${reason}`);
  return parts.length === 0 ? '' : `packets that were not analysed: ${parts.join(', ')}`;
}

function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
