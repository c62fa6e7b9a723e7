// The real PostgreSQL, MariaDB and RabbitMQ. Enters: a scratch folder; leaves: three servers in their namespaces, and their reset.
import { createHash, randomBytes } from 'node:crypto';
import { chownSync, mkdirSync, writeFileSync } from 'node:fs';
import { mariadbTables, postgresTables } from './data.ts';
import { as, run, saying, spawnIn, until } from './system.ts';
import * as net from './topology.ts';

const PG = '/usr/lib/postgresql/15/bin';

export interface Daemons {
  /** The same rows before every story. */
  reset(): Promise<void>;
}

export async function startDaemons(scratch: string): Promise<Daemons> {
  const [postgres, mariadb] = await Promise.all([
    startPostgres(`${scratch}/postgres`),
    startMariadb(`${scratch}/mariadb`),
    startRabbitmq(`${scratch}/rabbitmq`),
  ]);
  return {
    reset: async () => {
      await Promise.all([postgres(), mariadb()]);
    },
  };
}

async function ownedFolder(path: string, user: string): Promise<void> {
  mkdirSync(path, { mode: 0o700 });
  const [uid, gid] = await Promise.all([run('id', ['-u', user]), run('id', ['-g', user])]);
  chownSync(path, Number(uid), Number(gid));
}

async function startPostgres(folder: string): Promise<() => Promise<void>> {
  await ownedFolder(folder, 'postgres');
  const [setpriv = '', ...rest] = as('postgres', [
    `${PG}/initdb`,
    '-D',
    `${folder}/data`,
    '-A',
    'trust',
    '-N',
  ]);
  await run(setpriv, [...rest, '-E', 'UTF8', '--locale=C.UTF-8', '--no-instructions']);
  writeFileSync(
    `${folder}/data/pg_hba.conf`,
    'local all postgres trust\nhost all all 10.1.0.0/24 scram-sha-256\n',
  );
  const settings = [`listen_addresses=${net.address('user-db')}`, 'ssl=off', 'fsync=off', 'autovacuum=off'];
  const server = [
    `${PG}/postgres`,
    '-D',
    `${folder}/data`,
    '-k',
    folder,
    ...settings.flatMap((s) => ['-c', s]),
  ];
  const child = spawnIn(net.namespace('user-db'), as('postgres', server));
  await saying(child, 'PostgreSQL', /ready to accept connections/, 30_000);
  // Over the Unix socket, so that the lab's own housekeeping is never on the captured network.
  const psql = (database: string, sql: string): Promise<string> =>
    run('psql', ['-qAt', '-v', 'ON_ERROR_STOP=1', '-h', folder, '-U', 'postgres', '-d', database], sql);
  await psql('postgres', `CREATE DATABASE ${net.DATABASE}`);
  await psql(net.DATABASE, postgresTables.schema);
  return async () => {
    await psql(net.DATABASE, postgresTables.rows);
  };
}

async function startMariadb(folder: string): Promise<() => Promise<void>> {
  await ownedFolder(folder, 'mysql');
  const data = [`--datadir=${folder}/data`, `--tmpdir=${folder}`];
  await run('mariadb-install-db', ['--no-defaults', '--user=mysql', '--skip-test-db', ...data]);
  const socket = `${folder}/socket`;
  const settings = [
    `--bind-address=${net.address('dvd-db')}`,
    `--port=${net.port('dvd-db')}`,
    `--socket=${socket}`,
    `--pid-file=${folder}/pid`,
    '--skip-ssl',
    '--skip-name-resolve',
    '--innodb-flush-log-at-trx-commit=0',
  ];
  const server = ['mariadbd', '--no-defaults', ...data, ...settings];
  const child = spawnIn(net.namespace('dvd-db'), as('mysql', server));
  await saying(child, 'MariaDB', /ready for connections/, 60_000);
  const mariadb = (sql: string): Promise<string> =>
    run('mariadb', ['--no-defaults', '-u', 'root', '-S', socket, '--default-character-set=utf8mb4'], sql);
  await mariadb(mariadbTables.schema);
  return async () => {
    await mariadb(mariadbTables.rows);
  };
}

async function startRabbitmq(folder: string): Promise<void> {
  await ownedFolder(folder, 'rabbitmq');
  writeFileSync(`${folder}/definitions.json`, JSON.stringify(rabbitmqDefinitions()), { mode: 0o644 });
  writeFileSync(`${folder}/plugins`, '[].\n', { mode: 0o644 });
  writeFileSync(
    `${folder}/rabbitmq.conf`,
    [
      `listeners.tcp.1 = ${net.address('queue')}:${net.port('queue')}`,
      `load_definitions = ${folder}/definitions.json`,
      'log.console = false',
      '',
    ].join('\n'),
  );
  const env = {
    HOME: folder,
    RABBITMQ_NODENAME: 'rabbit@localhost',
    RABBITMQ_CONF_ENV_FILE: '/dev/null',
    RABBITMQ_CONFIG_FILE: `${folder}/rabbitmq.conf`,
    RABBITMQ_ENABLED_PLUGINS_FILE: `${folder}/plugins`,
    RABBITMQ_MNESIA_BASE: `${folder}/mnesia`,
    RABBITMQ_LOG_BASE: `${folder}/log`,
    RABBITMQ_PID_FILE: `${folder}/pid`,
    // Its helper must not be reachable, nor found on another Erlang's port.
    ERL_EPMD_ADDRESS: '127.0.0.1',
  };
  const child = spawnIn(net.namespace('queue'), as('rabbitmq', ['/usr/lib/rabbitmq/bin/rabbitmq-server']), {
    env,
  });
  await saying(child, 'RabbitMQ', /completed with/, 90_000);
  await until('RabbitMQ listens', 10_000, async () => {
    const listening = await run('ip', [
      'netns',
      'exec',
      net.namespace('queue'),
      'ss',
      '-Hltn',
      'sport = :5672',
    ]);
    return listening.includes(net.address('queue'));
  });
}

/** The two services that use the queue, and the janitor that empties it between stories. */
function rabbitmqDefinitions(): unknown {
  const names = ['contract-update', 'dvd-update', 'queue'] as const;
  const hash = (password: string): string => {
    const salt = randomBytes(4);
    return Buffer.concat([salt, createHash('sha256').update(salt).update(password).digest()]).toString(
      'base64',
    );
  };
  return {
    vhosts: [{ name: '/' }],
    // Otherwise the broker greets everybody with the name of the machine that the lab ran on.
    global_parameters: [{ name: 'cluster_name', value: 'rental-queue' }],
    users: names.map((name) => ({
      name: net.login(name).user,
      password_hash: hash(net.login(name).password),
      hashing_algorithm: 'rabbit_password_hashing_sha256',
      tags: '',
    })),
    permissions: names.map((name) => ({
      user: net.login(name).user,
      vhost: '/',
      configure: `^${net.QUEUE}$`,
      write: `^${net.QUEUE}$`,
      read: name === 'contract-update' ? '^$' : `^${net.QUEUE}$`,
    })),
  };
}
