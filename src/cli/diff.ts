// `flowtap diff`: what two policies say differently, and of which traffic. Enters: policies, captures; leaves: changes, for a person or as JSON.
import type { Command } from 'commander';
import { allPackets } from '../audit/evidence.ts';
import { verdictRecord } from '../audit/verdict-record.ts';
import type { Containment } from '../engine.ts';
import { assertNever } from '../errors.ts';
import { type DocumentChange, differenceOf } from '../policy/difference.ts';
import { hashOf } from '../policy/hash.ts';
import { type Changes, changesOf, type VerdictChange } from '../testing/verdict-changes.ts';
import type { Verdict } from '../verdict.ts';
import { EXIT, type Finish } from './exit-codes.ts';
import { containmentOption, loadOptions, requireCaptures, requireUsable } from './inputs.ts';
import { loadPolicies } from './load-policy.ts';
import { safe } from './report/safe.ts';
import type { Colours, Terminal } from './terminal.ts';

interface DiffCommand {
  readonly replay?: readonly string[];
  readonly containment: Containment;
  readonly typecheck: boolean;
  readonly json?: true;
}

/** Verdicts described of one capture; --json has all. */
const MOST_DESCRIBED = 50;
const VALUE = 120;

export function addDiff(program: Command, terminal: Terminal, finish: Finish): void {
  program
    .command('diff')
    .description(
      'Says what a new policy says differently than the old one, and which verdicts on captures change.',
    )
    .argument('<old>', 'policy module (.ts) or document (.json)')
    .argument('<new>', 'the policy that would replace it')
    .option('--replay <capture...>', 'captures, each judged by itself under both')
    .addOption(containmentOption())
    .option('--no-typecheck', 'load the policies without checking their types')
    .option('--json', 'as one JSON object')
    .action(async (before: string, after: string, options: DiffCommand) => {
      const captures = options.replay ?? [];
      await requireCaptures(captures);
      const loaded = await loadPolicies([before, after], loadOptions(options.typecheck, terminal));
      for (const policy of loaded) requireUsable(policy, terminal);
      const [old, young] = loaded.map(({ document }) => document);
      if (old === undefined || young === undefined) return;
      const document = differenceOf(old, young);
      const replays: Replay[] = [];
      for (const capture of captures)
        replays.push({
          capture,
          ...(await changesOf(old, young, capture, { containment: options.containment })),
        });
      terminal.out(
        options.json === true
          ? asJson(document, replays)
          : [
              `${safe(old.application)} ${hashOf(old)} -> ${safe(young.application)} ${hashOf(young)}\n`,
              describeDocument(document, terminal.colours),
              ...replays.map((replay) => describeReplay(replay, terminal.colours)),
            ].join(''),
      );
      const changed = replays.some(({ verdicts, chains }) => verdicts.length + chains.length > 0);
      finish(changed ? EXIT.violations : EXIT.explained);
    });
}

interface Replay extends Changes {
  readonly capture: string;
}

function describeDocument(changes: readonly DocumentChange[], colours: Colours): string {
  if (changes.length === 0) return '  they say the same\n';
  return changes.map((change) => `  ${describePart(change, colours)}\n`).join('');
}

function describePart(
  { kind, path, before, after }: DocumentChange,
  { green, red, yellow }: Colours,
): string {
  const where = safe(path.join(' > '));
  switch (kind) {
    case 'added':
      return `${green('added  ')} ${where}: ${short(after)}`;
    case 'removed':
      return `${red('removed')} ${where}: ${short(before)}`;
    case 'changed':
      return `${yellow('changed')} ${where}: ${short(before)} -> ${short(after)}`;
    default:
      return assertNever(kind);
  }
}

function short(value: unknown): string {
  return safe(JSON.stringify(value), VALUE);
}

function describeReplay({ capture, verdicts, chains, judged }: Replay, colours: Colours): string {
  const { bold, dim } = colours;
  const count = (kind: VerdictChange['kind']): number => verdicts.filter((each) => each.kind === kind).length;
  const lines = [
    '',
    `${bold(safe(capture))}: of ${judged} verdicts ${count('denied')} newly denied, ${count('allowed')} newly allowed, ${count('otherwise')} otherwise; ${chains.length} chains end differently`,
  ];
  for (const change of verdicts.slice(0, MOST_DESCRIBED)) lines.push(...describeChange(change, colours));
  if (verdicts.length > MOST_DESCRIBED)
    lines.push(`  and ${verdicts.length - MOST_DESCRIBED} more; --json has them`);
  for (const { root, before, after } of chains.slice(0, MOST_DESCRIBED))
    lines.push(`  ${dim('chain')} ${safe(root)}: ${before ?? 'none'} -> ${after ?? 'none'}`);
  return `${lines.join('\n')}\n`;
}

function describeChange({ kind, before, after }: VerdictChange, colours: Colours): readonly string[] {
  const about = after ?? before;
  if (about === null) return [];
  const { subject, evidence } = about;
  const mark =
    kind === 'denied'
      ? colours.red('denied ')
      : kind === 'allowed'
        ? colours.green('allowed')
        : colours.yellow('changed');
  const [packet] = allPackets(evidence);
  return [
    `  ${mark} ${safe(subject.request)}, ${safe(subject.from)} to ${safe(subject.to)}: ${said(before)} -> ${said(after)}${packet === undefined ? '' : colours.dim(` (${safe(packet)})`)}`,
    ...(after === null ? [] : [`          ${safe(after.reasons[0].text)}`]),
  ];
}

function said(verdict: Verdict | null): string {
  return verdict === null ? 'nothing' : verdict.reasons[0].code;
}

function asJson(document: readonly DocumentChange[], replays: readonly Replay[]): string {
  const record = (verdict: Verdict | null) => (verdict === null ? null : verdictRecord(verdict, null));
  const report = {
    document,
    replays: replays.map(({ capture, judged, verdicts, chains }) => ({
      capture,
      judged,
      verdicts: verdicts.map(({ kind, before, after }) => ({
        kind,
        before: record(before),
        after: record(after),
      })),
      chains,
    })),
  };
  return `${JSON.stringify(report, null, 2)}\n`;
}
