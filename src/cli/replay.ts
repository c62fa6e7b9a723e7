// `flowtap replay`: what the policies say of captures. Enters: captures, policies; leaves: verdicts for a person or as JSON lines.
import { type Command, Option } from 'commander';
import { type AuditEntry, auditRecord } from '../audit/entry.ts';
import { runCaptures } from '../main.ts';
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
import { describeSummary } from './report/summary.ts';
import { isViolation, Tally } from './report/tally.ts';
import { describeVerdict } from './report/violation.ts';
import type { Terminal } from './terminal.ts';

/** Violations described one by one; `--all` and `--json` have no such limit. */
const MOST_DESCRIBED = 50;

interface ReplayOptions extends PolicyOptions {
  readonly json?: true;
  readonly all?: true;
  readonly passes: boolean;
}

export function addReplay(program: Command, terminal: Terminal, finish: Finish): void {
  const command = program
    .command('replay')
    .description('Replays captures through policies and says what they explain, and what not.')
    .argument('<capture...>', 'pcap or pcapng files, gzip’d or not, read one after another');
  withPolicyOptions(command)
    .addOption(new Option('--json', 'one JSON record a line (docs/audit.md)').conflicts('all'))
    .option('--no-passes', 'leave passing verdicts out of --json')
    .option('--all', 'describe every verdict, also those that pass')
    .action(async (captures: readonly string[], options: ReplayOptions) => {
      const size = await requireCaptures(captures);
      const policies = await usablePolicies(options, terminal);
      const progress = new Progress(terminal, size);
      const tally = new Tally();
      const write = (text: string): void => {
        progress.clear();
        terminal.out(text);
      };
      const say =
        options.json === true ? journal(write, options.passes) : story(write, terminal, options.all === true);
      try {
        await runCaptures({
          captures,
          policies,
          containment: options.containment,
          sensor: options.sensor,
          ...zeekReports(terminal),
          signal: terminal.stop,
          onProgress: (capture, done, total) => progress.update(capture, done, total),
          onEntry: (entry) => {
            tally.add(entry);
            say(entry, tally);
          },
        });
      } finally {
        progress.clear();
      }
      finish(tally.violations > 0 ? EXIT.violations : EXIT.explained);
    });
}

type Say = (entry: AuditEntry, tally: Tally) => void;

/** The journal: every entry as a line. */
function journal(write: (text: string) => void, passes: boolean): Say {
  return (entry) => {
    if (!passes && entry.kind === 'verdict' && entry.verdict.kind === 'pass') return;
    write(`${JSON.stringify(auditRecord(entry))}\n`);
  };
}

/** For a person: violations as they fall, the summary at the end. */
function story(write: (text: string) => void, { colours }: Terminal, all: boolean): Say {
  let described = 0;
  return (entry, tally) => {
    if (entry.kind === 'verdict') {
      const { verdict, block } = entry;
      if (!all && (!isViolation(verdict) || ++described > MOST_DESCRIBED)) return;
      write(`${describeVerdict(verdict, block, colours)}\n`);
    } else if (entry.kind === 'end') {
      if (entry.end.sensor.flows === 0 && entry.end.sensor.packets === 0 && !entry.end.whole) return;
      const hidden = all ? 0 : described - MOST_DESCRIBED;
      if (hidden > 0) write(`and ${hidden} more violations; --all describes them, --json has them\n\n`);
      const { sources, sensor, by } = entry.end;
      write(
        `${sources.map((source) => safe(source)).join(', ')}: ${by === 'zeek' ? 'read by Zeek' : `${sensor.packets} packets`}, ${sensor.flows} flows\n${describeSummary(tally, colours)}`,
      );
    }
  };
}
