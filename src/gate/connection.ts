// One connection in the path. Enters: bytes of both sides, decisions; leaves: events, and the bytes that may be passed on. No I/O.
// Longer than the house limit: the order in which bytes, events and decisions meet is read best in one place.
import type { EventDraft, FlowEvent } from '../events/event.ts';
import type { HttpRequest } from '../events/http.ts';
import type { Evidence, Flow, Micros, Side, Span } from '../flow.ts';
import type { ParserContext, SensorLimits } from '../sensor/parser.ts';
import type { Selector } from '../sensor/select.ts';
import type { UndecidedReader } from '../sensor/undecided.ts';
import type { Verdict } from '../verdict.ts';
import type { Account, Group, Unit } from './hold.ts';
import type { Hands, Keeper } from './keeper.ts';
import { Outlet } from './outlet.ts';
import { Units } from './units.ts';
import type { RefusalHow, Way } from './way.ts';

export interface ConnectionOptions {
  readonly flow: Flow;
  readonly selector: Selector;
  readonly limits: SensorLimits;
  /** Bytes that one side may hold; more of one message is told to the engine. */
  readonly most: number;
  readonly account: Account;
  readonly now: () => Micros;
  readonly way: Way;
  readonly keeper: (hands: Hands) => Keeper;
  /** Gives an event to the engine; `decided` is called for it, perhaps at once. */
  readonly submit: (event: FlowEvent) => void;
  readonly streams: (request: Pick<HttpRequest, 'flow' | 'method' | 'target'>) => boolean;
  readonly onRefused: (verdict: Verdict, how: RefusalHow) => void;
  readonly onOver: () => void;
}

/** An event that was not given to the engine yet, or is not decided. */
interface Asked {
  readonly draft: EventDraft;
  readonly span: Span;
  readonly group: Group | null;
}

interface SideState {
  readonly outlet: Outlet;
  readonly units: Units;
  readonly drafts: Asked[];
  /** What the engine was asked last and has not decided. */
  asking: Asked | null;
  ended: boolean;
  finished: boolean;
  paused: boolean;
}

/**
 * Asks about one event of a side after the other, so that nothing behind an undecided request is judged before it, and passes
 * on in the order of the stream what is decided.
 */
export class Connection implements Hands {
  readonly flow: Flow;
  readonly #options: ConnectionOptions;
  readonly #reader: UndecidedReader;
  readonly #keeper: Keeper;
  readonly #sides: Readonly<Record<Side, SideState>>;
  /** Events about the connection as a whole that are not decided. */
  #barriers = 0;
  #refused = false;
  /** What is passed on without being looked at, since it cannot be read and may pass. */
  #blind = false;
  #over = false;
  #working = false;

  constructor(options: ConnectionOptions) {
    const { flow, limits, selector, way } = options;
    this.flow = flow;
    this.#options = options;
    const side = (name: Side): SideState => ({
      outlet: new Outlet((bytes) => way.write(name, bytes), options.account),
      units: new Units(),
      drafts: [],
      asking: null,
      ended: false,
      finished: false,
      paused: false,
    });
    this.#sides = { orig: side('orig'), resp: side('resp') };
    this.#keeper = options.keeper(this);
    const context: ParserContext = {
      flow,
      limits,
      holding: {
        head: (head) => {
          const { message } = head;
          const streams = message.kind === 'request' && options.streams({ flow, ...message });
          this.#keeper.head?.(head, streams);
          return streams;
        },
        ended: (name, end) => this.#keeper.ended?.(name, end),
      },
      emit: (span, draft) => this.#emitted(span, draft),
    };
    this.#reader = selector.open(context, () => {
      this.#refused = true;
    });
  }

  get over(): boolean {
    return this.#over;
  }

  /** Bytes that are held of both sides. */
  get held(): number {
    return this.#sides.orig.outlet.held + this.#sides.resp.outlet.held;
  }

  /** Asks whether the two may talk at all; `Way.connect` is called when they may. */
  begin(): void {
    this.#general({ kind: 'connection-attempt' });
  }

  /** The server is reached. */
  connected(): void {
    if (!this.over) this.#general({ kind: 'connection-established' });
  }

  /** Bytes that nobody else will change. */
  data(side: Side, bytes: Uint8Array): void {
    if (this.over) return;
    this.#feed(side, bytes);
    this.#work();
  }

  /** That side says no more. */
  end(side: Side): void {
    const state = this.#sides[side];
    if (this.over || state.ended) return;
    if (!this.#blind) this.#reader.end(side, 'fin');
    state.ended = true;
    this.#work();
  }

  /** One of the two is gone. */
  broken(): void {
    if (this.over) return;
    this.#reader.end('orig', 'rst');
    this.#reader.end('resp', 'rst');
    this.abort();
  }

  /** What the engine said of the event of these bytes; `verdict` is the one that denies it, or else any. */
  decided(at: Evidence, verdict: Verdict | null, denied: boolean): void {
    if (this.over) return;
    const state = this.#sides[at.side];
    const asked = state.asking;
    if (asked === null) return;
    state.asking = null;
    this.#settle(asked, verdict, denied);
    this.#work();
  }

  /** A verdict that came when its bytes were gone, or about what did not come: only cutting is left. */
  cut(verdict: Verdict): void {
    if (this.over) return;
    this.#options.onRefused(verdict, 'reset');
    this.abort();
  }

  /** It is given up: both ends are cut off. */
  abort(): void {
    if (this.over) return;
    this.#finish('rst');
    this.#options.way.reset();
  }

  add(side: Side, unit: Unit): void {
    this.#sides[side].units.add(unit);
  }

  groupAt(side: Side, end: number): Group | null {
    return this.#sides[side].units.groupAt(end);
  }

  inject(side: Side, bytes: Uint8Array): void {
    this.#feed(side, bytes);
  }

  insert(side: Side, bytes: Uint8Array): void {
    this.#sides[side].outlet.insert(bytes);
  }

  close(bytes: Uint8Array): void {
    this.#finish('rst');
    this.#options.way.close(bytes);
  }

  #general(draft: EventDraft): void {
    this.#barriers += 1;
    this.#sides.orig.drafts.push({ draft, span: EMPTY, group: null });
    this.#work();
  }

  #feed(side: Side, bytes: Uint8Array): void {
    const { outlet } = this.#sides[side];
    const offset = outlet.read;
    outlet.push(bytes);
    if (this.#blind || this.#refused) return;
    this.#keeper.read(side, offset, Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
    this.#reader.data(side, offset, bytes);
  }

  #emitted(span: Span, draft: EventDraft): void {
    const general = draft.kind === 'analysis-lost' && draft.lasting;
    const group = general ? null : this.#keeper.groupOf(span.side, span, draft);
    const asked = { draft, span, group };
    if (group === null) this.#barriers += 1;
    else group.holds += 1;
    this.#sides[span.side].drafts.push(asked);
  }

  /** Goes on until nothing more can be asked, passed on or refused. */
  #work(): void {
    if (this.#working) return;
    this.#working = true;
    for (let before = -1; !this.over && before !== this.#progress; ) {
      before = this.#progress;
      for (const side of SIDES) {
        if (!this.over) this.#pump(side);
        if (!this.over) this.#flush(side);
      }
    }
    this.#working = false;
    if (this.over) return;
    for (const side of SIDES) this.#balance(side);
  }

  /** Counts what was done, to see when nothing is left to do. */
  #progress = 0;

  #pump(side: Side): void {
    const state = this.#sides[side];
    // Nothing behind a refusal is judged before that was said.
    while (state.asking === null && state.drafts.length > 0 && !this.over && !isDenied(state)) {
      const asked = state.drafts.shift();
      if (asked === undefined) return;
      this.#progress += 1;
      if (!this.#keeper.admits(asked.group)) {
        if (asked.group !== null) asked.group.holds -= 1;
        continue;
      }
      this.#ask(side, asked);
      // What is denied by now is refused before anything behind it is asked.
      this.#flush(side);
    }
  }

  #ask(side: Side, asked: Asked): void {
    const { flow, now, submit } = this.#options;
    const ts = now();
    const at: Evidence = { flow: flow.id, ...asked.span, side, ts, capture: null, packets: [] };
    this.#sides[side].asking = asked;
    // Drafts are made for this alone, so that they may become the event.
    submit(Object.assign(asked.draft, { ts, flow, at }) as FlowEvent);
  }

  #settle(asked: Asked, verdict: Verdict | null, denied: boolean): void {
    const { draft, group } = asked;
    this.#progress += 1;
    if (group === null) this.#settleAll(draft, verdict, denied);
    else {
      group.holds -= 1;
      if (denied) group.denial ??= verdict;
      if (draft.kind === 'analysis-lost' && draft.cause === 'limit') group.flowing = true;
      if (denied && group.leaked && verdict !== null) this.cut(verdict);
    }
    if (!this.over) this.#keeper.judged(draft, group, verdict);
  }

  #settleAll(draft: EventDraft, verdict: Verdict | null, denied: boolean): void {
    this.#barriers -= 1;
    if (denied && verdict !== null) {
      this.cut(verdict);
      return;
    }
    if (draft.kind === 'analysis-lost' && draft.lasting) this.#blind = true;
    if (draft.kind !== 'connection-attempt') return;
    // Nobody monitors it, or it would be denied if anything was: what it says means nothing then.
    if (verdict === null || verdict.kind !== 'pass') this.#blind = true;
    this.#options.way.connect();
  }

  #flush(side: Side): void {
    const state = this.#sides[side];
    const { outlet, units } = state;
    if (!this.#blind && this.#reader.protocol === null && outlet.held > 0) return;
    while (!this.over) {
      // What is asked about the connection waits for a refusal, so a refusal does not wait for it: it passes nothing on.
      if (this.#barriers > 0 && !isDenied(state)) return;
      const unit = units.first;
      if (unit === undefined || !this.#rule(side, unit)) break;
      units.shift();
      this.#progress += 1;
      this.#keeper.gone(side, unit);
    }
    // What was read before is decided first, also where nothing more can be read.
    const decided = state.asking === null && state.drafts.length === 0 && !isDenied(state);
    if (this.#blind && !this.over && decided) outlet.pass(outlet.read);
    if (this.over || !state.ended || state.finished) return;
    if (state.asking !== null || state.drafts.length > 0 || units.first?.group.denial != null) return;
    // What is left is no whole message: its receiver could do nothing with it.
    outlet.drop(outlet.read);
    state.finished = true;
    this.#progress += 1;
    this.#options.way.end(side);
    if (this.#sides.orig.finished && this.#sides.resp.finished) this.#finish('fin');
  }

  /** True when the first unit is gone as a whole. */
  #rule(side: Side, unit: Unit): boolean {
    const { outlet } = this.#sides[side];
    const { group } = unit;
    if (group.denial !== null && group.holds === 0) return this.#refuse(side, unit, group.denial);
    if (!group.decided) return false;
    const whole = unit.end !== null && unit.end <= outlet.read;
    if (!whole && !group.flowing) return false;
    const upTo = whole ? (unit.end ?? outlet.read) : outlet.read;
    if (outlet.ruled < upTo) {
      const other =
        whole && outlet.ruled <= unit.start
          ? this.#keeper.instead(side, unit, () => outlet.peek(upTo))
          : null;
      if (other === null) {
        group.leaked = true;
        outlet.pass(upTo);
      } else {
        outlet.drop(upTo);
        outlet.insert(other);
      }
    }
    return whole;
  }

  #refuse(side: Side, unit: Unit, verdict: Verdict): boolean {
    if (verdict.action !== 'refuse' || unit.group.leaked) {
      this.cut(verdict);
      return false;
    }
    const how = this.#keeper.refuse(side, unit);
    if (how === 'reset') this.cut(verdict);
    if (how !== 'drop') return false;
    if (!this.#told.has(verdict)) {
      this.#told.add(verdict);
      this.#options.onRefused(verdict, 'answer');
    }
    if (this.over) return false;
    const { outlet } = this.#sides[side];
    outlet.drop(unit.end ?? outlet.read);
    return unit.end !== null && unit.end <= outlet.read;
  }

  readonly #told = new WeakSet<Verdict>();

  /** Reads no more of who sent what is still undecided, and says what is too large to wait for. */
  #balance(side: Side): void {
    const state = this.#sides[side];
    const { outlet } = state;
    const first = state.units.first;
    if (outlet.held > this.#options.most && state.asking === null && !this.#blind) {
      const group = first?.group ?? null;
      if (group === null || (!group.overflown && !group.flowing && group.denial === null)) {
        if (group !== null) group.overflown = true;
        if (group !== null) group.open = false;
        const span = { side, start: outlet.ruled, end: outlet.read };
        const detail = `more than ${this.#options.most} bytes of a message that cannot be judged before its end`;
        const draft: EventDraft = {
          kind: 'analysis-lost',
          cause: 'limit',
          protocol: this.#reader.protocol,
          detail,
          lasting: group === null,
        };
        if (group === null) this.#barriers += 1;
        else group.holds += 1;
        state.drafts.push({ draft, span, group });
        this.#work();
        return;
      }
    }
    const pause = state.asking !== null || outlet.held > this.#options.most;
    if (pause !== state.paused) {
      state.paused = pause;
      this.#options.way.pause(side, pause);
    }
  }

  #finish(how: 'fin' | 'rst'): void {
    if (this.over) return;
    this.#over = true;
    for (const side of SIDES) {
      const { outlet } = this.#sides[side];
      outlet.drop(outlet.read);
    }
    const { flow, now, submit } = this.#options;
    const ts = now();
    const at: Evidence = { flow: flow.id, ...EMPTY, ts, capture: null, packets: [] };
    submit({ kind: 'connection-end', how, ts, flow, at });
    this.#options.onOver();
  }
}

function isDenied({ units }: SideState): boolean {
  const group = units.first?.group;
  return group !== undefined && group.denial !== null && group.holds === 0;
}

const SIDES: readonly Side[] = ['orig', 'resp'];
const EMPTY: Span = { side: 'orig', start: 0, end: 0 };
