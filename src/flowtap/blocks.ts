// Desired state: which flows shall be cut, and how far the driver is. Enters: block instructions, reports; leaves: bundles, blocks.
// Longer than other files because what is desired, what the driver reports and what was counted are kept in step in one class.
import { assertNever } from '../errors.ts';
import type { Micros } from '../flow.ts';
import type { BlockInstruction } from '../verdict.ts';
import { type Block, type BlockCause, type BlockState, LEVELS } from './block.ts';
import type { BlockId, Change, Driver, DropRule, Receipt, Report } from './driver.ts';
import { flowKey, matchesOf } from './match.ts';

/** Causes kept of one block. */
const MOST_CAUSES = 32;

export interface BlocksOptions {
  readonly driver: Driver;
  /** The upper half of every cookie: 32 bits that no other run of ours has. */
  readonly run: number;
  /** Blocks at once; above it, the one that expires first is given up and counted. */
  readonly capacity?: number;
}

interface Entry extends BlockView {
  readonly number: number;
  readonly key: string;
  /** Microseconds that it was asked for last. */
  lifetime: number;
}

type BlockView = { -readonly [K in keyof Block]: Block[K] };

/** Holds what shall be blocked, and keeps the driver at it. Time is the traffic's. */
export class Blocks {
  readonly #driver: Driver;
  readonly #run: number;
  readonly #capacity: number;
  readonly #blocks = new Map<BlockId, Entry>();
  /** The block of a flow that shall be cut now. */
  readonly #byFlow = new Map<string, Entry>();
  /** By lifetime, in the order in which they were asked for: within one lifetime that is the order of expiry. */
  readonly #queues = new Map<number, Set<Entry>>();
  readonly #changed = new Set<Entry>();
  #made = 0;
  /** Blocks given up because there were too many. */
  evicted = 0;
  /** Reports about blocks that we do not know. */
  strayReports = 0;

  constructor({ driver, run, capacity = 100_000 }: BlocksOptions) {
    this.#driver = driver;
    this.#run = run;
    this.#capacity = capacity;
    driver.listen((report) => this.#heed(report));
  }

  /** Asks for a flow to be cut. The same flow again gives the same block, with one more cause and the later expiry. */
  block(instruction: BlockInstruction): Block {
    const { flow, verdict, cause: text, owner, from, lifetime } = instruction;
    const cause: BlockCause = { verdict, text, owner, at: from };
    const known = this.#byFlow.get(flowKey(flow));
    if (known !== undefined) return this.#merge(known, cause, lifetime);
    if (this.#byFlow.size >= this.#capacity) this.#evict(from);
    const number = ++this.#made;
    const entry: Entry = {
      id: `b${number}` as BlockId,
      flow,
      causes: [cause],
      causeCount: 1,
      from,
      until: from + lifetime,
      state: 'wanted',
      reached: { wanted: from },
      why: null,
      receipt: null,
      number,
      key: flowKey(flow),
      lifetime,
    };
    this.#blocks.set(entry.id, entry);
    this.#byFlow.set(entry.key, entry);
    this.#enqueue(entry);
    this.#install([entry], from);
    return snapshot(entry);
  }

  /** Lets the traffic's time pass: blocks expire. */
  advance(now: Micros): void {
    for (const queue of this.#queues.values()) {
      for (const entry of queue) {
        if (entry.until > now) break;
        this.#remove(entry, 'expired', entry.until);
      }
    }
  }

  /** Takes a block back; false when no block of that name is desired. */
  release(id: BlockId, now: Micros): boolean {
    const entry = this.#blocks.get(id);
    if (entry === undefined || entry.state === 'removing') return false;
    this.#remove(entry, 'released', now);
    return true;
  }

  /**
   * Takes causes back that no longer hold; a block of which none is left is released. Gives how many were. A cause that is
   * not kept, since there are very many, is taken to hold.
   */
  lift(isLifted: (cause: BlockCause) => boolean, why: string, now: Micros): number {
    let released = 0;
    for (const entry of [...this.#byFlow.values()]) {
      const [first, ...others] = entry.causes.filter((cause) => !isLifted(cause));
      const taken = entry.causes.length - (first === undefined ? 0 : others.length + 1);
      if (taken === 0) continue;
      entry.causeCount -= taken;
      if (first !== undefined) entry.causes = [first, ...others];
      if (entry.causeCount > 0) {
        this.#changed.add(entry);
        continue;
      }
      entry.causeCount = entry.causes.length;
      this.#remove(entry, why, now);
      released++;
    }
    return released;
  }

  /** What is blocked, shall be, or still has to be taken back, in the order in which it was asked for. */
  list(): readonly Block[] {
    return [...this.#blocks.values()].map(snapshot);
  }

  /** How many are listed. */
  get size(): number {
    return this.#blocks.size;
  }

  /** The blocks that changed since this was asked last, each as it is now. To be asked after every other call. */
  takeChanges(): readonly Block[] {
    if (this.#changed.size === 0) return [];
    const changed = [...this.#changed].map(snapshot);
    this.#changed.clear();
    return changed;
  }

  /**
   * Compares with what the data plane holds: sets what is missing, removes what is not desired any more. Does nothing while
   * the data plane is away: what is not seen is not missing.
   */
  async reconcile(now: Micros): Promise<void> {
    const found = await this.#driver.held();
    if (found === null) return;
    const held = new Set(found);
    const missing: Entry[] = [];
    for (const entry of [...this.#blocks.values()]) {
      if (entry.state === 'removing') {
        if (held.has(entry.id)) this.#uninstall(entry, now);
        else this.#end(entry, now, null);
      } else if (!held.has(entry.id) && isForDriver(entry)) {
        missing.push(entry);
      }
    }
    this.#install(missing, now);
  }

  #merge(entry: Entry, cause: BlockCause, lifetime: number): Block {
    entry.causeCount++;
    if (entry.causes.length < MOST_CAUSES) entry.causes = [...entry.causes, cause];
    this.#changed.add(entry);
    const later = cause.at + lifetime > entry.until;
    if (later) {
      this.#queues.get(entry.lifetime)?.delete(entry);
      entry.until = cause.at + lifetime;
      entry.lifetime = lifetime;
      this.#enqueue(entry);
    }
    const waits = entry.state === 'wanted' || entry.state === 'failed';
    if ((later || waits) && isForDriver(entry)) this.#install([entry], cause.at);
    return snapshot(entry);
  }

  #enqueue(entry: Entry): void {
    const queue = this.#queues.get(entry.lifetime);
    if (queue === undefined) this.#queues.set(entry.lifetime, new Set([entry]));
    else queue.add(entry);
  }

  #install(entries: readonly Entry[], now: Micros): void {
    if (entries.length === 0) return;
    for (const entry of entries) if (entry.state === 'failed') this.#reach(entry, 'wanted', now, null);
    const acceptance = this.#driver.apply(
      entries.map((entry) => ({ kind: 'set', rule: this.#ruleOf(entry) })),
      now,
    );
    for (const entry of entries) {
      if (acceptance.kind === 'unsupported') this.#reach(entry, 'unsupported', now, acceptance.why);
      else if (acceptance.kind === 'unavailable') this.#reach(entry, entry.state, now, acceptance.why);
      // Reports may have come during `apply`, and have lifted it higher already.
      else if (entry.state === 'wanted') this.#reach(entry, 'accepted', now, null);
    }
  }

  #remove(entry: Entry, why: string, now: Micros): void {
    this.#byFlow.delete(entry.key);
    this.#queues.get(entry.lifetime)?.delete(entry);
    const installed = isForDriver(entry) && entry.state !== 'wanted';
    this.#reach(entry, 'removing', now, why);
    if (installed) this.#uninstall(entry, now);
    else this.#end(entry, now, null);
  }

  #uninstall({ id, number }: Entry, now: Micros): void {
    const change: Change = { kind: 'remove', block: id, cookie: { run: this.#run, block: number } };
    // Not accepted: the state stays `removing`, and reconciliation tries again.
    this.#driver.apply([change], now);
  }

  #expired(entry: Entry, at: Micros, receipt: Receipt | null): void {
    this.#byFlow.delete(entry.key);
    this.#queues.get(entry.lifetime)?.delete(entry);
    entry.why = 'expired';
    this.#end(entry, at, receipt);
  }

  #end(entry: Entry, now: Micros, receipt: Receipt | null): void {
    entry.receipt = receipt ?? entry.receipt;
    this.#reach(entry, 'removed', now, entry.why);
    this.#blocks.delete(entry.id);
  }

  #evict(now: Micros): void {
    let soonest: Entry | undefined;
    for (const queue of this.#queues.values()) {
      for (const first of queue) {
        if (soonest === undefined || first.until < soonest.until) soonest = first;
        break;
      }
    }
    if (soonest === undefined) return;
    this.evicted++;
    this.#remove(soonest, 'given up: too many blocks', now);
  }

  #heed(report: Report): void {
    const entry = this.#blocks.get(report.block);
    if (entry === undefined) {
      this.strayReports++;
      return;
    }
    switch (report.kind) {
      case 'installed':
      case 'exists':
      case 'effective':
        this.#rise(entry, report.kind, report.at);
        return;
      case 'counted':
        entry.receipt = report.receipt;
        this.#changed.add(entry);
        return;
      case 'confirmed':
        entry.receipt = report.receipt;
        this.#rise(entry, report.kind, report.at);
        return;
      case 'failed':
        if (entry.state !== 'removing') this.#reach(entry, 'failed', report.at, report.why);
        return;
      case 'removed':
        if (entry.state === 'removing') this.#end(entry, report.at, report.receipt);
        // A data plane that expires rules tells before anybody asks.
        else if (entry.until <= report.at) this.#expired(entry, report.at, report.receipt);
        // The data plane's own doing (a switch that lost its rules) is not the end: reconciliation sets it again.
        else this.#reach(entry, 'wanted', report.at, 'the data plane removed it by itself');
        return;
      default:
        assertNever(report);
    }
  }

  /** Reports may come late or twice: a level once reached is not lost by a lower one. */
  #rise(entry: Entry, to: BlockState, at: Micros): void {
    if (entry.state !== 'removing' && LEVELS.indexOf(to) > LEVELS.indexOf(entry.state))
      this.#reach(entry, to, at, null);
  }

  #reach(entry: Entry, state: BlockState, at: Micros, why: string | null): void {
    entry.state = state;
    entry.why = why;
    if (entry.reached[state] === undefined) entry.reached = { ...entry.reached, [state]: at };
    this.#changed.add(entry);
  }

  #ruleOf({ id, number, flow, until }: Entry): DropRule {
    const cookie = { run: this.#run, block: number };
    return { block: id, cookie, where: flow.seenAt, matches: matchesOf(flow), until };
  }
}

/** False for what the driver cannot do, or what is there without us. */
function isForDriver({ state }: Entry): boolean {
  return state !== 'exists' && state !== 'unsupported';
}

function snapshot({ number: _number, key: _key, lifetime: _lifetime, ...block }: Entry): Block {
  return block;
}
