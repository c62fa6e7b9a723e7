// Real PostgreSQL, MariaDB and RabbitMQ on loopback addresses of their own. Enters: addresses; leaves: servers, and their end.
import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { as, run, saying } from '../lab/system.ts';
import { isInstalled } from './open-vswitch.ts';

const POSTGRES = '/usr/lib/postgresql/15/bin';
const RABBITMQ = '/usr/lib/rabbitmq/bin/rabbitmq-server';

/** Why a service cannot run here; null when it can. */
export function whyNoService(name: 'postgres' | 'mariadb' | 'rabbitmq'): string | null {
  if (process.getuid?.() !== 0 || !isInstalled('setpriv'))
    return `${name} is started by root with setpriv only`;
  const there = {
    postgres: existsSync(`${POSTGRES}/initdb`),
    mariadb: isInstalled('mariadbd') && isInstalled('mariadb-install-db'),
    rabbitmq: existsSync(RABBITMQ),
  }[name];
  return there ? null : `${name} is not installed`;
}

export class RealServices {
  readonly #folder = mkdtempSync(join(tmpdir(), 'flowtap-services-'));
  readonly #children: ChildProcess[] = [];
  #directory: number | null = null;

  constructor() {
    // Each server runs as a user of its own, in a folder of its own in here.
    chmodSync(this.#folder, 0o755);
  }

  /** A PostgreSQL without passwords; its tables are made by `schema`. */
  async postgres(ip: string, port: number, schema: string): Promise<void> {
    const folder = await this.#owned('postgres');
    const data = join(folder, 'data');
    await this.#as(
      'postgres',
      `${POSTGRES}/initdb`,
      '-D',
      data,
      '-A',
      'trust',
      '-N',
      '-E',
      'UTF8',
      '--locale=C.UTF-8',
    );
    const settings = [`listen_addresses=${ip}`, `port=${port}`, 'ssl=off', 'fsync=off'];
    const argv = [
      `${POSTGRES}/postgres`,
      '-D',
      data,
      '-k',
      folder,
      ...settings.flatMap((each) => ['-c', each]),
    ];
    writeFileSync(join(data, 'pg_hba.conf'), 'local all all trust\nhost all all 127.0.0.0/8 trust\n');
    await this.#start('postgres', argv, /ready to accept connections/);
    await run('psql', ['-qAt', '-h', folder, '-p', String(port), '-U', 'postgres', '-d', 'postgres'], schema);
  }

  /** A MariaDB whose user `shop` needs no password; its tables are made by `schema`. */
  async mariadb(ip: string, port: number, schema: string): Promise<void> {
    const folder = await this.#owned('mysql');
    const data = [`--datadir=${folder}/data`, `--tmpdir=${folder}`];
    await run('mariadb-install-db', ['--no-defaults', '--user=mysql', '--skip-test-db', ...data]);
    const socket = join(folder, 'socket');
    const settings = [
      `--bind-address=${ip}`,
      `--port=${port}`,
      `--socket=${socket}`,
      `--pid-file=${folder}/pid`,
      '--skip-ssl',
      '--skip-name-resolve',
    ];
    await this.#start('mysql', ['mariadbd', '--no-defaults', ...data, ...settings], /ready for connections/);
    await run('mariadb', ['--no-defaults', '-u', 'root', '-S', socket], schema);
  }

  /** A RabbitMQ with its user `guest`. */
  async rabbitmq(ip: string, port: number): Promise<void> {
    const folder = await this.#owned('rabbitmq');
    writeFileSync(join(folder, 'plugins'), '[].\n', { mode: 0o644 });
    const settings = [`listeners.tcp.1 = ${ip}:${port}`, 'loopback_users = none', 'log.console = false', ''];
    writeFileSync(join(folder, 'rabbitmq.conf'), settings.join('\n'), { mode: 0o644 });
    const env = {
      HOME: folder,
      RABBITMQ_NODENAME: `flowtap${process.pid}@localhost`,
      RABBITMQ_DIST_PORT: String(port + 1),
      RABBITMQ_CONF_ENV_FILE: '/dev/null',
      RABBITMQ_CONFIG_FILE: join(folder, 'rabbitmq.conf'),
      RABBITMQ_ENABLED_PLUGINS_FILE: join(folder, 'plugins'),
      RABBITMQ_MNESIA_BASE: join(folder, 'mnesia'),
      RABBITMQ_LOG_BASE: join(folder, 'log'),
      RABBITMQ_PID_FILE: join(folder, 'pid'),
      // Erlang's directory of nodes stays when the nodes are gone, so it is one of our own.
      ERL_EPMD_ADDRESS: '127.0.0.1',
      ERL_EPMD_PORT: String(port + 2),
    };
    this.#directory = port + 2;
    await this.#start('rabbitmq', [RABBITMQ], /completed with/, env);
  }

  async stop(): Promise<void> {
    for (const child of this.#children) {
      if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) continue;
      const ended = once(child, 'close');
      // What it has started is in its process group.
      process.kill(-child.pid, 'SIGKILL');
      await ended;
    }
    // It forgets a node when its connection ends, and ends only when it knows none.
    for (let times = 0; this.#directory !== null && times < 50; times++) {
      const port = String(this.#directory);
      const said = await run('epmd', ['-port', port, '-kill']).catch(() => 'none');
      if (!said.includes('not')) this.#directory = null;
    }
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #owned(user: string): Promise<string> {
    const folder = join(this.#folder, user);
    mkdirSync(folder, { mode: 0o700 });
    const [uid, gid] = await Promise.all([run('id', ['-u', user]), run('id', ['-g', user])]);
    chownSync(folder, Number(uid), Number(gid));
    return folder;
  }

  async #as(user: string, ...argv: readonly string[]): Promise<void> {
    const [program = '', ...rest] = as(user, argv);
    await run(program, rest);
  }

  async #start(
    user: string,
    argv: readonly string[],
    ready: RegExp,
    env: NodeJS.ProcessEnv = {},
  ): Promise<void> {
    const [program = '', ...rest] = as(user, argv);
    const child = spawn(program, rest, {
      env: { PATH: process.env.PATH, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
    this.#children.push(child);
    await saying(child, user, ready, 90_000);
    child.stdout?.resume();
    child.stderr?.resume();
  }
}
