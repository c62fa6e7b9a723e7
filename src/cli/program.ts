// The commands and how they end. Enters: arguments, a terminal; leaves: an exit code.
import { Command, CommanderError } from 'commander';
import { InputError } from '../errors.ts';
import { addCheck } from './check.ts';
import { addDemo } from './demo.ts';
import { addDiff } from './diff.ts';
import { addDrop } from './drop.ts';
import { EXIT, type ExitCode, type Finish } from './exit-codes.ts';
import { addExplain } from './explain.ts';
import { describeFailure } from './failure.ts';
import { addLearn } from './learn.ts';
import { addList } from './list.ts';
import { addMutate } from './mutate.ts';
import { packageVersion } from './package-file.ts';
import { addRelease } from './release.ts';
import { addReplay } from './replay.ts';
import { addRun } from './run.ts';
import { addTap } from './tap.ts';
import type { Terminal } from './terminal.ts';
import { addUntap } from './untap.ts';

/** Runs one command line. Never throws: a failure is one line, or a stack for what is our own fault. */
export async function runProgram(argv: readonly string[], terminal: Terminal): Promise<ExitCode> {
  let code: ExitCode = EXIT.explained;
  const program = createProgram(terminal, (ended) => {
    code = ended;
  });
  try {
    if (argv.length === 0) {
      throw new InputError(
        'usage',
        null,
        'no command given',
        'name replay, run, check, explain, diff, mutate, learn, demo, tap, untap, list, drop or release; "flowtap --help" describes them',
      );
    }
    await program.parseAsync([...argv], { from: 'user' });
    return code;
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return EXIT.explained;
    const failure = describeFailure(error, terminal.folder);
    terminal.err(failure.text);
    return failure.code;
  }
}

function createProgram(terminal: Terminal, finish: Finish): Command {
  const program = new Command('flowtap')
    .description('Judges the traffic between the microservices of an application by its policy.')
    .version(packageVersion())
    .exitOverride()
    .configureOutput({
      writeOut: (text) => terminal.out(text),
      // Commander's own wording comes back as an error, and is then one line like every other.
      writeErr: () => {},
      outputError: () => {},
    })
    .addHelpText('after', EXIT_CODES);
  addReplay(program, terminal, finish);
  addRun(program, terminal, finish);
  addCheck(program, terminal, finish);
  addExplain(program, terminal, finish);
  addDiff(program, terminal, finish);
  addMutate(program, terminal, finish);
  addLearn(program, terminal, finish);
  addDemo(program, terminal, finish);
  addTap(program, terminal, finish);
  addUntap(program, terminal, finish);
  addList(program, terminal, finish);
  addDrop(program, terminal, finish);
  addRelease(program, terminal, finish);
  return program;
}

const EXIT_CODES = `
Exit codes:
   0  everything was explained, or could not be told and its posture is "pass"; a bridge was changed
   3  violations: something was dropped, or could not be told and its posture is "drop"; for mutate:
      changes pass; for learn: the proposal does not explain everything; for diff: a verdict or a chain changes
  2  input that cannot be used: one line says where, what and what to do
  4  the live service cannot go on: one line says why
  1  a fault of ours`;
