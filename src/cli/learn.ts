// `flowtap learn`: a policy proposed from honest captures. Enters: captures; leaves: a policy module, and whether it explains them.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Command, InvalidArgumentError } from 'commander';
import { InputError } from '../errors.ts';
import { judge } from '../testing/judge.ts';
import { learn } from '../testing/learn/learn.ts';
import { tellVerdict } from '../testing/verdict-story.ts';
import { EXIT, type ExitCode, type Finish } from './exit-codes.ts';
import { loadOptions, requireCaptures } from './inputs.ts';
import { loadPolicies } from './load-policy.ts';
import { safe } from './report/safe.ts';
import type { Terminal } from './terminal.ts';

interface LearnCommand {
  readonly application: string;
  readonly name: ReadonlyMap<string, string>;
  readonly output?: string;
}

/** Verdicts told of a capture that the proposal does not explain. */
const MOST_TOLD = 5;

export function addLearn(program: Command, terminal: Terminal, finish: Finish): void {
  program
    .command('learn')
    .description(
      'Proposes a policy from captures of honest traffic, as narrow as that traffic was, and checks that it explains them.',
    )
    .argument('<capture...>', 'captures of honest traffic: whatever they do will be allowed')
    .option('--application <name>', 'what the application is called', 'learnt')
    .option('--name <address=name>', 'who has an address; may be given several times', named, new Map())
    .option('-o, --output <file>', 'write the policy to a file that does not exist yet')
    .action(async (captures: readonly string[], options: LearnCommand) => {
      await requireCaptures(captures);
      const { text, notes, requests } = await learn(captures, {
        application: options.application,
        names: options.name,
      });
      if (options.output === undefined) terminal.out(text);
      else await write(options.output, text);
      for (const note of notes) terminal.err(`flowtap: ${safe(note)}\n`);
      const code = await verify(text, captures, terminal);
      if (code === EXIT.explained)
        terminal.err(`flowtap: learnt from ${requests} requests; it explains all of them\n`);
      finish(code);
    });
}

function named(text: string, before: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
  const [address = '', name = '', ...rest] = text.split('=');
  if (isIP(address) === 0 || name === '' || rest.length > 0)
    throw new InvalidArgumentError('It has to be an address and a name, such as 10.1.0.11=orders.');
  return new Map([...before, [address, name]]);
}

async function write(file: string, text: string): Promise<void> {
  try {
    await writeFile(file, text, { flag: 'wx' });
  } catch (cause) {
    const exists = cause instanceof Error && 'code' in cause && cause.code === 'EEXIST';
    throw new InputError(
      'usage',
      { file },
      exists ? 'there is such a file already' : 'it cannot be written',
      'name another file',
      { cause },
    );
  }
}

/** Loads the proposal as its author would, and judges by it what it was learnt from. */
async function verify(text: string, captures: readonly string[], terminal: Terminal): Promise<ExitCode> {
  const folder = await mkdtemp(join(tmpdir(), 'flowtap-learn-'));
  try {
    const file = join(folder, 'policy.ts');
    await writeFile(file, text);
    const [loaded] = await loadPolicies([file], loadOptions(true, terminal));
    if (loaded === undefined) return EXIT.fault;
    const { problems, document } = loaded;
    for (const { place, problem, remedy } of problems)
      terminal.err(`flowtap: line ${place?.line ?? 1} of the policy: ${safe(problem)}; ${safe(remedy)}\n`);
    if (problems.some(({ severity }) => severity === 'error')) return EXIT.violations;
    let whole = problems.length === 0;
    for (const capture of captures) {
      const judged = await judge(document, capture);
      const others = judged.verdicts.filter(({ kind }) => kind !== 'pass');
      if (others.length === 0) continue;
      whole = false;
      terminal.err(`flowtap: ${capture}: ${others.length} verdicts of the policy do not pass\n`);
      for (const verdict of others.slice(0, MOST_TOLD)) terminal.err(`${tellVerdict(verdict, null)}\n`);
    }
    return whole ? EXIT.explained : EXIT.violations;
  } finally {
    await rm(folder, { recursive: true });
  }
}
