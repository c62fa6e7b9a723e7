// The Open vSwitch bridge of the live service. Enters: notices of its driver, the passing of time; leaves: reports, and how it is.
import { join } from 'node:path';
import type { AuditEntry } from '../audit/entry.ts';
import type { SwitchChange, SwitchEntry } from '../audit/switch-record.ts';
import type { FlowTapConfig } from '../config/flowtap.ts';
import { assertNever, InputError } from '../errors.ts';
import type { Micros } from '../flow.ts';
import type { Blocks } from '../flowtap/blocks.ts';
import { parseContract, printContract } from '../flowtap/contract.ts';
import { ContractBook } from '../flowtap/contracts.ts';
import { controlSocket } from '../flowtap/ovs/datapath.ts';
import { OvsDriver } from '../flowtap/ovs/driver.ts';
import { runOf } from '../flowtap/ovs/layout.ts';
import type { Notice } from '../flowtap/ovs/notice.ts';
import type { OvsOptions } from '../flowtap/ovs/options.ts';
import type { ServiceParts } from './parts.ts';
import type { Reporter } from './reporter.ts';

/** Between two comparisons of all blocks with the switch: the driver itself compares after each connection and edit. */
const RECONCILE_MS = 30_000;
/** How long the end of the service waits for the last blocks to be in the switch. */
const LAST_MS = 2000;

/** What is said about a change; who reports it adds the times. */
export type SwitchReport = Pick<SwitchEntry, 'change' | 'count' | 'text'>;

export interface SwitchView {
  readonly bridge: string;
  /** `ready`: it holds what it shall. */
  readonly state: 'connecting' | 'ready' | 'lost';
  /** Why it is not ready; empty when it is. */
  readonly why: string;
  /** How often each change happened. */
  readonly changes: ReadonlyMap<SwitchChange, number>;
}

export interface BridgeOptions {
  readonly config: Extract<FlowTapConfig, { readonly kind: 'ovs' }>;
  readonly parts: Pick<ServiceParts, 'clock' | 'wall' | 'random'>;
  readonly reporter: Pick<Reporter, 'takeSwitch' | 'refused'>;
  /** Counts what passed of a flow, where its source can. */
  readonly witness: NonNullable<OvsOptions['witness']>;
}

export class Bridge {
  readonly driver: OvsDriver;
  /** The upper half of every cookie. */
  readonly run: number;
  readonly #options: BridgeOptions;
  readonly #changes = new Map<SwitchChange, number>();
  #state: SwitchView['state'] = 'connecting';
  #why = 'it was not reached yet';
  #absent = false;
  /** What is to be said when the journal has begun; null: it has. */
  #early: SwitchReport[] | null = [];
  /** Edits by somebody else that were not said yet. */
  #edits = { ours: 0, others: 0 };
  /** There was an edit since the switch held what it shall. */
  #edited = false;
  #reconciled: number;
  #busy = false;
  #stopped = false;

  constructor(options: BridgeOptions) {
    const { config, parts } = options;
    const { bridge, folder, owner, zeeks } = config;
    const { clock, wall, random } = parts;
    this.#options = options;
    this.#reconciled = clock.now();
    this.run = runOf(owner, Math.floor(random() * 256));
    this.driver = new OvsDriver({
      bridge,
      management: join(folder, `${bridge}.mgmt`),
      database: join(folder, 'db.sock'),
      control: controlSocket(folder),
      run: this.run,
      serves: (where) => zeeks === null || zeeks.includes(where),
      witness: options.witness,
      onNotice: (notice) => this.#heed(notice),
      clock: { now: () => clock.now(), after: (ms, run) => clock.after(ms, run), wall },
      random,
    });
    this.#tap(config.contracts, wall());
  }

  /** @throws InputError for a contract that cannot be read, or overlaps another */
  #tap(contracts: readonly string[], at: Micros): void {
    const book = new ContractBook();
    for (const text of contracts) {
      const grant = book.ask(parseContract(text), { by: 'configuration', at, why: 'flowtap.contracts' });
      if (grant.kind === 'granted') continue;
      const problem =
        grant.kind === 'full' ? 'there are too many' : `it overlaps ${printContract(grant.with)}`;
      throw new InputError(
        'contract-refused',
        null,
        `flowtap.contracts: ${text}: ${problem}`,
        'change one of them',
      );
    }
    this.driver.setContracts(book.list());
  }

  /** Null for a configuration without a switch. */
  static of(
    config: FlowTapConfig,
    parts: BridgeOptions['parts'],
    reporter: BridgeOptions['reporter'],
    witness: BridgeOptions['witness'],
  ): Bridge | null {
    return config.kind === 'memory' ? null : new Bridge({ config, parts, reporter, witness });
  }

  get view(): SwitchView {
    const { bridge } = this.#options.config;
    return { bridge, state: this.#state, why: this.#why, changes: this.#changes };
  }

  /** The journal has begun: what happened before is said, and from now on at once. */
  begin(): void {
    const early = this.#early ?? [];
    this.#early = null;
    for (const report of early) this.#say(report);
  }

  /** What is written to the journal is looked through for blocks that the switch does not do. */
  written(entries: readonly AuditEntry[]): void {
    for (const entry of entries) {
      if (entry.kind !== 'block') continue;
      const { state } = entry.block;
      if (state === 'failed' || state === 'unsupported')
        this.#options.reporter.refused(this.#options.config.bridge, entry.block);
    }
  }

  /** To be called about once a second. @param traffic the time of the traffic */
  tick(now: number, blocks: Blocks, traffic: () => Micros): void {
    this.#tellEdits();
    if (this.#state !== 'ready' || this.#busy || now - this.#reconciled < RECONCILE_MS) return;
    this.#reconciled = now;
    if (blocks.size > 0) void this.#reconcile(blocks, traffic);
  }

  /** Stops when the last blocks are in the switch, or cannot be for now. */
  async end(): Promise<void> {
    if (this.#state === 'ready') await this.#settled();
    this.stop();
  }

  /** Leaves the switch as it is: blocks stay until they expire. */
  stop(): void {
    this.#tellEdits();
    this.#stopped = true;
    this.driver.stop();
  }

  async #settled(): Promise<void> {
    let cancel: () => void = () => {};
    const late = new Promise<void>((resolve) => {
      cancel = this.#options.parts.clock.after(LAST_MS, resolve);
    });
    await Promise.race([this.driver.settled(), late]);
    cancel();
  }

  async #reconcile(blocks: Blocks, traffic: () => Micros): Promise<void> {
    this.#busy = true;
    // What is under way would look as if it was missing. Not while the switch is away.
    await this.driver.settled();
    if (!this.#stopped) await blocks.reconcile(traffic());
    this.#busy = false;
  }

  #heed(notice: Notice): void {
    switch (notice.kind) {
      case 'up':
        // It is ready when it has been compared.
        return;
      case 'down':
        this.#why = notice.why;
        if (this.#state === 'lost') return;
        this.#state = 'lost';
        this.#report('lost', `the switch is out of reach: ${notice.why}`);
        return;
      case 'no-bridge':
        if (this.#absent) return;
        this.#absent = true;
        this.#report('no-bridge', 'the database of the switch has no such bridge');
        return;
      case 'synced':
        this.#synced(notice);
        return;
      case 'edited':
        this.#edited = true;
        if (notice.ours) this.#edits.ours++;
        else this.#edits.others++;
        return;
      case 'unwatched':
        this.#report(
          'unwatched',
          'the switch does not tell all edits by others; they show when flows are compared',
        );
        return;
      case 'contract': {
        const { state } = notice;
        const how =
          state.kind === 'installed'
            ? 'is installed'
            : `${state.kind === 'failed' ? 'fails' : 'waits'}: ${state.why}`;
        this.#report('contract', `${notice.contract} ${how}`);
        return;
      }
      default:
        assertNever(notice);
    }
  }

  #synced({ present, set, removed, strangers }: Extract<Notice, { readonly kind: 'synced' }>): void {
    this.#tellEdits();
    const flows = `${present} flows were there, ${set} were set, ${removed} that nobody wants were removed`;
    const text = `${flows}, ${strangers} of others stay`;
    if (this.#state !== 'ready') this.#report('reached', text);
    else if (this.#edited && set + removed > 0) this.#report('mended', text, set);
    this.#state = 'ready';
    this.#why = '';
    this.#absent = false;
    this.#edited = false;
  }

  /** Somebody who changes many flows makes one line. */
  #tellEdits(): void {
    const { ours, others } = this.#edits;
    if (ours + others === 0) return;
    this.#edits = { ours: 0, others: 0 };
    const text = `somebody else changed ${ours} flows of ours, and ${others} others in our tables`;
    this.#report('edited', text, ours + others);
  }

  #report(change: SwitchChange, text: string, count: number | null = null): void {
    this.#changes.set(change, (this.#changes.get(change) ?? 0) + 1);
    const report = { change, count, text };
    if (this.#early === null) this.#say(report);
    else this.#early.push(report);
  }

  #say(report: SwitchReport): void {
    this.#options.reporter.takeSwitch(this.#options.config.bridge, report);
  }
}
