// The soak from the command line. Enters: --rentals, --seeds, --every, --at-once, --part, --apart, --users; leaves: a table, and exit code 1 when something is wrong.
import { parseArgs } from 'node:util';
import { readOrExit } from '../support/usage.ts';
import { type SoakReport, soak } from './soak.ts';
import { USERS } from './world.ts';

const USAGE =
  'usage: --rentals N --seeds N --at-once N --every N --users N --part honest|attacked|both --apart';

function readOptions() {
  const { values } = parseArgs({
    options: {
      rentals: { type: 'string', default: '100000' },
      seeds: { type: 'string', default: '3' },
      'at-once': { type: 'string', default: '200' },
      every: { type: 'string', default: '1000' },
      part: { type: 'string', default: 'both' },
      apart: { type: 'boolean', default: false },
      users: { type: 'string', default: String(USERS) },
    },
  });
  const count = (text: string): number => {
    const number = Number(text);
    if (!Number.isSafeInteger(number) || number < 1) throw new Error(`"${text}" is no count`);
    return number;
  };
  const every = count(values.every);
  const parts = { honest: [null], attacked: [every], both: [null, every] }[values.part];
  if (parts === undefined) throw new Error(`"${values.part}" is no part`);
  return {
    parts,
    seeds: count(values.seeds),
    world: {
      rentals: count(values.rentals),
      atOnce: count(values['at-once']),
      users: count(values.users),
      lookalikes: !values.apart,
    },
  };
}

const { parts, seeds, world } = readOrExit(readOptions, USAGE);
const line = (text = ''): void => void process.stdout.write(`${text}\n`);
let wrongs = 0;

for (const attackEvery of parts) {
  line(attackEvery === null ? 'Honest rentals' : `\nOne attack in ${attackEvery} rentals`);
  for (const traces of ['with', 'without', 'half'] as const) {
    const reports: SoakReport[] = [];
    for (let seed = 1; seed <= seeds; seed++) {
      reports.push(await soak({ ...world, seed, traces, attackEvery }));
    }
    print(traces, reports, attackEvery !== null);
    wrongs += sum(reports, ({ wrongs }) => wrongs);
  }
}
process.exitCode = wrongs > 0 ? 1 : 0;

function print(traces: string, reports: readonly SoakReport[], attacked: boolean): void {
  const number = (of: (report: SoakReport) => number): string => sum(reports, of).toLocaleString('en');
  line(
    `  ${traces.padEnd(8)} ${number(({ options }) => options.rentals)} rentals, ${seeds} seeds: ${number(({ chains }) => chains)} chains, ` +
      `${number(({ events }) => events)} events, ${number(({ verdicts }) => verdicts)} verdicts (${number(({ ambiguous }) => ambiguous)} ambiguous), ` +
      `${sum(reports, ({ seconds }) => seconds).toFixed(0)} s; wrong: ${number(({ wrongs }) => wrongs)}`,
  );
  if (attacked) printAttacks(reports, number);
  for (const { options, wrong } of reports)
    for (const [what, examples] of wrong)
      for (const example of examples) line(`    WRONG (seed ${options.seed}) ${what}: ${example}`);
}

function printAttacks(
  reports: readonly SoakReport[],
  number: (of: (report: SoakReport) => number) => string,
): void {
  const hidden = sum(reports, (report) => sum([...report.hidden.values()], (count) => count));
  const made = sum(reports, ({ attacks }) => attacks);
  line(
    `           attacks ${made}, dropped ${number(({ dropped }) => dropped)}, hidden ${hidden} (${((100 * hidden) / Math.max(made, 1)).toFixed(1)} %); ` +
      `honest requests whose place an attack took: ${number(({ victims }) => victims)}, ` +
      `taken for the aftermath of an attack that was dropped: ${number(({ mistaken }) => mistaken)}; ` +
      `what honest services did with forgeries: ${number(({ aftermath }) => aftermath.indeterminate)} consequences, ${number(({ aftermath }) => aftermath.pass)} passed, ${number(({ aftermath }) => aftermath.drop)} dropped`,
  );
  const reasons = new Set(reports.flatMap((report) => [...report.hidden.keys()]));
  for (const reason of reasons)
    line(`           hidden ${sum(reports, (report) => report.hidden.get(reason) ?? 0)}: ${reason}`);
  const kinds = new Set(reports.flatMap((report) => [...report.kinds.keys()]));
  for (const kind of kinds) {
    const of = (what: 'made' | 'dropped' | 'hidden'): number =>
      sum(reports, (report) => report.kinds.get(kind)?.[what] ?? 0);
    line(
      `             ${kind.padEnd(34)} made ${of('made')}, dropped ${of('dropped')}, hidden ${of('hidden')}`,
    );
  }
}

function sum<T>(items: readonly T[], of: (item: T) => number): number {
  return items.reduce((total, item) => total + of(item), 0);
}
