// The program as a process of its own: signals and pipes. Enters: the built program; leaves: assertions on how it ends.
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';

const ROOT = new URL('../..', import.meta.url).pathname;
const PROGRAM = join(ROOT, 'dist/src/cli/main.js');
const MANY = join(ROOT, 'pcaps/honest-200-rentals.pcap.gz');
const folder = mkdtempSync(join(tmpdir(), 'flowtap-process-'));
afterAll(() => rmSync(folder, { recursive: true }));

interface Child {
  readonly firstChunk: Promise<void>;
  readonly ended: Promise<{ readonly code: number | null; readonly out: string; readonly err: string }>;
  readonly kill: (signal: NodeJS.Signals) => void;
  readonly hangUp: () => void;
}

function flowtap(...argv: readonly string[]): Child {
  const child = spawn(process.execPath, [PROGRAM, ...argv], { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'] });
  let out = '';
  let err = '';
  const firstChunk = new Promise<void>((resolve) => child.stdout.once('data', () => resolve()));
  child.stdout.on('data', (chunk: Buffer) => {
    out += chunk.toString();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    err += chunk.toString();
  });
  const ended = new Promise<Awaited<Child['ended']>>((resolve) => {
    child.once('close', (code) => resolve({ code, out, err }));
  });
  return { firstChunk, ended, kill: (signal) => child.kill(signal), hangUp: () => child.stdout.destroy() };
}

const ARGUMENTS = ['--json', '--no-typecheck', '--policy', 'policies/dvd-rental.ts'];

describe('the built program', () => {
  beforeEach(({ skip }) => {
    skip(!existsSync(PROGRAM), 'the program is not built: npm run build');
  });

  it('ends quietly when nobody reads on, as with "| head"', async () => {
    const child = flowtap('replay', MANY, ...ARGUMENTS);
    await child.firstChunk;
    child.hangUp();
    const { code, err } = await child.ended;
    expect({ code, err }).toEqual({ code: 0, err: '' });
  });

  it('says in one line that its output has no room', ({ skip }) => {
    skip(!existsSync('/dev/full'), 'this system has no /dev/full');
    const full = openSync('/dev/full', 'w');
    const { status, stderr } = spawnSync(process.execPath, [PROGRAM, 'replay', MANY, ...ARGUMENTS], {
      cwd: ROOT,
      encoding: 'utf8',
      stdio: ['ignore', full, 'pipe'],
    });
    closeSync(full);
    expect(stderr).toBe('flowtap: standard output cannot be written (ENOSPC); give it room\n');
    expect(status).toBe(2);
  });

  it('ends cleanly when it is interrupted, with what it had seen', async () => {
    const pipe = join(folder, 'pipe.pcap');
    execFileSync('mkfifo', [pipe]);
    const capture = gunzipSync(readFileSync(MANY));
    const child = flowtap('replay', pipe, ...ARGUMENTS);
    const writer = await open(pipe, 'w');
    await writer.write(capture.subarray(0, capture.length >> 1));
    await child.firstChunk;
    child.kill('SIGINT');
    // The reader may have gone already: that is what is tested.
    await writer.write(capture.subarray(capture.length >> 1)).catch(() => {});
    await writer.close();
    const { code, out, err } = await child.ended;
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(JSON.parse(out.trimEnd().split('\n').at(-1) ?? '')).toMatchObject({ record: 'end', whole: false });
  });
});
