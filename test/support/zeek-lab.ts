// Real Zeeks, our client and raw sockets for one test. Enters: scripts and options; leaves: all of it stopped, and Zeek's words on failure.
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { test } from 'vitest';
import { BrokerClient } from '../../src/broker/client.ts';
import type { ClientOptions } from '../../src/broker/options.ts';
import type { Value } from '../../src/broker/value/value.ts';
import { findZeek } from '../../src/zeek/find.ts';
import { type RawOptions, RawWebSocket } from './raw-websocket.ts';
import { type Items, is, kind, stream, until } from './stream-items.ts';
import { freePort, ZeekProcess } from './zeek-process.ts';

export type Backend = 'broker' | 'zeromq' | 'none';

export interface ZeekOptions {
  readonly backend?: Backend;
  /** Of test/broker/zeek. */
  readonly script?: string;
  /** Settings of the scripts: `BROKER_TEST_` goes before each name. */
  readonly set?: Readonly<Record<string, string>>;
  readonly env?: Readonly<Record<string, string>>;
  readonly args?: readonly string[];
  readonly files?: Readonly<Record<string, string>>;
  /** Of the WebSocket server; without it, one that is free. */
  readonly port?: number;
}

export interface RunningZeek {
  readonly port: number;
  readonly process: ZeekProcess;
}

const PATIENCE_MS = 40_000;
const NO_ZEEK = 'needs a Zeek 8.x: ZEEK_BIN, PATH or /opt/zeek/bin';

/** A test with real Zeeks; skipped with its reason where there is none. */
export function zeekTest(name: string, run: (lab: ZeekLab) => Promise<void>): void {
  test(name, async (context) => {
    const path = findZeek();
    if (path === null) return context.skip(NO_ZEEK);
    const lab = new ZeekLab(path, (reason) => context.skip(reason));
    // Before the test runner's own time-out, which knows nothing of Zeek's output.
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(
        () => reject(new Error('something that was waited for did not happen')),
        PATIENCE_MS,
      );
    });
    try {
      await Promise.race([run(lab), late]);
    } catch (error) {
      if (error instanceof Error) error.message += lab.outputs();
      throw error;
    } finally {
      clearTimeout(timer);
      await lab.stop();
    }
  });
}

export class ZeekLab {
  readonly path: string;
  readonly skip: (reason: string) => never;
  readonly #zeeks: ZeekProcess[] = [];
  readonly #clients: BrokerClient[] = [];
  readonly #stops: (() => unknown)[] = [];

  constructor(path: string, skip: (reason: string) => never) {
    this.path = path;
    this.skip = skip;
  }

  /** Broker always, and ZeroMQ where this Zeek was built with it. */
  get backends(): readonly Backend[] {
    const plugins = execFileSync(this.path, ['-N'], { encoding: 'utf8' });
    return plugins.includes('Cluster_Backend_ZeroMQ') ? ['broker', 'zeromq'] : ['broker'];
  }

  get version(): string {
    return execFileSync(this.path, ['--version'], { encoding: 'utf8' }).trim().split(' ').at(-1) ?? '';
  }

  /** Starts one; clients retry until it listens. */
  async zeek(options: ZeekOptions = {}): Promise<RunningZeek> {
    const port = options.port ?? (await freePort());
    const set = {
      PORT: String(port),
      BACKEND: options.backend ?? 'broker',
      XPUB: String(await freePort()),
      XSUB: String(await freePort()),
      ...options.set,
    };
    const settings = Object.entries(set).map(([name, value]) => [`BROKER_TEST_${name}`, value] as const);
    const env = { ...Object.fromEntries(settings), ...options.env };
    const process = new ZeekProcess(
      this.path,
      ['-b', ...(options.args ?? []), scriptPath(options.script ?? 'server.zeek')],
      env,
      options.files,
    );
    this.#zeeks.push(process);
    this.defer(() => process.stop());
    return { port, process };
  }

  /** Our client, with retries so fast that no test waits for them. */
  client(where: RunningZeek | string, options: Partial<ClientOptions> = {}): BrokerClient {
    const made = new BrokerClient({
      url: typeof where === 'string' ? where : `ws://127.0.0.1:${where.port}`,
      topics: ['from/'],
      ...options,
      reconnect: { minMs: 20, maxMs: 100, ...options.reconnect },
    });
    this.#clients.push(made);
    this.defer(() => made.close());
    return made;
  }

  /** A client and its stream, connected. */
  async connected(
    where: RunningZeek | string,
    options: Partial<ClientOptions> = {},
  ): Promise<{ readonly client: BrokerClient; readonly items: Items; readonly endpoint: string }> {
    const client = this.client(where, options);
    const items = stream(client);
    const last = (await until(items, kind('connected'))).at(-1);
    return { client, items, endpoint: last?.kind === 'connected' ? last.endpoint : '' };
  }

  /** The upgraded socket of a Zeek that listens already; null when Zeek closed it without an answer. */
  async maybeRaw(where: RunningZeek, options: RawOptions = {}): Promise<RawWebSocket | null> {
    const raw = await RawWebSocket.open(where.port, options);
    if (raw !== null) this.defer(() => raw.destroy());
    return raw;
  }

  async raw(where: RunningZeek, options: RawOptions = {}): Promise<RawWebSocket> {
    const raw = await this.maybeRaw(where, options);
    if (raw === null) throw new Error('Zeek closed the connection without an answer');
    return raw;
  }

  /** The same, subscribed and acknowledged. */
  async rawSubscribed(where: RunningZeek, topics: readonly string[]): Promise<RawWebSocket> {
    const raw = await this.raw(where);
    raw.send(JSON.stringify(topics));
    const ack = await raw.json();
    if (typeof ack !== 'object' || ack === null || !('type' in ack) || ack.type !== 'ack')
      throw new Error(`no ack: ${JSON.stringify(ack)}`);
    return raw;
  }

  /** Runs at the end of the test, the latest first. */
  defer(stop: () => unknown): void {
    this.#stops.push(stop);
  }

  /** What all of them have to say, for a test that failed. */
  outputs(): string {
    const zeeks = this.#zeeks.map((zeek) => `Zeek wrote: ${zeek.output.slice(-2000)}`);
    const clients = this.#clients.map((client) => `client: ${JSON.stringify(client.statistics())}`);
    return ['', ...zeeks, ...clients].join('\n');
  }

  async stop(): Promise<void> {
    for (const stop of this.#stops.splice(0).reverse()) await stop();
  }
}

function scriptPath(name: string): string {
  return fileURLToPath(new URL(`../broker/zeek/${name}`, import.meta.url));
}

/** Publishes an event of the test scripts where Zeek listens. */
export function send(client: BrokerClient, name: string, ...args: Value[]): boolean {
  return client.publish({ topic: 'to/', name: `BrokerTest::${name}`, args });
}

/** The same event, as JSON for a raw socket; `args` and `extra` are JSON as well. */
export function rawEvent(name: string, args: string, topic = 'to/', extra = ''): string {
  return `{"type":"data-message","topic":"${topic}","@data-type":"vector","data":[{"@data-type":"count","data":1},{"@data-type":"count","data":1},{"@data-type":"vector","data":[{"@data-type":"string","data":"BrokerTest::${name}"},{"@data-type":"vector","data":${args}}${extra}]}]}`;
}

/** What the script says of a client, by its endpoint, once it does: the arguments behind that. */
export async function untilSaid(
  items: Items,
  name: 'added' | 'lost',
  endpoint: string,
): Promise<readonly Value[]> {
  const last = (
    await until(items, (item) => {
      const [id] = item.kind === 'event' && is(name)(item) ? item.args : [];
      return id?.kind === 'string' && id.text === endpoint;
    })
  ).at(-1);
  if (last?.kind !== 'event') throw new Error('the stream ended');
  return last.args.slice(1);
}

/** Close code and reason of a client, as the script hears of them. */
export async function untilLost(items: Items, endpoint: string): Promise<{ code: number; reason: string }> {
  const [code, reason] = await untilSaid(items, 'lost', endpoint);
  if (code?.kind !== 'count' || reason?.kind !== 'string') throw new Error('not as the script has it');
  return { code: Number(code.value), reason: reason.text };
}
