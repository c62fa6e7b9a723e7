// The live service: sources, merge, engine, blocks, journal, log, health. Enters: configuration, policies; leaves: the journal, until stopped.
// Longer than other files because all parts of the service are put together, begun and ended here, in one place.
import type { AuditEntry } from '../audit/entry.ts';
import { type Log, short } from '../audit/log.ts';
import type { TlsOptions } from '../broker/connection.ts';
import type { ServiceConfig } from '../config/config.ts';
import type { GateConfig } from '../config/gate.ts';
import { createEngine, type Engine } from '../engine.ts';
import { Blocks } from '../flowtap/blocks.ts';
import { MemoryDriver } from '../flowtap/memory.ts';
import { SplitDriver } from '../flowtap/split.ts';
import { Judge } from '../judge.ts';
import type { PolicyDocument } from '../policy/document.ts';
import { TokenGate } from '../policy/tokens/gate.ts';
import { Tokens } from '../policy/tokens/tokens.ts';
import { Bridge } from './bridge.ts';
import { type Follower, followCapture, followZeek } from './follow.ts';
import { LiveGate } from './gate.ts';
import { type HealthServer, startHealth } from './health-server.ts';
import { Merge } from './merge.ts';
import { Outputs } from './outputs.ts';
import type { ServiceParts } from './parts.ts';
import { checkZeek, isExposed } from './prepare.ts';
import { reload, tellChanges, wantedBy } from './reload.ts';
import { Reporter } from './reporter.ts';
import { type Snapshot, sensedBy } from './status.ts';

/** How often each source is looked after. */
const TICK_MS = 1000;

/**
 * Runs until `stop`, then takes what is there, ends every chain, and writes the end of the journal.
 * @throws InputError for what the configuration names and is not there
 * @throws FlowTapError `service-failed` when it cannot go on: the journal cannot be written, or a queue is full whose posture is `fail`
 */
export async function runService(
  config: ServiceConfig,
  policies: readonly PolicyDocument[],
  parts: ServiceParts,
): Promise<void> {
  const tls = await Promise.all(config.zeeks.map((zeek) => checkZeek(zeek, config, parts)));
  const { containment, journal, unpackedChains } = config;
  const tokens = new Tokens(policies);
  const engine = await createEngine({
    policies,
    containment,
    journal,
    ...(unpackedChains === null ? {} : { unpackedChains }),
    // What Zeeks see beside the gate are copies.
    holds: ({ seenAt }) => seenAt === config.gate?.name,
    tokens,
  });
  const outputs = await Outputs.open(config, parts);
  const service = new Service(config, engine, tokens, parts, outputs);
  try {
    await service.run(policies, tls);
  } finally {
    await service.close();
  }
  outputs.check();
}

/**
 * What the gate holds it cuts itself, and both ends are told so: a flow on the switch would swallow these resets, and stay
 * behind for whoever has the same port next.
 */
function blocksFor(bridge: Bridge | null, gate: GateConfig | null, { random }: ServiceParts): Blocks {
  if (bridge === null) return new Blocks({ driver: new MemoryDriver(), run: Math.floor(random() * 2 ** 32) });
  const { driver, run } = bridge;
  if (gate === null) return new Blocks({ driver, run });
  return new Blocks({
    driver: new SplitDriver(new MemoryDriver(), driver, (where) => where === gate.name),
    run,
  });
}

class Service {
  readonly #config: ServiceConfig;
  readonly #parts: ServiceParts;
  readonly #engine: Engine;
  readonly #blocks: Blocks;
  /** Null with the `memory` driver. */
  readonly #bridge: Bridge | null;
  readonly #judge: Judge;
  readonly #known: Tokens;
  readonly #tokens: TokenGate;
  readonly #merge: Merge;
  readonly #outputs: Outputs;
  readonly #log: Log;
  readonly #reporter: Reporter;
  readonly #followers: Follower[] = [];
  /** Null where nothing is held. */
  #gate: LiveGate | null = null;
  readonly #since: number;
  #health: HealthServer | null = null;
  #reloading: Promise<void> = Promise.resolve();
  #cancelFlow: (() => void) | null = null;
  #cancelTick: () => void = () => {};
  #ended = false;

  constructor(config: ServiceConfig, engine: Engine, tokens: Tokens, parts: ServiceParts, outputs: Outputs) {
    this.#config = config;
    this.#engine = engine;
    this.#known = tokens;
    this.#parts = parts;
    this.#bridge = Bridge.of(
      config.flowtap,
      parts,
      {
        takeSwitch: (...report) => this.#reporter.takeSwitch(...report),
        refused: (...block) => this.#reporter.refused(...block),
      },
      async (rule, since) =>
        (await this.#followers.find(({ name }) => name === rule.where)?.passed(rule, since)) ?? null,
    );
    this.#blocks = blocksFor(this.#bridge, config.gate, parts);
    this.#judge = new Judge(engine, this.#blocks);
    this.#tokens = new TokenGate(tokens, (ts, event) => {
      const entries = event === null ? this.#judge.advance(ts) : this.#judge.handle(event);
      this.#write(entries);
      this.#gate?.heed(event, entries);
    });
    this.#merge = new Merge({
      ...config.time,
      most: config.time.events,
      onNext: (ts, event) => this.#tokens.offer(ts, event),
    });
    this.#outputs = outputs;
    this.#log = outputs.log;
    this.#reporter = new Reporter({
      log: this.#log,
      clock: parts.clock,
      wall: parts.wall,
      traffic: () => (this.#judge.now === 0 ? null : this.#judge.now),
      onEntry: (entry) => this.#outputs.write([entry]),
    });
    this.#since = parts.clock.now();
  }

  async run(policies: readonly PolicyDocument[], tls: readonly (TlsOptions | null)[]): Promise<void> {
    const { stop, onReopen } = this.#parts;
    this.#follow(policies, tls);
    if (this.#config.gate !== null) this.#gate = this.#hold(this.#config.gate, policies);
    await this.#begin();
    await this.#gate?.open();
    const stopped = new Promise<void>((resolve) => {
      if (stop.aborted) resolve();
      else stop.addEventListener('abort', () => resolve(), { once: true });
    });
    const reopened = onReopen(() => void this.#hangUp());
    const runs = this.#followers.map((follower) => follower.run());
    let failure: unknown = null;
    try {
      await Promise.race([stopped, this.#outputs.failure, ...runs]);
    } catch (error) {
      failure = error;
      this.#log.fatal({ why: error instanceof Error ? short(error.message) : 'unknown' }, 'cannot go on');
    }
    this.#log.info('stopping');
    for (const follower of this.#followers) void follower.stop();
    await this.#gate?.close();
    const results = await Promise.allSettled(runs);
    reopened();
    await this.#end(failure === null);
    failure ??= results.find((result) => result.status === 'rejected')?.reason ?? null;
    if (failure !== null) throw failure;
    const { engine, blocks, merge } = this.#snapshot();
    this.#log.info({ ...engine, blocks, merge }, 'stopped');
  }

  /** Writes everything and lets go of everything. */
  async close(): Promise<void> {
    this.#cancelTick();
    this.#cancelFlow?.();
    await this.#gate?.close();
    this.#bridge?.stop();
    await this.#health?.close();
    await this.#outputs.close();
  }

  /** Files were moved away, or policies changed: whoever says so does not say which. One after the other. */
  #hangUp(): Promise<void> {
    this.#reloading = this.#reloading.then(async () => {
      await this.#outputs.reopen();
      if (!this.#ended) await this.#reload();
    });
    return this.#reloading;
  }

  async #reload(): Promise<void> {
    const policies = await reload(this.#parts, this.#log);
    if (policies === null || this.#ended) return;
    await this.#verify(policies);
    if (this.#ended) return;
    const entries = this.#judge.replace(policies, this.#parts.wall());
    this.#write(entries);
    this.#gate?.use(policies);
    for (const follower of this.#followers) follower.want(wantedBy(policies));
    tellChanges(entries, this.#log);
  }

  /** What is judged again by other keys is verified again before; no event comes between that and the replacement. */
  async #verify(policies: readonly PolicyDocument[]): Promise<void> {
    const next = this.#known.under(policies);
    for (;;) {
      await this.#tokens.idle();
      const waiting: Promise<unknown>[] = [];
      for (const event of this.#engine.kept()) {
        const pending = next.admit(event);
        if (pending !== null) waiting.push(pending);
      }
      if (waiting.length === 0 && this.#tokens.idle() === null) break;
      await Promise.all(waiting);
    }
    this.#known.become(next);
  }

  #write(entries: readonly AuditEntry[]): void {
    this.#outputs.write(entries);
    this.#bridge?.written(entries);
  }

  #hold(config: GateConfig, policies: readonly PolicyDocument[]): LiveGate {
    const { clock, wall } = this.#parts;
    const lane = this.#merge.add();
    return new LiveGate({
      config,
      file: this.#config.file,
      policies,
      limits: this.#config.limits,
      oracle: this.#engine,
      parts: this.#parts,
      onEvent: (event) => {
        this.#merge.offer(lane, event, clock.now(), wall());
        this.#arm();
      },
      onTime: () => {
        this.#merge.heard(lane, wall(), clock.now(), wall());
        this.#arm();
      },
      onReport: (saying) => this.#reporter.takeGate(config.name, saying),
      room: () => this.#tokens.room(() => this.#outputs.room()),
    });
  }

  #follow(policies: readonly PolicyDocument[], tls: readonly (TlsOptions | null)[]): void {
    const options = {
      ...wantedBy(policies),
      config: this.#config,
      parts: this.#parts,
      merge: this.#merge,
      reporter: this.#reporter,
      log: this.#log,
      room: () => this.#tokens.room(() => this.#outputs.room()),
      onWaiting: () => this.#arm(),
    };
    for (const [index, zeek] of this.#config.zeeks.entries())
      this.#followers.push(followZeek(zeek, tls[index] ?? null, options));
    for (const capture of this.#config.captures) this.#followers.push(followCapture(capture, options));
  }

  async #begin(): Promise<void> {
    const { health, zeeks, file } = this.#config;
    if (health !== null) {
      this.#health = await startHealth(health, file, () => this.#snapshot());
      this.#log.info({ host: health.host, port: this.#health.port }, 'health is served');
    }
    const start = {
      at: this.#parts.wall(),
      version: this.#parts.version,
      policies: this.#engine.policies,
      sources: this.#sources,
    };
    this.#outputs.write([{ kind: 'start', start }]);
    this.#log.info({ version: start.version, policies: start.policies, sources: start.sources }, 'started');
    for (const { name } of zeeks.filter(isExposed))
      this.#log.warn(
        { zeek: name },
        'it is reached neither on loopback nor over TLS: see docs/operations.md',
      );
    this.#bridge?.begin();
    this.#tick();
  }

  #tick(): void {
    const now = this.#parts.clock.now();
    for (const follower of this.#followers) follower.tick(now);
    this.#gate?.tick();
    if (this.#bridge !== null) {
      this.#bridge.tick(now, this.#blocks, () => this.#judge.now);
      this.#write(this.#judge.takeBlocks());
    }
    this.#cancelTick = this.#parts.clock.after(TICK_MS, () => this.#tick());
  }

  /** What waits for earlier events of others does not wait for ever. */
  #arm(): void {
    if (this.#cancelFlow !== null || this.#ended) return;
    const { clock } = this.#parts;
    const left = this.#merge.next(clock.now());
    if (left === null) return;
    this.#cancelFlow = clock.after(left, () => {
      this.#cancelFlow = null;
      this.#merge.flow(clock.now());
      this.#arm();
    });
  }

  async #end(whole: boolean): Promise<void> {
    // Nothing may follow the end.
    this.#ended = true;
    this.#cancelTick();
    this.#merge.finish();
    await this.#tokens.idle();
    const sources = this.#sources;
    const ts = this.#judge.now;
    // Where there was no traffic, only the clock knows when it ended.
    const at = ts === 0 ? this.#parts.wall() : ts;
    this.#write(this.#judge.handle({ kind: 'source-end', ts, source: sources.join(', ') }));
    if (this.#bridge !== null) {
      await this.#bridge.end();
      this.#write(this.#judge.takeBlocks());
    }
    const { engine, blocks, sources: read } = this.#snapshot();
    const sensor = Object.fromEntries(read.map(({ name, source }) => [name, source]));
    const by = sensedBy(read);
    this.#outputs.write([{ kind: 'end', end: { at, sources, by, whole, engine, sensor, blocks } }]);
    await this.#outputs.room();
  }

  get #sources(): readonly string[] {
    const { zeeks, captures, gate } = this.#config;
    return [...zeeks, ...captures, ...(gate === null ? [] : [gate])].map(({ name }) => name);
  }

  #snapshot(): Snapshot {
    const { size, evicted, strayReports } = this.#blocks;
    return {
      sources: this.#followers.map(({ snapshot }) => snapshot),
      bridge: this.#bridge?.view ?? null,
      policies: this.#engine.policies,
      gate: this.#gate?.view ?? null,
      engine: this.#engine.statistics,
      blocks: { desired: size, evicted, strayReports },
      merge: {
        waiting: this.#merge.waiting,
        early: this.#merge.early,
        restamped: this.#merge.restamped,
      },
      outputs: this.#outputs.state,
      uptimeSeconds: (this.#parts.clock.now() - this.#since) / 1000,
    };
  }
}
