// The configuration of the live service, as its user wrote it. Enters: the text of a file; leaves: checked settings with every default.
import { isIP } from 'node:net';
import { dirname, resolve } from 'node:path';
import { type CaptureConfig, interfaceOf, readCaptures, type TakeName } from './captures.ts';
import { type FlowTapConfig, readFlowTap } from './flowtap.ts';
import { type GateConfig, readGate } from './gate.ts';
import { DEFAULT_POSTURES, type Postures, readPostures } from './postures.ts';
import { readText, type Section, type Value } from './reader.ts';

/** Absolute paths of PEM files. */
export interface TlsFiles {
  readonly ca: string | null;
  readonly cert: string | null;
  readonly key: string | null;
}

/** One Zeek: one that is running already, or one that this service starts on an interface. */
export interface ZeekConfig {
  readonly name: string;
  readonly at:
    | { readonly kind: 'url'; readonly url: string; readonly tls: TlsFiles | null }
    | {
        readonly kind: 'interface';
        readonly interface: string;
        readonly program: string | null;
        readonly port: number | null;
        readonly scripts: readonly string[];
      };
  readonly on: Postures;
}

/** Where lines go. */
export type Output =
  | { readonly kind: 'stdout' | 'stderr' }
  | { readonly kind: 'file'; readonly path: string };

export const LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal'] as const;

export interface ServiceConfig {
  readonly file: string;
  /** Absolute paths. */
  readonly policies: readonly string[];
  readonly containment: 'forward' | 'redirect';
  /** Holds requests in the path; null: there is none, and copies are judged. */
  readonly gate: GateConfig | null;
  readonly flowtap: FlowTapConfig;
  readonly zeeks: readonly ZeekConfig[];
  readonly captures: readonly CaptureConfig[];
  /** Of the readers, by the names of the sensor's limits; what is absent has its default. `idle` in microseconds. */
  readonly limits: Readonly<Record<string, number>>;
  /** Of the queue between one Zeek and the engine. */
  readonly inbox: { readonly frames: number; readonly bytes: number };
  readonly time: {
    /** How long an event waits for earlier ones of other Zeeks. */
    readonly waitMs: number;
    /** How far a Zeek's time may be ahead of this machine's clock. */
    readonly aheadMs: number;
    /** Behind it by more, or silent for longer, a Zeek is late. */
    readonly lateMs: number;
    /** Events that wait so, of all Zeeks together. */
    readonly events: number;
  };
  /** Open user requests of one application up to which none is packed; null: the engine's own number. */
  readonly unpackedChains: number | null;
  readonly audit: { readonly to: Output; readonly passes: boolean };
  /** Bytes of events that are kept, so that policies can be replaced. */
  readonly journal: number;
  readonly log: { readonly to: Output; readonly level: (typeof LEVELS)[number] };
  readonly health: { readonly host: string; readonly port: number } | null;
}

const KEYS = [
  'policies',
  'containment',
  'zeeks',
  'gate',
  'captures',
  'on',
  'flowtap',
  'limits',
  'time',
  'chains',
  'replace',
  'audit',
  'log',
  'health',
];
const SIZES = ['body', 'head', 'statement', 'reassembly'];
/** More than a policy may allow to be open. */
const MOST_UNPACKED = 100_000_000;
const COUNTS = ['rows', 'prepared', 'pipeline', 'flows'];

/**
 * Reads a configuration; docs/operations.md describes it. Paths in it are relative to its own folder.
 * @param file as it is shown in messages, and against which paths are resolved
 * @throws InputError `config-invalid` for the first thing that is wrong, with line and column
 */
export function readConfig(file: string, text: string): ServiceConfig {
  const top = readText(file, text).section(KEYS);
  const folder = dirname(resolve(file));
  const audit = top.get('audit')?.section(['file', 'passes']);
  const log = top.get('log')?.section(['file', 'level']);
  const health = top.get('health')?.section(['listen']);
  const on = readPostures(top.get('on'), DEFAULT_POSTURES);
  const policies = top.need('policies', 'list the policy modules').list();
  const inPath = top.get('gate');
  const named = taker();
  if (top.get('captures') === undefined && inPath === undefined)
    top.need('zeeks', 'list at least one, with "name" and "url" or "interface"; or name "captures"');
  const followed = zeeks(top.get('zeeks'), folder, on, named);
  const captures = readCaptures(top.get('captures'), on, named);
  const names = [...followed, ...captures].map(({ name }) => name);
  const config: ServiceConfig = {
    file,
    policies: policies.map((policy) => resolve(folder, policy.text())),
    containment: containment(top.get('containment'), inPath),
    gate: inPath === undefined ? null : readGate(inPath, names),
    zeeks: followed,
    captures,
    flowtap: readFlowTap(top.get('flowtap'), folder, names),
    ...limits(top.get('limits')),
    time: time(top.get('time')),
    unpackedChains: top.get('chains')?.section(['unpacked']).get('unpacked')?.whole(0, MOST_UNPACKED) ?? null,
    journal: top.get('replace')?.section(['memory']).get('memory')?.size() ?? 256 * 1024 ** 2,
    audit: {
      to: output(audit?.get('file'), folder, 'stdout'),
      passes: audit?.get('passes')?.flag() ?? true,
    },
    log: {
      to: output(log?.get('file'), folder, 'stderr'),
      level: log?.get('level')?.word(LEVELS) ?? 'info',
    },
    health: health === undefined ? null : listen(health.need('listen', 'write it as 127.0.0.1:9464')),
  };
  const both = log?.get('file') ?? audit?.get('file');
  if (both !== undefined && JSON.stringify(config.audit.to) === JSON.stringify(config.log.to))
    throw both.wrong('audit and log cannot share one output', 'give each its own');
  return config;
}

/** What is held until its verdict needs a gate in the path, which Zeek is not. */
function containment(value: Value | undefined, gate: Value | undefined): ServiceConfig['containment'] {
  const wanted = value?.word(['forward', 'redirect']) ?? (gate === undefined ? 'forward' : 'redirect');
  if (wanted === 'redirect' && gate === undefined)
    throw value?.wrong('a Zeek sees copies, so that nothing can be held', 'write forward, or add a "gate"');
  if (wanted === 'forward' && gate !== undefined)
    throw value?.wrong('a gate holds requests', 'write redirect, or remove "gate"');
  return wanted;
}

/** Names of sources stand in log, audit and flows: each is there once. */
function taker(): TakeName {
  const seen = new Set<string>();
  return (name) => {
    const text = name.text();
    if (!/^[a-z0-9][a-z0-9._-]{0,63}$/.test(text))
      throw name.wrong(`"${text}" is no name`, 'use lower-case letters, digits, ".", "_" and "-"');
    if (seen.has(text)) throw name.wrong('another source has the same', 'give each its own');
    seen.add(text);
    return text;
  };
}

function zeeks(
  value: Value | undefined,
  folder: string,
  on: Postures,
  named: TakeName,
): readonly ZeekConfig[] {
  const seen = new Set<string>();
  return (value?.list() ?? []).map((item) => {
    const keys = ['name', 'url', 'tls', 'interface', 'zeek', 'port', 'scripts', 'on'];
    const section = item.section(keys);
    const name = named(section.need('name', 'name it as it shall stand in log and audit'));
    const at = place(section, folder);
    const where = at.kind === 'url' ? at.url : `interface ${at.interface}`;
    if (seen.has(where))
      throw (section.get(at.kind) ?? item).wrong('another Zeek has the same', 'give each its own');
    seen.add(where);
    return { name, at, on: readPostures(section.get('on'), on) };
  });
}

function place(section: Section, folder: string): ZeekConfig['at'] {
  const url = section.get('url');
  const device = section.get('interface');
  if ((url === undefined) === (device === undefined))
    throw section.value.wrong(
      url === undefined ? 'neither "url" nor "interface" is given' : '"url" and "interface" are both given',
      'give "url" for a Zeek that is running, or "interface" for one to be started',
    );
  const foreign = url === undefined ? ['tls'] : ['zeek', 'port', 'scripts'];
  for (const key of foreign) {
    const value = section.get(key);
    if (value !== undefined)
      throw value.wrong(`it does not go with "${url === undefined ? 'interface' : 'url'}"`, 'remove it');
  }
  if (url !== undefined) return { kind: 'url', url: address(url), tls: tls(section.get('tls'), url, folder) };
  return {
    kind: 'interface',
    interface: interfaceOf(section.need('interface', '')),
    program: section.get('zeek')?.text() ?? null,
    port: section.get('port')?.whole(1, 65_535) ?? null,
    scripts:
      section
        .get('scripts')
        ?.list()
        .map((script) => resolve(folder, script.text())) ?? [],
  };
}

/** The broker client checks the rest; what it would refuse has its place here. */
function address(value: Value): string {
  const url = URL.canParse(value.text()) ? new URL(value.text()) : null;
  if (
    url === null ||
    !['ws:', 'wss:'].includes(url.protocol) ||
    !['/', '/v1/messages/json'].includes(url.pathname)
  )
    throw value.wrong(`"${value.text()}" is no address of a Zeek`, 'write it as ws://127.0.0.1:27759');
  if (url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '')
    throw value.wrong('Zeek takes a host and a port only', 'write it as ws://127.0.0.1:27759');
  return value.text();
}

function tls(value: Value | undefined, url: Value, folder: string): TlsFiles | null {
  if (value === undefined) return null;
  if (!url.text().startsWith('wss:'))
    throw url.wrong('"tls" needs an address with wss://', 'write wss://...');
  const section = value.section(['ca', 'cert', 'key']);
  const file = (key: string): string | null => {
    const path = section.get(key)?.text();
    return path === undefined ? null : resolve(folder, path);
  };
  const files = { ca: file('ca'), cert: file('cert'), key: file('key') };
  if ((files.cert === null) !== (files.key === null))
    throw value.wrong('"cert" and "key" go together', 'give both or none');
  return files;
}

function limits(value: Value | undefined): Pick<ServiceConfig, 'limits' | 'inbox'> {
  const section = value?.section([...SIZES, ...COUNTS, 'idle', 'waiting', 'waiting-bytes']);
  const found: Record<string, number> = {};
  const take = (key: string, read: (value: Value) => number): void => {
    const given = section?.get(key);
    if (given !== undefined) found[key] = read(given);
  };
  for (const key of SIZES) take(key, (given) => given.size());
  for (const key of COUNTS) take(key, (given) => given.whole(1, 100_000_000));
  take('idle', (given) => given.duration() * 1000);
  return {
    limits: found,
    inbox: {
      frames: section?.get('waiting')?.whole(16, 10_000_000) ?? 65_536,
      bytes: section?.get('waiting-bytes')?.size() ?? 64 * 1024 ** 2,
    },
  };
}

function time(value: Value | undefined): ServiceConfig['time'] {
  const section = value?.section(['wait', 'ahead', 'late', 'events']);
  return {
    waitMs: section?.get('wait')?.duration() ?? 100,
    aheadMs: section?.get('ahead')?.duration() ?? 1000,
    lateMs: section?.get('late')?.duration() ?? 5000,
    events: section?.get('events')?.whole(1, 10_000_000) ?? 65_536,
  };
}

function output(value: Value | undefined, folder: string, otherwise: 'stdout' | 'stderr'): Output {
  const text = value?.text() ?? otherwise;
  return text === 'stdout' || text === 'stderr'
    ? { kind: text }
    : { kind: 'file', path: resolve(folder, text) };
}

/** The answers say what this service sees, and nobody is asked who he is: this machine only. */
function listen(value: Value): { readonly host: string; readonly port: number } {
  const [, host = '', port = ''] = /^(?:\[?([0-9A-Fa-f.:]+)\]?):(\d{1,5})$/.exec(value.text()) ?? [];
  if (isIP(host) === 0 || Number(port) > 65_535)
    throw value.wrong(
      `"${value.text()}" is no address and port`,
      'write it as 127.0.0.1:9464 or "[::1]:9464"',
    );
  if (!(host.startsWith('127.') || host === '::1'))
    throw value.wrong(
      `${host} is not on loopback`,
      'write 127.0.0.1:9464, and let a proxy show it to others',
    );
  return { host, port: Number(port) };
}
