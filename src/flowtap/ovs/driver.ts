// The driver for Open vSwitch: one bridge. Enters: bundles of blocks, contracts; leaves: reports on blocks, notices on all else.
import type { Micros } from '../../flow.ts';
import type { ContractId } from '../contract.ts';
import type { GrantedContract } from '../contracts.ts';
import type { Acceptance, BlockId, Change, Counts, Driver, DropRule, Report } from '../driver.ts';
import { type Clock, systemClock } from './clock.ts';
import { baseFlows, blockFlows, compileContracts, slotOf, type WantedFlow } from './compile.ts';
import { Confirmation } from './confirmation.ts';
import { completeBlocks, deliveredBy, slotOfEntry } from './counts.ts';
import { Datapath } from './datapath.ts';
import { Keeper } from './keeper.ts';
import { contractCookie, contractOf, DEFAULT_LAYOUT, type Layout } from './layout.ts';
import type { ContractState, Notice } from './notice.ts';
import type { FlowEntry, RemovalReason } from './openflow/message.ts';
import type { OvsOptions } from './options.ts';
import type { Places } from './ovsdb/ports.ts';
import { PortWatch } from './port-watch.ts';
import { count, type HeldRule, Rules, receiptOf } from './rules.ts';

/** Blocks at once: each is two flows. */
const MOST_RULES = 100_000;
/** Milliseconds that a removed block waits for the switch's last counts. */
const LAST_COUNTS = 1000;

/** Accepts also while the switch is away, and sets all when it is back: kept state is desired state. */
export class OvsDriver implements Driver {
  readonly name = 'ovs';
  readonly expires = true;
  readonly #run: number;
  readonly #layout: Layout;
  readonly #serves: (where: string) => boolean;
  readonly #notice: (notice: Notice) => void;
  readonly #clock: Clock;
  readonly #keeper: Keeper;
  readonly #ports: PortWatch | null;
  readonly #datapath: Datapath | null;
  readonly #rules = new Rules();
  /** Out of desire, but with counts still to come. */
  readonly #leaving = new Rules();
  #contracts: readonly GrantedContract[] = [];
  #compiled: readonly WantedFlow[] = [];
  /** Null until the database said it: so long, contracts of this owner that are in the switch stay. */
  #places: Places | null = null;
  readonly #states = new Map<ContractId, ContractState>();
  readonly #confirmation: Confirmation;
  readonly #witness: OvsOptions['witness'];
  #settling: Promise<void> | undefined;
  #report: (report: Report) => void = () => {};

  constructor(options: OvsOptions) {
    const { bridge, management, database, control, run, clock = systemClock, random = Math.random } = options;
    this.#run = run;
    this.#layout = options.layout ?? DEFAULT_LAYOUT;
    this.#serves = options.serves ?? (() => true);
    this.#notice = options.onNotice ?? (() => {});
    this.#witness = options.witness;
    this.#clock = clock;
    this.#keeper = new Keeper(
      { management, run, layout: this.#layout, clock, random, spares: (cookie) => this.#mayWant(cookie) },
      {
        holds: (cookies) => this.#holds(cookies),
        refused: (cookie, why) => this.#refused(cookie, why),
        occupied: (cookie, same) => this.#occupied(cookie, same),
        gone: (cookies) => this.#gone(cookies),
        ended: (flow, reason) => this.#ended(flow, reason),
        notice: this.#notice,
      },
    );
    this.#keeper.want(baseFlows(this.#layout));
    const confirmed = (held: HeldRule): void =>
      this.#report({ kind: 'confirmed', block: held.rule.block, at: clock.wall(), receipt: receiptOf(held) });
    const list = () => this.#keeper.list(this.#layout.cut);
    this.#confirmation = new Confirmation(this.#rules, list, confirmed, clock);
    this.#datapath = control === null ? null : new Datapath(control, clock, random);
    const moved = (places: Places | null): void => {
      if (places === null) this.#notice({ kind: 'no-bridge' });
      if (this.#places === null) this.#keeper.compare();
      this.#places = places ?? new Map();
      this.#recompile();
      options.onPlaces?.();
    };
    this.#ports = database === null ? null : new PortWatch({ database, bridge }, moved, clock, random);
  }

  listen(report: (report: Report) => void): void {
    this.#report = report;
  }

  apply(bundle: readonly Change[], at: Micros): Acceptance {
    const made = new Map<DropRule, readonly WantedFlow[]>();
    for (const change of bundle) {
      if (change.kind !== 'set') continue;
      const { where } = change.rule;
      const flows = this.#serves(where)
        ? blockFlows(change.rule, this.#layout)
        : `${where} is not on this bridge`;
      if (typeof flows === 'string') return { kind: 'unsupported', why: flows };
      made.set(change.rule, flows);
    }
    if (this.#rules.size + made.size > MOST_RULES)
      return { kind: 'unavailable', why: `there are ${MOST_RULES} blocks on this bridge` };
    for (const [rule, flows] of made) this.#rules.set(rule, flows, at);
    this.#keeper.want([...made.values()].flat());
    for (const change of bundle) if (change.kind === 'remove') this.#remove(change.block);
    return { kind: 'accepted' };
  }

  /** The blocks of which both directions are in the switch; null while it is away. */
  async held(): Promise<readonly BlockId[] | null> {
    const flows = await this.#keeper.list(this.#layout.cut);
    return flows === null ? null : completeBlocks(this.#rules.all(), flows);
  }

  /** Which contracts there shall be. Those that were before and are not among them end. */
  setContracts(contracts: readonly GrantedContract[]): void {
    this.#contracts = contracts;
    const ids = new Set(contracts.map(({ id }) => id));
    for (const id of [...this.#states.keys()]) if (!ids.has(id)) this.#states.delete(id);
    this.#recompile();
  }

  /** How far a contract is; null before the switch had a say. */
  contractState(id: ContractId): ContractState | null {
    return this.#states.get(id) ?? null;
  }

  /** Resolves when all that was asked for by now is in the switch and effective, or was refused. Not while it is away. */
  async settled(): Promise<void> {
    await this.#keeper.settled();
    await this.#settling;
  }

  /** What each contract delivered so far, both directions; null while the switch is away. */
  async delivered(): Promise<ReadonlyMap<ContractId, Counts> | null> {
    const lists = await Promise.all(
      [this.#layout.from, this.#layout.to].map((table) => this.#keeper.list(table)),
    );
    return lists.includes(null) ? null : deliveredBy(lists.flatMap((flows) => flows ?? []));
  }

  /** Takes all of this owner out of the switch and stops; false when it is away. */
  async uninstall(): Promise<boolean> {
    const done = await this.#keeper.empty();
    this.stop();
    return done;
  }

  /** Leaves the switch as it is. */
  stop(): void {
    this.#confirmation.stop();
    this.#keeper.stop();
    this.#ports?.stop();
    this.#datapath?.stop();
  }

  #mayWant(cookie: bigint): boolean {
    return this.#ports !== null && this.#places === null && contractOf(cookie) !== null;
  }

  #recompile(): void {
    if (this.#places === null) return;
    const { flows, waiting } = compileContracts(this.#contracts, this.#places, this.#run, this.#layout);
    const wanted = new Map(flows.map((flow) => [slotOf(flow), flow]));
    const before = this.#compiled;
    this.#compiled = flows;
    this.#keeper.unwant(before.filter((flow) => wanted.get(slotOf(flow))?.cookie !== flow.cookie));
    this.#keeper.want(flows);
    for (const [id, why] of waiting) this.#tell(id, { kind: 'waiting', why });
  }

  #tell(contract: ContractId, state: ContractState): void {
    if (JSON.stringify(this.#states.get(contract)) === JSON.stringify(state)) return;
    this.#states.set(contract, state);
    this.#notice({ kind: 'contract', contract, state });
  }

  #tellOf(cookie: bigint, state: ContractState): void {
    const contract = this.#contracts.find(({ number }) => contractCookie(this.#run, number) === cookie);
    if (contract !== undefined) this.#tell(contract.id, state);
  }

  #remove(block: BlockId): void {
    const held = this.#rules.delete(block);
    if (held === null) {
      this.#report({ kind: 'removed', block, at: this.#clock.wall(), receipt: null });
      return;
    }
    const flows = held.flows.map(({ flow }) => flow);
    this.#leaving.take(held);
    this.#keeper.unwant(flows);
  }

  #holds(cookies: ReadonlySet<bigint>): void {
    const rules: HeldRule[] = [];
    const at = this.#clock.wall();
    for (const { id, number } of this.#contracts) {
      const cookie = contractCookie(this.#run, number);
      if (cookies.has(cookie)) this.#tell(id, { kind: 'installed' });
    }
    for (const cookie of cookies) {
      const held = this.#rules.withCookie(cookie);
      if (held === null) continue;
      rules.push(held);
      this.#report({ kind: 'installed', block: held.rule.block, at });
    }
    if (rules.length === 0) return;
    this.#confirmation.soon();
    this.#settling = this.#settle(rules);
  }

  async #settle(rules: readonly HeldRule[]): Promise<void> {
    if ((await this.#datapath?.forget()) !== true) return;
    const at = this.#clock.wall();
    for (const { rule } of rules)
      if (this.#rules.get(rule.block)?.rule === rule)
        this.#report({ kind: 'effective', block: rule.block, at });
    // Nothing passes any more: what passed since the verdict can be counted.
    await Promise.all(rules.map((held) => this.#count(held)));
  }

  async #count(held: HeldRule): Promise<void> {
    if (this.#witness === undefined || held.passed !== undefined) return;
    const { block } = held.rule;
    held.passed = await this.#witness(held.rule, held.since);
    if (held.passed !== null && this.#rules.get(block) === held)
      this.#report({ kind: 'counted', block, at: this.#clock.wall(), receipt: receiptOf(held) });
  }

  #refused(cookie: bigint, why: string): void {
    const held = this.#rules.withCookie(cookie);
    if (held === null) {
      this.#tellOf(cookie, { kind: 'failed', why });
      return;
    }
    this.#rules.delete(held.rule.block);
    this.#report({ kind: 'failed', block: held.rule.block, at: this.#clock.wall(), why });
  }

  #occupied(cookie: bigint, same: boolean): void {
    const at = this.#clock.wall();
    const why = 'a flow of somebody else has its place';
    const held = this.#rules.withCookie(cookie);
    if (held === null) this.#tellOf(cookie, { kind: 'failed', why });
    else if (same) this.#report({ kind: 'exists', block: held.rule.block, at });
    else this.#report({ kind: 'failed', block: held.rule.block, at, why });
  }

  #gone(cookies: ReadonlySet<bigint>): void {
    for (const cookie of cookies) {
      const held = this.#leaving.withCookie(cookie);
      // Its last counts come apart from the answer to the bundle, and may come later.
      if (held !== null) this.#clock.after(LAST_COUNTS, () => this.#leave(held));
    }
  }

  #leave(held: HeldRule): void {
    const { block } = held.rule;
    if (this.#leaving.get(block) !== held) return;
    this.#leaving.delete(block);
    this.#report({ kind: 'removed', block, at: this.#clock.wall(), receipt: receiptOf(held) });
  }

  #ended(flow: Omit<FlowEntry, 'actions'>, reason: RemovalReason): void {
    const leaving = this.#leaving.withCookie(flow.cookie);
    const held = leaving ?? this.#rules.withCookie(flow.cookie);
    const slot = slotOfEntry(flow);
    if (held === null || slot === null) return;
    count(held, flow);
    held.ended.add(slot);
    const whole = held.ended.size >= held.flows.length;
    if (leaving !== null) {
      if (whole) this.#leave(leaving);
      return;
    }
    // What somebody else deleted is seen by the keeper, and set again.
    if (reason !== 'hard') return;
    if (held.rule.until > this.#clock.wall() + 1e6) {
      held.ended.clear();
      this.#keeper.want(held.flows.map(({ flow: each }) => each));
    } else if (whole) {
      this.#rules.delete(held.rule.block);
      this.#leaving.take(held);
      this.#keeper.unwant(held.flows.map(({ flow: each }) => each));
      this.#leave(held);
    }
  }
}
