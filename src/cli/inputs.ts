// What several commands need before they can run. Enters: paths and flags; leaves: policies without errors, captures that exist.
import { stat } from 'node:fs/promises';
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { Containment } from '../engine.ts';
import { InputError } from '../errors.ts';
import type { CaptureRun, SensorName } from '../main.ts';
import type { PolicyDocument } from '../policy/document.ts';
import type { PolicyProblem } from '../policy/problem.ts';
import { CaptureFaults } from '../sensor/capture/fault.ts';
import { findZeek } from '../zeek/find.ts';
import { showPlace } from './failure.ts';
import { type LoadedPolicy, type LoadOptions, loadPolicies } from './load-policy.ts';
import { safe } from './report/safe.ts';
import type { Terminal } from './terminal.ts';

/** Milliseconds that a policy module may take to load. */
const LOAD_TIMEOUT = 10_000;

/** The options by which policies are given and applied to captures. */
export interface PolicyOptions {
  readonly sensor: SensorName;
  readonly policy: readonly string[];
  readonly typecheck: boolean;
  readonly containment: Containment;
}

/** Adds the options of `PolicyOptions` to a command. */
export function withPolicyOptions(command: Command): Command {
  return command
    .requiredOption(
      '-p, --policy <file>',
      'policy module (.ts) or document (.json); may be given several times',
      (file: string, before: readonly string[] = []) => [...before, file],
    )
    .addOption(containmentOption())
    .addOption(sensorOption())
    .option('--no-typecheck', 'load the policy without checking its types');
}

/** What happens with requests while they are judged. */
export function containmentOption(): Option {
  return new Option('--containment <how>', 'judge copies, or hold each request until its verdict')
    .choices(['forward', 'redirect'])
    .default('forward');
}

/** Who reads captures. */
function sensorOption(): Option {
  return new Option('--sensor <which>', 'who reads captures; auto: Zeek where it is installed')
    .choices(['embedded', 'zeek', 'auto'])
    .default('embedded')
    .argParser((which: string): SensorName => {
      if (which === 'auto') return findZeek() === null ? 'embedded' : 'zeek';
      if (which !== 'embedded' && which !== 'zeek')
        throw new InvalidArgumentError('Allowed choices are embedded, zeek, auto.');
      return which;
    });
}

/** How policies are loaded; what a module prints goes to standard error. */
export function loadOptions(typecheck: boolean, terminal: Terminal): LoadOptions {
  const print = (text: string): void =>
    terminal.err(
      text
        .split('\n')
        .map((line) => safe(line))
        .join('\n'),
    );
  return { typecheck, timeout: LOAD_TIMEOUT, print };
}

/** Loads policies, `apart` in threads of their own; warnings go to standard error. @throws InputError also for policies that have errors, with all of them */
export async function usablePolicies(
  { policy: files, typecheck }: Pick<PolicyOptions, 'policy' | 'typecheck'>,
  terminal: Terminal,
  apart = false,
): Promise<readonly PolicyDocument[]> {
  const loaded = await loadPolicies(files, { ...loadOptions(typecheck, terminal), apart });
  for (const policy of loaded) requireUsable(policy, terminal);
  const names = loaded.map(({ document }) => document.application);
  const twice = loaded.find(({ document }, index) => names.indexOf(document.application) !== index);
  if (twice !== undefined) {
    throw new InputError(
      'policy-invalid',
      { file: twice.file },
      `a policy of application "${twice.document.application}" was given already`,
      'give one policy an application',
    );
  }
  return loaded.map(({ document }) => document);
}

/** Every note as a line. */
export function showNotes({ file, problems }: LoadedPolicy, terminal: Terminal): void {
  for (const problem of problems.filter(({ severity }) => severity === 'note'))
    terminal.err(`${describeProblem(problem, file, terminal.folder)}\n`);
}

/** Every warning and error as a line; the last error is thrown, so that each is said once. */
export function requireUsable({ file, problems }: LoadedPolicy, terminal: Terminal): void {
  const errors = problems.filter(({ severity }) => severity === 'error');
  for (const problem of problems.filter(({ severity }) => severity === 'warning')) {
    terminal.err(`${describeProblem(problem, file, terminal.folder)}\n`);
  }
  const [last, ...others] = [...errors].reverse();
  for (const problem of others.reverse())
    terminal.err(`${describeProblem(problem, file, terminal.folder)}\n`);
  if (last !== undefined)
    throw new InputError('policy-invalid', last.place ?? { file }, last.problem, last.remedy);
}

function describeProblem(
  { place, problem, remedy, severity }: PolicyProblem,
  file: string,
  folder: string,
): string {
  const kind = severity === 'error' ? '' : `${severity}: `;
  return `flowtap: ${safe(`${showPlace(place ?? { file }, folder)}: ${kind}${problem}; ${remedy}`)}`;
}

/** Bytes of all captures together, or null when one is a pipe. @throws InputError for the first that is not there. */
export async function requireCaptures(files: readonly string[]): Promise<number | null> {
  let total: number | null = 0;
  for (const file of files) {
    const faults = new CaptureFaults(file);
    const found = await stat(file).catch((cause: unknown) => {
      throw faults.unreadable(cause);
    });
    if (found.isDirectory())
      throw faults.unreadable(Object.assign(new Error('directory'), { code: 'EISDIR' }));
    total = total === null || !found.isFile() ? null : total + found.size;
  }
  return total;
}

/** What Zeek complains of while it reads a capture, on standard error. */
export function zeekReports(terminal: Terminal): Pick<CaptureRun, 'onNotice' | 'onLog'> {
  return {
    onNotice: (notice) => {
      if (notice.kind === 'hello' || notice.kind === 'lost') return;
      const detail = 'why' in notice ? notice.why : JSON.stringify(notice, (_, value) => String(value));
      terminal.err(`flowtap: Zeek: ${notice.kind}: ${safe(detail)}\n`);
    },
    onLog: (line) => {
      // What ends it is said by how the replay ends, once.
      if (!line.includes('fatal error')) terminal.err(`zeek: ${safe(line)}\n`);
    },
  };
}
