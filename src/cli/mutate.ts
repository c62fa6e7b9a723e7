// `flowtap mutate`: which changes to honest captures a policy lets pass. Enters: captures, a policy; leaves: the survivors, with reasons.
import { type Command, InvalidArgumentError } from 'commander';
import { InputError } from '../errors.ts';
import { mutate } from '../testing/mutation/mutate.ts';
import { mutationText } from '../testing/mutation/mutation-text.ts';
import { EXIT, type Finish } from './exit-codes.ts';
import { requireCaptures, usablePolicies } from './inputs.ts';
import type { Terminal } from './terminal.ts';

interface MutateCommand {
  readonly policy: string;
  readonly typecheck: boolean;
  readonly seed: number;
  readonly samples: number;
  readonly json?: true;
}

export function addMutate(program: Command, terminal: Terminal, finish: Finish): void {
  program
    .command('mutate')
    .description(
      'Changes honest captures one request at a time (values, targets, order, count, source), and lists the changes that the policy lets pass.',
    )
    .argument('<capture...>', 'captures of honest traffic, each judged by itself')
    .requiredOption('-p, --policy <file>', 'the policy that explains them')
    .option('--seed <number>', 'which requests are changed, and to whose values', whole, 1)
    .option('--samples <number>', 'requests of each kind that are changed', whole, 1)
    .option('--json', 'the report as one JSON object')
    .option('--no-typecheck', 'load the policy without checking its types')
    .action(async (captures: readonly string[], options: MutateCommand) => {
      await requireCaptures(captures);
      const [policy] = await usablePolicies(
        { policy: [options.policy], typecheck: options.typecheck },
        terminal,
      );
      if (policy === undefined) return;
      const report = await mutate(policy, captures, {
        seed: options.seed,
        samples: options.samples,
        signal: terminal.stop,
        onProgress: progress(terminal),
      }).finally(() => clear(terminal));
      if (terminal.stop.aborted)
        throw new InputError(
          'usage',
          null,
          'stopped before every mutant was judged',
          'let it run to its end',
        );
      terminal.out(options.json === true ? `${JSON.stringify(report, null, 2)}\n` : mutationText(report));
      finish(report.survivors.length > 0 ? EXIT.violations : EXIT.explained);
    });
}

/** Milliseconds before progress appears, and between two drawings. */
const PATIENCE = 2000;
const PAUSE = 200;

function progress(terminal: Terminal): (done: number, total: number) => void {
  const started = terminal.now();
  let drawn = 0;
  return (done, total) => {
    const now = terminal.now();
    if (!terminal.live || now - started < PATIENCE || now - drawn < PAUSE) return;
    drawn = now;
    terminal.err(`\r\u001b[K${done} of ${total} mutants`);
  };
}

function clear(terminal: Terminal): void {
  if (terminal.live) terminal.err('\r\u001b[K');
}

/** A whole number from 1. */
function whole(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new InvalidArgumentError('It has to be a whole number from 1.');
  return Number(text);
}
