// `flowtap explain`: one verdict of a replay, with the chain behind it. Enters: a verdict's name, captures, policies; leaves: a tree, or JSON.
import type { Command } from 'commander';
import { explanationRecord } from '../audit/explanation-record.ts';
import type { Engine } from '../engine.ts';
import { InputError } from '../errors.ts';
import type { Block } from '../flowtap/block.ts';
import { type CaptureRun, runCaptures } from '../main.ts';
import type { PolicyDocument } from '../policy/document.ts';
import { counterfactualOf } from '../testing/counterfactual.ts';
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
import { describeChain, whereOf } from './report/tree.ts';
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

/** The verdict on the same request with the values of its nearest chain. */
interface Retrial {
  readonly values: readonly (readonly [fact: string, value: string])[];
  readonly verdict: Verdict;
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
      const run = {
        captures,
        policies,
        containment: options.containment,
        sensor: options.sensor,
        ...zeekReports(terminal),
      };
      const found = await search(run, terminal, progress, (verdict) => isWanted(verdict, name));
      if (found === null) throw notFound(name, captures);
      const retrial = await judgeAgain(run, terminal, progress, found.verdict);
      terminal.out(options.json === true ? asJson(found, retrial) : describe(found, retrial, terminal));
      finish(EXIT.explained);
    });
}

type Run = Omit<CaptureRun, 'onEntry' | 'onProgress' | 'signal'>;

/** Replays up to the first verdict that is wanted. The chain is as it was then: what comes later would change it. */
async function search(
  run: Run,
  terminal: Terminal,
  progress: Progress,
  isWanted: (verdict: Verdict) => boolean,
): Promise<Found | null> {
  const enough = new AbortController();
  let found: Found | null = null;
  await runCaptures({
    ...run,
    signal: AbortSignal.any([terminal.stop, enough.signal]),
    onProgress: (capture, done, total) => progress.update(capture, done, total),
    onEntry: (entry, engine) => {
      if (found !== null || entry.kind !== 'verdict' || !isWanted(entry.verdict)) return;
      found = { verdict: entry.verdict, block: entry.block, chain: chainOf(entry.verdict, engine) };
      enough.abort();
    },
  }).finally(() => progress.clear());
  return found;
}

/** Null when no values would change the verdict. */
async function judgeAgain(
  run: Run,
  terminal: Terminal,
  progress: Progress,
  verdict: Verdict,
): Promise<Retrial | null> {
  const policy: PolicyDocument | undefined = run.policies.find(
    ({ application }) => application === verdict.application,
  );
  const would = policy === undefined ? null : counterfactualOf(verdict, policy);
  if (would === null) return null;
  const again = await search(
    { ...run, rewrite: (event) => would.change(event) },
    terminal,
    progress,
    (other) => other.application === verdict.application && would.isAbout(other),
  );
  return again === null ? null : { values: would.values, verdict: again.verdict };
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

function asJson({ verdict, block, chain }: Found, retrial: Retrial | null): string {
  const passes = retrial === null ? null : retrial.verdict.kind === 'pass';
  return `${JSON.stringify(explanationRecord(verdict, block?.id ?? null, chain, passes), null, 2)}\n`;
}

function describe({ verdict, block, chain }: Found, retrial: Retrial | null, terminal: Terminal): string {
  const { colours } = terminal;
  return [
    `${describeVerdict(verdict, block, colours)}${describeProof(verdict, terminal)}`,
    chain === null
      ? 'no chain: no open user request has anything to do with it\n'
      : describeChain(chain, verdict.step, colours),
    retrial === null ? '' : `${colours.bold(describeRetrial(retrial))}\n`,
  ]
    .filter((part) => part !== '')
    .join('\n');
}

/** Where it stands that the request says so, and where what it contradicts. */
function describeProof({ evidence, nearest }: Verdict, { colours }: Terminal): string {
  const names = ['this', ...(nearest?.differences ?? []).map(({ fact, expected }) => `${fact} ${expected}`)];
  return evidence
    .map((each, i) => `  ${colours.dim('proof'.padEnd(8))} ${safe(names[i] ?? 'more', 80)}${whereOf(each)}\n`)
    .join('');
}

function describeRetrial({ values, verdict }: Retrial): string {
  const agreeing = values.map(([fact, value]) => `${safe(fact)}=${safe(value, 80)}`).join(' and ');
  return verdict.kind === 'pass'
    ? `It would pass with ${agreeing}.`
    : `Even with ${agreeing} it would not pass (${verdict.reasons[0].code}): ${safe(verdict.reasons[0].text)}`;
}
