// Keeps a bridge at the flows that are wanted. Enters: flows to want or not to want any more; leaves: what the switch took, refused, lost.

import { BridgeLink } from './bridge-link.ts';
import type { Clock } from './clock.ts';
import { slotOf, type WantedFlow } from './compile.ts';
import { addition, difference, removal } from './difference.ts';
import { BASE_COOKIE, isOwn, type Layout } from './layout.ts';
import type { Notice } from './notice.ts';
import type { FlowEntry, FlowMod, FlowUpdate, RemovalReason } from './openflow/message.ts';
import type { BundleFailure } from './openflow/session.ts';

export interface KeeperOptions {
  readonly management: string;
  readonly run: number;
  readonly layout: Layout;
  readonly clock: Clock;
  readonly random: () => number;
  /** Flows of ours that may be wanted, but nobody knows yet. */
  readonly spares: (cookie: bigint) => boolean;
}

/** Flows are named by their cookies here: what belongs together bears one. */
export interface KeeperHandler {
  /** All wanted flows with these cookies are in the switch. */
  holds(cookies: ReadonlySet<bigint>): void;
  /** The flows with this cookie are not wanted any more, because the switch refuses them. */
  refused(cookie: bigint, why: string): void;
  /** Somebody else's flow has the place of one with this cookie; `same`: and does the same. */
  occupied(cookie: bigint, same: boolean): void;
  /** Flows that were not wanted any more are gone. */
  gone(cookies: ReadonlySet<bigint>): void;
  ended(flow: Omit<FlowEntry, 'actions'>, reason: RemovalReason): void;
  notice(notice: Notice): void;
}

/** Milliseconds that edits by others are gathered before they are mended. */
const MEND_AFTER = 50;
const WHOLE = 0xffff_ffff_ffff_ffffn;

/** After each connection it compares all, and then sends changes, each time as one atomic bundle. */
export class Keeper {
  readonly #options: KeeperOptions;
  readonly #handler: KeeperHandler;
  readonly #link: BridgeLink;
  /** By place. The last claim is the one that the switch gets; one below comes back when it goes. */
  readonly #wanted = new Map<string, WantedFlow[]>();
  /** Places whose flow has to be set with the next bundle. */
  #toSet = new Set<string>();
  #toRemove: WantedFlow[] = [];
  #compared = false;
  #working = false;
  #cancelMend: (() => void) | null = null;
  #settled: (() => void)[] = [];

  constructor(options: KeeperOptions, handler: KeeperHandler) {
    this.#options = options;
    this.#handler = handler;
    const { management, clock, random } = options;
    this.#link = new BridgeLink(
      management,
      {
        up: () => this.#up(),
        down: (why) => {
          this.#compared = false;
          handler.notice({ kind: 'down', why });
        },
        said: (event) => {
          if (event.kind === 'removed') handler.ended(event.flow, event.reason);
          else if (event.kind === 'updates') this.#edited(event.updates);
          else if (event.kind === 'unwatchable') handler.notice({ kind: 'unwatched' });
        },
      },
      clock,
      random,
    );
  }

  want(flows: readonly WantedFlow[]): void {
    for (const flow of flows) {
      const slot = slotOf(flow);
      const claims = this.#wanted.get(slot)?.filter(({ cookie }) => cookie !== flow.cookie) ?? [];
      this.#wanted.set(slot, [...claims, flow]);
      this.#toSet.add(slot);
    }
    void this.#work();
  }

  unwant(flows: readonly WantedFlow[]): void {
    for (const flow of flows) {
      this.#forgo(slotOf(flow), new Set([flow.cookie]));
      this.#toRemove.push(flow);
    }
    void this.#work();
  }

  /** Flows of one table with the cookies of this run; null while the switch is away. */
  list(table: number): Promise<readonly FlowEntry[] | null> {
    return this.#link.list(table, BigInt(this.#options.run) << 32n, 0xffff_ffff_0000_0000n);
  }

  /** Resolves when all that is wanted by now is in the switch, or was refused. Not while the switch is away. */
  settled(): Promise<void> {
    return new Promise((resolve) => {
      this.#settled.push(resolve);
      void this.#work();
    });
  }

  /** Compares with the switch again, soon. */
  compare(): void {
    this.#compared = false;
    void this.#work();
  }

  /** Takes all of this owner out of the switch, and what all owners share when nobody else uses it; false: it is away. */
  async empty(): Promise<boolean> {
    const listed = await this.#listAll();
    if (listed === null) return false;
    const { run } = this.#options;
    const others = listed.some(({ cookie }) => !isOwn(cookie, run) && cookie !== BASE_COOKIE);
    const gone = others ? listed.filter(({ cookie }) => isOwn(cookie, run)) : listed;
    const mods = gone.flatMap((flow) =>
      flow.match === null ? [] : [removal({ ...flow, match: flow.match })],
    );
    return mods.length === 0 || (await this.#link.bundle(mods)) === 'done';
  }

  stop(): void {
    this.#cancelMend?.();
    this.#link.stop();
  }

  #up(): void {
    const { cut, from, to, out } = this.#options.layout;
    this.#handler.notice({ kind: 'up' });
    for (const table of [0, cut, from, to, out]) this.#link.watch(table);
    this.compare();
  }

  /** One thing after another until nothing is left; what is asked for meanwhile goes into the next bundle. */
  async #work(): Promise<void> {
    if (this.#working) return;
    this.#working = true;
    // Whoever asks for several things in one go gets one bundle.
    await Promise.resolve();
    while (this.#link.ready) {
      if (!this.#compared) await this.#compareAll();
      else if (this.#toSet.size > 0 || this.#toRemove.length > 0) await this.#flush();
      else {
        for (const resolve of this.#settled.splice(0)) resolve();
        break;
      }
    }
    this.#working = false;
  }

  async #listAll(): Promise<readonly FlowEntry[] | null> {
    const { cut, from, to, out } = this.#options.layout;
    const lists = [cut, from, to, out].map((table) => this.#link.list(table));
    const all = await Promise.all([...lists, this.#link.list(0, BASE_COOKIE, WHOLE)]);
    return all.includes(null) ? null : all.flatMap((flows) => flows ?? []);
  }

  async #compareAll(): Promise<void> {
    this.#compared = true;
    const listed = await this.#listAll();
    if (listed === null) {
      this.#compared = false;
      return;
    }
    const { run, layout, clock, spares } = this.#options;
    this.#toSet = new Set();
    const removed = this.#toRemove.splice(0);
    const wanted = new Map<string, WantedFlow>();
    for (const [slot, claims] of this.#wanted) for (const flow of claims) wanted.set(slot, flow);
    const found = difference(wanted, listed, run, layout, clock.wall(), spares);
    const cookies = cookiesOf([...this.#wanted.values()].flat());
    if (!(await this.#send(found.changes))) {
      this.#toRemove.unshift(...removed);
      return;
    }
    const { present, stale, strangers, occupied, changes } = found;
    const set = changes.length - stale;
    this.#handler.notice({ kind: 'synced', present, set, removed: stale, strangers: strangers.length });
    for (const {
      wanted: { cookie },
      same,
    } of occupied) {
      cookies.delete(cookie);
      this.#handler.occupied(cookie, same);
    }
    this.#handler.gone(cookiesOf(removed));
    this.#handler.holds(cookies);
  }

  async #flush(): Promise<void> {
    const now = this.#options.clock.wall();
    const set = [...this.#toSet].flatMap((slot) => this.#wanted.get(slot)?.at(-1) ?? []);
    const removed = this.#toRemove.splice(0);
    this.#toSet = new Set();
    const changes = [...removed.map((flow) => removal(flow)), ...set.map((flow) => addition(flow, now))];
    if (!(await this.#send(changes))) {
      this.#toRemove.unshift(...removed);
      return;
    }
    this.#handler.gone(cookiesOf(removed));
    this.#handler.holds(cookiesOf(set));
  }

  /** False: nothing of it is in the switch, or nobody knows; comparing tells. */
  async #send(changes: readonly FlowMod[]): Promise<boolean> {
    const outcome = changes.length === 0 ? 'done' : await this.#link.bundle(changes);
    if (outcome === 'done') return true;
    this.#compared = false;
    if (outcome !== 'lost') this.#blame(outcome, changes);
    return false;
  }

  /** The next bundle goes without what the switch refused; when it named nothing, without all that this one set. */
  #blame({ mod, why }: BundleFailure, changes: readonly FlowMod[]): void {
    const guilty = mod === null ? changes : changes.slice(mod, mod + 1);
    const cookies = new Set(guilty.map(({ cookie }) => cookie));
    for (const slot of [...this.#wanted.keys()]) this.#forgo(slot, cookies);
    for (const cookie of cookies) this.#handler.refused(cookie, why);
  }

  #forgo(slot: string, cookies: ReadonlySet<bigint>): void {
    const before = this.#wanted.get(slot) ?? [];
    const left = before.filter(({ cookie }) => !cookies.has(cookie));
    if (left.length === before.length) return;
    this.#toSet.delete(slot);
    if (left.length === 0) this.#wanted.delete(slot);
    else {
      this.#wanted.set(slot, left);
      this.#toSet.add(slot);
    }
  }

  #edited(updates: readonly FlowUpdate[]): void {
    let mend = false;
    for (const update of updates) {
      // Our own changes come abbreviated.
      if (update.kind === 'abbreviated' || update.kind === 'initial' || update.kind === 'resumed') continue;
      if (update.kind === 'paused') {
        this.#handler.notice({ kind: 'unwatched' });
        mend = true;
        continue;
      }
      const { kind: how, table, cookie, reason } = update;
      const ours = cookie === BASE_COOKIE || isOwn(cookie, this.#options.run);
      // Table 0 belongs to others, and what expires was meant to.
      if ((table === 0 && !ours) || (how === 'removed' && reason === 'hard')) continue;
      this.#handler.notice({ kind: 'edited', how, table, cookie, ours });
      mend = true;
    }
    if (!mend || this.#cancelMend !== null) return;
    this.#cancelMend = this.#options.clock.after(MEND_AFTER, () => {
      this.#cancelMend = null;
      this.compare();
    });
  }
}

function cookiesOf(flows: Iterable<WantedFlow>): Set<bigint> {
  const cookies = new Set<bigint>();
  for (const { cookie } of flows) cookies.add(cookie);
  return cookies;
}
