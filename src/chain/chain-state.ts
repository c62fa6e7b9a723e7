// An open chain as a whole: its facts, its first request, and how all of it is packed. Enters: parts; leaves: the same.
import { FlowTapError } from '../errors.ts';
import type { Micros } from '../flow.ts';
import type { ChainId, ChainReference, VerdictId } from '../verdict.ts';
import { NO_REFERENCES, type Packed, Reader, type Shelf, Writer } from './packing.ts';
import type { Origin } from './request.ts';
import { Scope, Settled } from './scope.ts';
import { Instance, instancesBelow, isBusyBelow, type Slot } from './state.ts';
import { WaitingPlaces } from './waiting-places.ts';

const NO_NAMES: readonly string[] = [];

/** Requests and facts of a chain that is packed; of more, it would cost too much to make them anew. */
const MOST_PACKED = 64;

/** Whoever has chains packed. */
export interface Sleepers {
  readonly shelf: Shelf;
  /** Names a request for whoever waits for it. */
  nextMark(): number;
  /** This one was packed and has been made anew. */
  woke(chain: ChainState): void;
}

/** What a chain is while it is not packed. */
class Body {
  readonly origin: Origin;
  readonly opened: Micros;
  requests = 0;
  size = 0;
  live = 0;
  missed = NO_NAMES;
  listed = false;
  root: Instance | null = null;
  readonly waiting = new WaitingPlaces();
  last: Settled | null = null;
  /** Where requests with tickets were put that are not here any more. */
  forwards: Map<number, ChainState> | null = null;

  constructor(origin: Origin, opened: Micros) {
    this.origin = origin;
    this.opened = opened;
  }
}

/** An open chain. */
export class ChainState extends Scope {
  /** Counts the chains of a run. */
  readonly serial: number;
  /** Set on a chain that exists only to name the consequences of a denied request. */
  readonly tainted: VerdictId | null;
  ended: Micros | null = null;
  readonly #sleepers: Sleepers;
  /** Null while it is packed: it is made anew when somebody asks for it. */
  #body: Body | null;
  /** Where it is packed; with what bytes cannot say, if there is anything. */
  #packed: number | Packed = 0;

  constructor(serial: number, origin: Origin, opened: Micros, tainted: VerdictId | null, sleepers: Sleepers) {
    super();
    this.serial = serial;
    this.tainted = tainted;
    this.#sleepers = sleepers;
    this.#body = new Body(origin, opened);
  }

  get #awake(): Body {
    return this.#body ?? this.#wake(this.#packed);
  }

  get opened(): Micros {
    return this.#awake.opened;
  }

  /** Requests that came. */
  get requests(): number {
    return this.#awake.requests;
  }

  set requests(requests: number) {
    this.#awake.requests = requests;
  }

  /** Requests that are kept. */
  get size(): number {
    return this.#awake.size;
  }

  set size(size: number) {
    this.#awake.size = size;
  }

  /** Instances that serve and slots that wait; at zero the chain has ended. */
  get live(): number {
    return this.#awake.live;
  }

  set live(live: number) {
    this.#awake.live = live;
  }

  /** Steps that were missed by requests that are not kept any more. */
  get missed(): readonly string[] {
    return this.#awake.missed;
  }

  set missed(missed: readonly string[]) {
    this.#awake.missed = missed;
  }

  /** True while it is listed for being packed. */
  get listed(): boolean {
    return this.#awake.listed;
  }

  set listed(listed: boolean) {
    this.#awake.listed = listed;
  }

  protected get last(): Settled | null {
    return this.#awake.last;
  }

  protected set last(last: Settled | null) {
    this.#awake.last = last;
  }

  get outer(): null {
    return null;
  }

  get owns(): null {
    return null;
  }

  get id(): ChainId {
    return `c${this.serial}` as ChainId;
  }

  /** For a person: `POST /contracts of customer 198.51.100.7`. */
  get title(): string {
    if (this.tainted !== null) return `consequences of ${this.tainted}`;
    const { from, address } = this.#awake.origin;
    return `${this.root.summary} of ${from} ${address}`;
  }

  /** The request that began it. */
  get root(): Instance {
    const { root } = this.#awake;
    if (root === null) throw new FlowTapError('fault', `chain ${this.id} has no root`);
    return root;
  }

  plant(root: Instance): void {
    this.#awake.root = root;
  }

  /** The first of its waiting places. */
  get waiting(): Slot | null {
    return this.#awake.waiting.first;
  }

  /** The place that waits for such a request and has this number in the index; null without one. */
  waitingAt(request: string, number: number): Slot | null {
    return this.#awake.waiting.at(request, number);
  }

  nextMark(): number {
    return this.#sleepers.nextMark();
  }

  /** The request with this mark, wherever it was put; null when it is not kept any more. */
  marked(mark: number): Instance | null {
    const { forwards } = this.#awake;
    return this.root.marked(mark) ?? forwards?.get(mark)?.marked(mark) ?? null;
  }

  /** True when one of its requests brought this key with this value. */
  hasKey(key: string, value: string): boolean {
    return this.root.hasKey(key, value);
  }

  /** A request with a ticket was put into another chain. */
  forward(mark: number, to: ChainState): void {
    // It is found where it was put last, so that nothing goes round in circles.
    to.#awake.forwards?.delete(mark);
    const body = this.#awake;
    body.forwards ??= new Map();
    body.forwards.set(mark, to);
  }

  /**
   * Packs all of it, until somebody asks for it: a million chains may be open, and few of them have something to do at a
   * time. False when that has to wait, or cannot be.
   */
  rest(): boolean {
    const body = this.#body;
    if (body === null || body.root === null || body.size > MOST_PACKED) return false;
    if (isBusyBelow(body.root)) return false;
    const all = instancesBelow(body.root);
    const settled = this.own;
    const speakers = settled.map(({ by }) => all.indexOf(by as Instance));
    if (settled.length > MOST_PACKED || speakers.includes(-1)) return false;
    const { origin, opened, requests, size, live, missed, root, forwards } = body;
    const out = new Writer(this.#sleepers.shelf);
    out.shared(origin.from);
    out.shared(origin.address);
    for (const each of [opened, requests, size, live, missed.length]) out.number(each);
    for (const each of missed) out.text(each);
    out.number(forwards === null ? 0 : 1);
    if (forwards !== null) out.reference(forwards);
    out.plan(root.plan);
    root.write(out);
    out.number(settled.length);
    for (const [i, each] of settled.entries()) {
      out.number(speakers[i] as number);
      each.write(out, (each.by as Instance).plan);
    }
    const packed = out.pack();
    if (packed === null) return false;
    this.#packed = packed.references.length === 0 ? packed.address : packed;
    this.#body = null;
    return true;
  }

  #wake(packed: number | Packed): Body {
    const { shelf } = this.#sleepers;
    const [address, references] =
      typeof packed === 'number' ? [packed, NO_REFERENCES] : [packed.address, packed.references];
    const input = new Reader(address, references, shelf);
    const origin = { from: input.shared(), address: input.shared() };
    const body = new Body(origin, input.number());
    this.#body = body;
    body.requests = input.number();
    body.size = input.number();
    body.live = input.number();
    const missed = input.number();
    if (missed > 0) body.missed = Array.from({ length: missed }, () => input.text());
    if (input.number() === 1) body.forwards = input.reference();
    const root = new Instance(this, input.plan(), null, input, null);
    body.root = root;
    const all = root.read(input, this);
    for (let left = input.number(); left > 0; left--) {
      const by = all[input.number()] as Instance;
      body.last = Settled.read(input, by, by.plan, body.last);
    }
    shelf.arena.free(address);
    this.#sleepers.woke(this);
    return body;
  }

  /** The chain as verdicts refer to it. It is made anew each time, since a million chains may be open. */
  get reference(): ChainReference {
    return {
      id: this.id,
      root: this.title,
      opened: this.opened,
      facts: Object.fromEntries(this.own.map(({ fact, value }) => [fact, value])),
    };
  }

  /** A place began to wait, and has its number. */
  link(slot: Slot): void {
    this.#awake.waiting.add(slot);
  }

  /** A place no longer waits; it has its number still. */
  unlink(slot: Slot): void {
    this.#awake.waiting.remove(slot);
  }
}
