// One connection's conversation with a switch, without I/O. Enters: bytes, requests, time; leaves: bytes to send, what the switch said.
import { assertNever } from '../../../errors.ts';
import { decodeMessage } from './decode.ts';
import { encodeMessage } from './encode.ts';
import { Framer } from './framer.ts';
import {
  type Body,
  type FlowEntry,
  type FlowMod,
  type FlowUpdate,
  type OpenFlowMessage,
  type RemovalReason,
  type SwitchPort,
  VERSION,
} from './message.ts';

/** Why a bundle was not applied: nothing of it is in the switch then. */
export interface BundleFailure {
  /** The change at fault, counted from 0, when the switch named it. */
  readonly mod: number | null;
  readonly why: string;
}

export type SessionEvent =
  | { readonly kind: 'ready'; readonly datapath: bigint; readonly tables: number }
  | { readonly kind: 'bundle'; readonly id: number; readonly failure: BundleFailure | null }
  /** Null: the switch refused to list them. */
  | { readonly kind: 'flows'; readonly id: number; readonly flows: readonly FlowEntry[] | null }
  | { readonly kind: 'removed'; readonly flow: Omit<FlowEntry, 'actions'>; readonly reason: RemovalReason }
  | { readonly kind: 'port'; readonly reason: 'add' | 'delete' | 'modify'; readonly port: SwitchPort }
  | { readonly kind: 'updates'; readonly updates: readonly FlowUpdate[] }
  /** This switch has no flow monitor: edits by others show only when flows are listed. */
  | { readonly kind: 'unwatchable' }
  /** The connection is of no use any more. Nothing comes after it. */
  | { readonly kind: 'closed'; readonly why: string };

/** Milliseconds without a byte before the switch is asked whether it is there, and before it is held for gone. */
export const PROBE_AFTER = 2000;
export const GONE_AFTER = 6000;
/** Flows of one listing; more come only from a table that somebody fills. */
const MOST_FLOWS = 1_000_000;

interface Bundle {
  readonly id: number;
  readonly mods: readonly FlowMod[];
  stage: 'waiting' | 'filling' | 'committing';
  /** The transaction ids of its changes: `[first, first + mods.length)`. */
  first: number;
  barrier: number;
  failure: BundleFailure | null;
}

/**
 * Bundles go one after another: all changes, then a barrier, and only when none was refused the commit, for a switch may
 * refuse a single change and still commit the others.
 */
export class OpenFlowSession {
  readonly #framer = new Framer();
  #output: Buffer[] = [];
  #xid = 0;
  #state: 'hello' | 'features' | 'ready' | 'closed' = 'hello';
  #bundles: Bundle[] = [];
  readonly #listings = new Map<number, FlowEntry[]>();
  readonly #watches = new Set<number>();
  #heardAt: number;
  #probed = false;

  /** @param now milliseconds of a steady clock */
  constructor(now: number) {
    this.#heardAt = now;
    this.#send({ kind: 'hello', versions: [VERSION] });
  }

  get ready(): boolean {
    return this.#state === 'ready';
  }

  /** Bundles that have no answer yet. */
  get pending(): number {
    return this.#bundles.length;
  }

  /** What has to be sent, in order. */
  takeOutput(): readonly Buffer[] {
    const output = this.#output;
    this.#output = [];
    return output;
  }

  /** Applies all of it or nothing; gives the id that its `bundle` event will have. Only when `ready`. */
  bundle(mods: readonly FlowMod[]): number {
    const id = this.#nextXid();
    this.#bundles.push({ id, mods, stage: 'waiting', first: 0, barrier: 0, failure: null });
    this.#startBundle();
    return id;
  }

  /** Lists flows; gives the id that the `flows` event will have. Only when `ready`. */
  list(table: number, cookie: bigint, cookieMask: bigint): number {
    const xid = this.#send({ kind: 'flows-request', table, cookie, cookieMask });
    this.#listings.set(xid, []);
    return xid;
  }

  /** Has changes that others make in a table reported. */
  watch(table: number): void {
    this.#watches.add(this.#send({ kind: 'watch-request', monitor: table + 1, table }));
  }

  /** Lets time pass: asks a silent switch whether it is there, and gives it up. */
  tick(now: number): readonly SessionEvent[] {
    if (this.#state === 'closed') return [];
    const silent = now - this.#heardAt;
    if (silent >= GONE_AFTER) return [this.#close(`the switch said nothing for ${GONE_AFTER} ms`)];
    if (silent >= PROBE_AFTER && !this.#probed && this.#state === 'ready') {
      this.#probed = true;
      this.#send({ kind: 'echo-request', data: Buffer.alloc(0) });
    }
    return [];
  }

  /** Takes bytes as they come. Never throws for what a peer can send. */
  receive(chunk: Uint8Array, now: number): readonly SessionEvent[] {
    if (this.#state === 'closed') return [];
    this.#heardAt = now;
    this.#probed = false;
    const frames = this.#framer.push(chunk);
    if (frames === null) return [this.#close('the switch sent a message shorter than its header')];
    const events: SessionEvent[] = [];
    for (const frame of frames) {
      const message = decodeMessage(frame);
      const event =
        message.kind === 'malformed'
          ? this.#close(`the switch sent what is no OpenFlow 1.4: ${message.problem}`)
          : this.#heed(message);
      if (event !== null) events.push(event);
      if (event?.kind === 'closed') break;
    }
    return events;
  }

  #heed(message: OpenFlowMessage): SessionEvent | null {
    switch (message.kind) {
      case 'hello':
        return this.#greet(message.versions);
      case 'echo-request':
        this.#output.push(encodeMessage({ kind: 'echo-reply', xid: message.xid, data: message.data }));
        return null;
      case 'features-reply':
        if (this.#state !== 'features') return null;
        this.#state = 'ready';
        this.#send({ kind: 'set-async' });
        return { kind: 'ready', datapath: message.datapath, tables: message.tables };
      case 'error':
        return this.#fail(message);
      case 'barrier-reply':
        return this.#barrier(message.xid);
      case 'bundle':
        return message.step === 'committed' ? this.#endBundle() : null;
      case 'flows-reply':
        return this.#listed(message.xid, message.flows, message.more);
      case 'updates':
        return message.updates.length === 0 ? null : { kind: 'updates', updates: message.updates };
      case 'flow-removed':
        return { kind: 'removed', flow: message.flow, reason: message.reason };
      case 'port-status':
        return { kind: 'port', reason: message.reason, port: message.port };
      case 'echo-reply':
      case 'other':
      case 'features-request':
      case 'barrier-request':
      case 'flow-mod':
      case 'set-async':
      case 'bundle-add':
      case 'flows-request':
      case 'watch-request':
        return null;
      default:
        return assertNever(message);
    }
  }

  #greet(versions: readonly number[]): SessionEvent | null {
    if (this.#state !== 'hello') return null;
    if (!versions.includes(VERSION))
      return this.#close('the bridge does not speak OpenFlow 1.4: add OpenFlow14 to its protocols');
    this.#state = 'features';
    this.#send({ kind: 'features-request' });
    return null;
  }

  #fail({ xid, type, code, data }: OpenFlowMessage & { readonly kind: 'error' }): SessionEvent | null {
    const why = describeError(type, code, data);
    if (type === 0)
      return this.#close(`the bridge does not speak OpenFlow 1.4 (${why}): add OpenFlow14 to its protocols`);
    if (this.#listings.delete(xid)) return { kind: 'flows', id: xid, flows: null };
    if (this.#watches.delete(xid)) return { kind: 'unwatchable' };
    const [bundle] = this.#bundles;
    if (bundle === undefined || bundle.stage === 'waiting') return null;
    const mod = xid - bundle.first;
    const named = mod >= 0 && mod < bundle.mods.length;
    // The first reason is the cause; a failed commit only sums up.
    bundle.failure ??= { mod: named ? mod : null, why };
    return bundle.stage === 'committing' && !named ? this.#endBundle() : null;
  }

  #startBundle(): void {
    const [bundle] = this.#bundles;
    if (bundle === undefined || bundle.stage !== 'waiting') return;
    bundle.stage = 'filling';
    this.#send({ kind: 'bundle', bundle: bundle.id, step: 'open' });
    bundle.first = this.#xid + 1;
    for (const mod of bundle.mods) this.#send({ kind: 'bundle-add', bundle: bundle.id, mod });
    bundle.barrier = this.#send({ kind: 'barrier-request' });
  }

  #barrier(xid: number): SessionEvent | null {
    const [bundle] = this.#bundles;
    if (bundle === undefined || bundle.stage !== 'filling' || bundle.barrier !== xid) return null;
    if (bundle.failure !== null) {
      this.#send({ kind: 'bundle', bundle: bundle.id, step: 'discard' });
      return this.#endBundle();
    }
    bundle.stage = 'committing';
    this.#send({ kind: 'bundle', bundle: bundle.id, step: 'commit' });
    return null;
  }

  #endBundle(): SessionEvent | null {
    const bundle = this.#bundles.shift();
    if (bundle === undefined) return null;
    this.#startBundle();
    return { kind: 'bundle', id: bundle.id, failure: bundle.failure };
  }

  #listed(xid: number, flows: readonly FlowEntry[], more: boolean): SessionEvent | null {
    const listing = this.#listings.get(xid);
    if (listing === undefined) return null;
    for (const flow of flows) listing.push(flow);
    if (listing.length > MOST_FLOWS) return this.#close(`the switch listed more than ${MOST_FLOWS} flows`);
    if (more) return null;
    this.#listings.delete(xid);
    return { kind: 'flows', id: xid, flows: listing };
  }

  #close(why: string): SessionEvent {
    this.#state = 'closed';
    return { kind: 'closed', why };
  }

  #nextXid(): number {
    // 0 is for what was not asked for.
    this.#xid = this.#xid >= 0xfffffff0 ? 1 : this.#xid + 1;
    return this.#xid;
  }

  #send(body: Body): number {
    const xid = this.#nextXid();
    this.#output.push(encodeMessage({ ...body, xid } as OpenFlowMessage));
    return xid;
  }
}

/** Names of OpenFlow 1.4's error types that can meet us (section 7.5.4). */
const ERRORS: Readonly<Record<number, string>> = {
  0: 'hello failed',
  1: 'bad request',
  2: 'bad action',
  3: 'bad instruction',
  4: 'bad match',
  5: 'flow-mod failed',
  13: 'experimenter error',
  17: 'bundle failed',
};

function describeError(type: number, code: number, data: Buffer): string {
  const text =
    type === 0
      ? `: ${data
          .toString('latin1')
          .replaceAll(/[^ -~]/g, '')
          .slice(0, 200)}`
      : '';
  return `${ERRORS[type] ?? 'OpenFlow error'} ${type}/${code}${text}`;
}
