// Commands and child processes of the lab. Enters: argument lists; leaves: their output, or a LabError that says what to do.
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/** A failure that a person can act on: shown as one line, without a stack. */
export class LabError extends Error {}

const PROGRAMS: readonly (readonly [program: string, debianPackage: string])[] = [
  ['ip', 'iproute2'],
  ['ethtool', 'ethtool'],
  ['setpriv', 'util-linux'],
  ['tcpdump', 'tcpdump'],
  ['tshark', 'tshark'],
  ['mariadbd', 'mariadb-server'],
  ['mariadb-install-db', 'mariadb-server'],
  ['mariadb', 'mariadb-client'],
  ['/usr/lib/rabbitmq/bin/rabbitmq-server', 'rabbitmq-server'],
  ['/usr/lib/postgresql/15/bin/postgres', 'postgresql-15'],
  ['/usr/lib/postgresql/15/bin/initdb', 'postgresql-15'],
  ['psql', 'postgresql-client'],
];

export function requireMachine(): void {
  if (process.platform !== 'linux') throw new LabError('the lab needs Linux: it builds network namespaces');
  if (process.getuid?.() !== 0) {
    throw new LabError('the lab needs root, to make network namespaces: run it as root in a throw-away VM');
  }
  const path = ['/usr/sbin', '/sbin', ...(process.env.PATH ?? '').split(':')];
  for (const [program, debianPackage] of PROGRAMS) {
    const places = program.startsWith('/') ? [program] : path.map((folder) => `${folder}/${program}`);
    if (!places.some((place) => existsSync(place))) {
      throw new LabError(`${program} is missing: apt-get install ${debianPackage}`);
    }
  }
}

export function run(program: string, args: readonly string[], input = ''): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = execFile(program, args, { maxBuffer: 1 << 28 }, (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else reject(new LabError(`${program} ${args.join(' ')}: ${stderr.trim() || error.message}`));
    });
    // A program that does not read its input may be gone before it was written.
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(input);
  });
}

/** As `user`, with none of root's powers: the database servers insist on it. */
export const as = (user: string, argv: readonly string[]): string[] => [
  'setpriv',
  `--reuid=${user}`,
  `--regid=${user}`,
  '--init-groups',
  '--inh-caps=-all',
  ...argv,
];

export function spawnIn(
  namespace: string,
  argv: readonly string[],
  options: { env?: NodeJS.ProcessEnv; ipc?: boolean } = {},
): ChildProcess {
  return spawn('ip', ['netns', 'exec', namespace, ...argv], {
    env: { PATH: process.env.PATH, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe', ...(options.ipc ? (['ipc'] as const) : [])],
  });
}

/** Waits until the child's output has a line that matches; its end, or the time, is an error with what it said. */
export function saying(child: ChildProcess, what: string, pattern: RegExp, ms: number): Promise<void> {
  return new Promise((resolve, reject) => {
    let said = '';
    const settle = (error?: Error): void => {
      clearTimeout(timer);
      if (error === undefined) resolve();
      else reject(error);
    };
    const timer = setTimeout(() => settle(new LabError(`${what} is not up after ${ms} ms:\n${said}`)), ms);
    const listen = (chunk: Buffer): void => {
      said = (said + chunk.toString()).slice(-20_000);
      if (pattern.test(said)) settle();
    };
    child.stdout?.on('data', listen);
    child.stderr?.on('data', listen);
    child.once('exit', (code) => settle(new LabError(`${what} ended with ${code}:\n${said}`)));
  });
}

/** Asks, waits, insists. Resolves when the process is gone. */
export async function stop(child: ChildProcess, signal: NodeJS.Signals, ms = 5_000): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill(signal);
  const late = setTimeout(() => child.kill('SIGKILL'), ms);
  await gone;
  clearTimeout(late);
}

export async function until(what: string, ms: number, test: () => Promise<boolean> | boolean): Promise<void> {
  for (let waited = 0; waited < ms; waited += 50) {
    if (await test()) return;
    await sleep(50);
  }
  throw new LabError(`${what}: not within ${ms} ms`);
}
