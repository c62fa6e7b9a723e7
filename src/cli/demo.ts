// `flowtap demo`: the stories that come with the project, replayed. Enters: pcaps/ and its policy; leaves: two lines a story.
import { readdir, readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import type { Command } from 'commander';
import { InputError } from '../errors.ts';
import { formatEndpoint } from '../flow.ts';
import { runCaptures } from '../main.ts';
import type { PolicyDocument } from '../policy/document.ts';
import type { Verdict } from '../verdict.ts';
import { EXIT, type Finish } from './exit-codes.ts';
import { usablePolicies } from './inputs.ts';
import { packageFile } from './package-file.ts';
import { safe } from './report/safe.ts';
import { Tally } from './report/tally.ts';
import type { Terminal } from './terminal.ts';

/** What the services of the lab reported of themselves while a story was captured (test/lab). */
interface Story {
  readonly story: string;
  readonly offending: readonly { readonly source: string; readonly destination: string }[];
}

interface Outcome {
  readonly name: string;
  readonly tally: Tally;
  readonly drops: readonly Verdict[];
  readonly asExpected: boolean;
}

export function addDemo(program: Command, terminal: Terminal, finish: Finish): void {
  program
    .command('demo')
    .description('Replays the honest and the attacked captures that come with the project.')
    .option('--hidden', 'also those in which an attack hides among 200 rentals')
    .action(async (options: { readonly hidden?: true }) => {
      const folder = packageFile('pcaps');
      const policy = packageFile('policies/dvd-rental.ts');
      const names = await stories(
        folder,
        options.hidden === true ? /^(?:honest|attack|hidden)-/ : /^(?:honest|attack)-/,
      );
      const policies = await usablePolicies({ policy: [policy], typecheck: true }, terminal);
      terminal.out(`${INTRODUCTION}\n`);
      let unexpected = 0;
      for (const name of names) {
        if (terminal.stop.aborted) break;
        const outcome = await play(folder, name, policies, terminal);
        if (!outcome.asExpected) unexpected++;
        terminal.out(describe(outcome, terminal));
      }
      const shown = (path: string): string => relative(terminal.folder, path) || '.';
      terminal.out(closing(names.length, unexpected, shown(folder), shown(policy)));
      finish(unexpected === 0 ? EXIT.explained : EXIT.fault);
    });
}

const INTRODUCTION = `The DVD rental of the paper's Figure 1(b), captured while real services ran. In "honest" stories all requests serve a
customer's request; in each "attack" one service is compromised.
`;

/** Honest ones first. @throws InputError when there are none: an installed package has no captures */
async function stories(folder: string, wanted: RegExp): Promise<readonly string[]> {
  const files = await readdir(folder).catch((): string[] => []);
  const names = files
    .filter((file) => file.endsWith('.pcap.gz') && wanted.test(file))
    .map((file) => file.slice(0, -'.pcap.gz'.length))
    .sort((a, b) => Number(!a.startsWith('honest')) - Number(!b.startsWith('honest')) || (a < b ? -1 : 1));
  if (names.length === 0) {
    throw new InputError(
      'usage',
      { file: folder },
      'there are no captures',
      'run the demo in a clone of the repository',
    );
  }
  return names;
}

async function play(
  folder: string,
  name: string,
  policies: readonly PolicyDocument[],
  { stop }: Terminal,
): Promise<Outcome> {
  const { offending } = JSON.parse(await readFile(join(folder, `${name}.json`), 'utf8')) as Story;
  const tally = new Tally();
  const drops: Verdict[] = [];
  await runCaptures({
    sensor: 'embedded',
    captures: [join(folder, `${name}.pcap.gz`)],
    policies,
    containment: 'forward',
    signal: stop,
    onEntry: (entry) => {
      tally.add(entry);
      if (entry.kind === 'verdict' && entry.verdict.kind === 'drop') drops.push(entry.verdict);
    },
  });
  const expected = new Set(offending.map(({ source, destination }) => connection(source, destination)));
  const found = new Set(
    drops.map(({ subject: { flow } }) => connection(formatEndpoint(flow.orig), formatEndpoint(flow.resp))),
  );
  const same = expected.size === found.size && [...expected].every((flow) => found.has(flow));
  const told = expected.size > 0 || tally.verdicts.indeterminate === 0;
  return { name, tally, drops, asExpected: same && told };
}

/** The same name for both directions. */
function connection(a: string, b: string): string {
  return [a, b].sort().join(' ');
}

function describe({ name, tally, drops, asExpected }: Outcome, { colours }: Terminal): string {
  const { bold, dim, green, red } = colours;
  const mark = asExpected ? green('ok  ') : red('FAIL');
  const explained = `${String(tally.requests).padStart(5)} requests explained`;
  const [first] = drops;
  if (first === undefined) return `${mark} ${name.padEnd(44)} ${explained}  ${green('nothing dropped')}\n`;
  const { subject, reasons } = first;
  const others = drops.length === 1 ? '' : dim(` and ${drops.length - 1} more`);
  return [
    `${mark} ${name.padEnd(44)} ${explained}  ${red('dropped')} ${bold(safe(subject.request, 80))} of ${safe(subject.from)} to ${safe(subject.to)}${others}\n`,
    `     ${dim(safe(reasons[0].text))}\n`,
  ].join('');
}

function closing(stories: number, unexpected: number, folder: string, policy: string): string {
  const result =
    unexpected === 0
      ? `All ${stories} stories came out as the services themselves reported them.`
      : `${unexpected} of ${stories} stories did not come out as the services themselves reported them.`;
  const capture = join(folder, 'attack-bills-bob-for-alice.pcap.gz');
  return `
${result}

Look closer:
  node dist/src/cli/main.js explain first ${capture} --policy ${policy}
  node dist/src/cli/main.js replay ${capture} --policy ${policy}
  node dist/src/cli/main.js check ${policy}
`;
}
