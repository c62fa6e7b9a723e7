// `npm run fuzz -- [--seconds N] [--target NAME]... [--seed N] [--out FOLDER]`. Leaves: a table, and a file for each finding.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { readOrExit } from '../support/usage.ts';
import type { Progress } from './child.ts';
import { keep, sizeOf } from './input.ts';
import { type Outcome, supervise } from './supervise.ts';
import { TARGETS } from './targets.ts';

const USAGE = `usage: --seconds N --seed N --out FOLDER --target ${Object.keys(TARGETS).join('|')}`;

function readOptions() {
  const { values } = parseArgs({
    options: {
      seconds: { type: 'string', default: '60' },
      target: { type: 'string', multiple: true, default: Object.keys(TARGETS) },
      seed: { type: 'string', default: '1' },
      out: { type: 'string' },
    },
  });
  const [seconds, seed] = [Number(values.seconds), Number(values.seed)];
  if (!(seconds > 0)) throw new Error(`"${values.seconds}" is no number of seconds`);
  if (!Number.isSafeInteger(seed)) throw new Error(`"${values.seed}" is no seed`);
  for (const name of values.target)
    if (TARGETS[name] === undefined) throw new Error(`"${name}" is no target`);
  return { ...values, seconds, seed };
}

const { seconds, seed, ...values } = readOrExit(readOptions, USAGE);

const HEADER = ['target', 'executions', 'a second', 'coverage', 'kept', 'slowest', 'growth', 'found'];
const WIDTHS = [14, 12, 10, 10, 6, 20, 22, 8];

function line(cells: readonly string[]): string {
  return `${cells
    .map((cell, index) => cell.padEnd(WIDTHS[index] ?? 0))
    .join('')
    .trimEnd()}\n`;
}

function mebibytes(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(1)} MiB`;
}

function grew(progress: Progress | null): boolean {
  return progress !== null && progress.growth > progress.allowed;
}

function cells(target: string, took: number, { progress, found }: Outcome): readonly string[] {
  if (progress === null) return [target, '0', '', '', '', '', '', String(found.length)];
  const { executions, covered, kept, slowest, growth, allowed } = progress;
  return [
    target,
    String(executions),
    (executions / took).toFixed(0),
    `${((100 * covered.ran) / Math.max(covered.all, 1)).toFixed(1)} %`,
    String(kept),
    `${slowest.milliseconds.toFixed(1)} ms, ${slowest.bytes} B`,
    `${mebibytes(growth)} of ${mebibytes(allowed)}`,
    String(found.length + (grew(progress) ? 1 : 0)),
  ];
}

process.stdout.write(`seed ${seed}, ${seconds} seconds a target, node ${process.version}\n${line(HEADER)}`);
let failed = false;
for (const target of values.target) {
  const begun = process.hrtime.bigint();
  let shown = false;
  const outcome = await supervise(target, seed, seconds, (progress) => {
    if (!process.stdout.isTTY) return;
    shown = true;
    process.stdout.write(`\r${target}: ${progress.executions} executions `);
  });
  if (shown) process.stdout.write('\r\x1b[K');
  process.stdout.write(line(cells(target, Number(process.hrtime.bigint() - begun) / 1e9, outcome)));
  for (const { kind, signature, detail, input } of outcome.found) {
    process.stdout.write(`  ${kind}: ${signature} (${sizeOf(input)} bytes)\n`);
    if (values.out === undefined) continue;
    mkdirSync(values.out, { recursive: true });
    const name = `${target}-${signature.replaceAll(/[^A-Za-z0-9]+/g, '-').slice(0, 60)}`;
    writeFileSync(join(values.out, `${name}.json`), keep(target, `${kind}: ${detail}`, input));
  }
  failed ||= outcome.found.length > 0 || grew(outcome.progress);
}
process.exitCode = failed ? 1 : 0;
