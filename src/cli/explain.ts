// `flowtap explain`: one verdict of a replay, with the chain behind it. Enters: a verdict's name, captures, policies; leaves: a tree, or JSON.
import type { Command } from 'commander';
import { counterfactual, explanationRecord } from '../audit/explanation-record.ts';
import type { Engine } from '../engine.ts';
import { InputError } from '../errors.ts';
import type { Block } from '../flowtap/block.ts';
import { runCaptures } from '../main.ts';
import type { ChainView, Verdict } from '../verdict.ts';
import { EXIT, type Finish } from './exit-codes.ts';
import {
  type PolicyOptions,
  requireCaptures,
  usablePolicies,
  withPolicyOptions,
  zeekReports,
} from './inputs.ts';
import { Progress } from './report/progress.ts';
import { safe } from './report/safe.ts';
import { isViolation } from './report/tally.ts';
import { describeChain } from './report/tree.ts';
import { describeVerdict } from './report/violation.ts';
import type { Terminal } from './terminal.ts';

interface ExplainOptions extends PolicyOptions {
  readonly json?: true;
}

interface Found {
  readonly verdict: Verdict;
  readonly block: Block | null;
  readonly chain: ChainView | null;
}

export function addExplain(program: Command, terminal: Terminal, finish: Finish): void {
  const command = program
    .command('explain')
    .description(
      'Replays captures up to one verdict, and shows what was expected, what came and what differed.',
    )
    .argument('<verdict>', 'name of a verdict, as replay prints it, or "first" for the first violation')
    .argument('<capture...>', 'the same captures, in the same order');
  withPolicyOptions(command)
    .option('--json', 'as one JSON object (docs/audit.md)')
    .action(async (name: string, captures: readonly string[], options: ExplainOptions) => {
      const size = await requireCaptures(captures);
      const policies = await usablePolicies(options, terminal);
      const progress = new Progress(terminal, size);
      const enough = new AbortController();
      let found: Found | null = null;
      await runCaptures({
        captures,
        policies,
        containment: options.containment,
        sensor: options.sensor,
        ...zeekReports(terminal),
        signal: AbortSignal.any([terminal.stop, enough.signal]),
        onProgress: (capture, done, total) => progress.update(capture, done, total),
        onEntry: (entry, engine) => {
          if (found !== null || entry.kind !== 'verdict' || !isWanted(entry.verdict, name)) return;
          // The chain as it was when the verdict fell: what comes later would change it.
          found = { verdict: entry.verdict, block: entry.block, chain: chainOf(entry.verdict, engine) };
          enough.abort();
        },
      }).finally(() => progress.clear());
      if (found === null) throw notFound(name, captures);
      terminal.out(options.json === true ? asJson(found) : describe(found, terminal));
      finish(EXIT.explained);
    });
}

function isWanted(verdict: Verdict, name: string): boolean {
  return name === 'first' ? isViolation(verdict) : verdict.id === name;
}

function chainOf({ chain, nearest }: Verdict, engine: Engine): ChainView | null {
  const reference = chain ?? nearest;
  return reference === null ? null : engine.view(reference.id);
}

function notFound(name: string, captures: readonly string[]): InputError {
  return name === 'first'
    ? new InputError(
        'usage',
        null,
        'nothing is dropped in this replay',
        'name a verdict that passes, such as v1',
      )
    : new InputError(
        'usage',
        null,
        `there is no verdict ${name} in ${captures.join(', ')}`,
        'take a name that "flowtap replay" prints for the same captures and policies, or "first"',
      );
}

function asJson({ verdict, block, chain }: Found): string {
  return `${JSON.stringify(explanationRecord(verdict, block?.id ?? null, chain), null, 2)}\n`;
}

function describe({ verdict, block, chain }: Found, { colours }: Terminal): string {
  const agreeing = counterfactual(verdict).map(([fact, value]) => `${safe(fact)}=${safe(value, 80)}`);
  return [
    describeVerdict(verdict, block, colours),
    chain === null
      ? 'no chain: no open user request has anything to do with it\n'
      : describeChain(chain, verdict.step, colours),
    agreeing.length === 0
      ? ''
      : `${colours.bold(`It would agree with this chain with ${agreeing.join(' and ')}.`)}\n`,
  ]
    .filter((part) => part !== '')
    .join('\n');
}
