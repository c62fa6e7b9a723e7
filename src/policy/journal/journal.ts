// The events that open chains, live flows and blocks of one application rest on. Enters: events, what was said of them; leaves: entries.
// Longer than other files because every change of an entry must keep its holders, its size and the look-ups in step; these
// are private to this one class.
import type { ChainState } from '../../chain/chain-state.ts';
import type { FlowEvent } from '../../events/event.ts';
import type { Evidence, FlowId, Micros } from '../../flow.ts';
import type { BlockInstruction, ChainId, EngineOutput, Verdict } from '../../verdict.ts';
import type { Witness } from '../witness.ts';
import {
  aspectOf,
  type Begun,
  ENTRY_BYTES,
  type Entry,
  type FlowTail,
  isHeld,
  keyOf,
  pack,
  type Said,
  TAIL_BYTES,
} from './entry.ts';
import { type Draft, Names } from './names.ts';

/** Entries between two looks for what is not needed any more. */
const SWEEP = 10_000;
/** Chains that have ended and are kept, where a request may have been taken for the wrong one of two. */
const KEPT_ENDED = 256;

/** Holds at most so many bytes; of more, the oldest chain is given up. */
export class Journal implements Witness {
  readonly #most: number;
  readonly #tails = new Map<FlowId, FlowTail>();
  readonly #entries = new Map<string, Entry>();
  /** The entries of each chain, the oldest chain first. */
  readonly #chains = new Map<ChainState, Set<Entry>>();
  readonly #byId = new Map<ChainId, ChainState>();
  /** Open chains whose entries were given up. */
  readonly #lost = new Set<ChainState>();
  /** Chains that have ended and are kept, with their entries, the first to end first. */
  readonly #ended = new Map<ChainState, Set<Entry>>();
  /** Entries that more than one open chain could have explained. */
  readonly #ambiguous = new Set<Entry>();
  #sequence = 0;
  #bytes = 0;
  #draft: (Draft & { readonly key: string }) | null = null;
  /** The request that is judged now, and what came of it so far. */
  #judged: { readonly key: string; readonly chains: Begun[]; denied: boolean } | null = null;
  /** Entries that may not be needed any more, once it is noted what was said of them. */
  readonly #idle = new Set<Entry>();
  #sinceSweep = 0;
  /** Chains given up because there were too many bytes. */
  evicted = 0;

  constructor(most: number) {
    this.#most = most;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** An event is about to be judged. */
  begin(event: FlowEvent): void {
    this.#draft = {
      event,
      sequence: this.#sequence++,
      key: keyOf(event.at),
      entry: null,
      said: [],
      needs: [],
    };
  }

  /** It was judged. `followed` is false when its flow is none of this application's. */
  end(followed: boolean, outputs: readonly EngineOutput[], now: Micros): void {
    const draft = this.#draft;
    this.#draft = null;
    if (draft !== null && followed) this.#keep(draft);
    this.heed(outputs, draft);
    if (draft?.entry != null && !isHeld(draft.entry)) this.#remove(draft.entry);
    if (++this.#sinceSweep >= SWEEP + this.#entries.size + this.#tails.size) this.sweep(now);
    this.#evict();
  }

  /** Takes what was said, also when only time went on. */
  heed(outputs: readonly EngineOutput[], draft: Draft | null = null): void {
    for (const output of outputs) {
      if (output.kind === 'chain') this.#endOf(output.record.id, output.record.outcome !== 'abandoned');
      if (output.kind !== 'verdict') continue;
      const { verdict } = output;
      const block = outputs.find((other) => other.kind === 'block' && other.block.verdict === verdict.id);
      this.#note(verdict, block?.kind === 'block' ? block.block : null, draft);
    }
    for (const entry of this.#idle) if (!isHeld(entry)) this.#remove(entry);
    this.#idle.clear();
  }

  judging(evidence: Evidence): void {
    this.#judged = { key: keyOf(evidence), chains: [], denied: false };
  }

  /** The request that is judged now is denied. */
  denies(evidence: Evidence): void {
    if (this.#judged?.key === keyOf(evidence)) this.#judged.denied = true;
  }

  /** What is judged now: its entry, when it is kept, and whether it was denied already. */
  get judged(): { readonly entry: Entry | null; readonly denied: boolean } {
    const { key = '', denied = false } = this.#judged ?? {};
    return { entry: this.#entries.get(key) ?? null, denied };
  }

  /** A chain began with the request that is judged now. */
  began(serial: number): void {
    this.#judged?.chains.push({ serial, tainted: this.#judged.denied });
  }

  controls(how: 'begin' | 'commit' | 'rollback' | 'rollback-to'): void {
    const draft = this.#draft;
    if (draft === null) return;
    const tail = this.#tailOf(draft);
    const { names } = tail;
    if (how === 'begin') {
      if (names.transaction === null) names.begin(this.#materialise(draft, tail));
      return;
    }
    const open = names.transaction;
    if (open === null) return;
    const members = how === 'rollback-to' ? [...open.members] : names.endTransaction();
    for (const member of members) if (isHeld(member)) follow(this.#materialise(draft, tail), member);
    if (how !== 'rollback-to') this.#idle.add(open.begin);
  }

  waits(evidence: Evidence): void {
    const entry = this.#find(evidence);
    if (entry !== null) entry.waiting = true;
  }

  placed(evidence: Evidence, chains: readonly ChainState[]): void {
    const begun = this.#judged?.key === keyOf(evidence) ? this.#judged.chains : [];
    this.#judged = null;
    const known = this.#entries.get(keyOf(evidence)) ?? null;
    const entry = chains.length === 0 ? known : this.#find(evidence);
    if (entry === null) return;
    entry.waiting = false;
    entry.begun = begun;
    for (const chain of chains) this.#hold(entry, chain);
    this.#idle.add(entry);
  }

  moved(evidence: Evidence, from: ChainState, to: ChainState): void {
    const entry = this.#entries.get(keyOf(evidence));
    if (entry === undefined) return;
    entry.chains.delete(from);
    this.#chains.get(from)?.delete(entry);
    if (this.#ended.get(from)?.delete(entry) === true) entry.ended--;
    if (to.ended === null) {
      entry.past = false;
      this.#hold(entry, to);
    } else if (this.#ended.has(to)) this.#keepEnded(to, [entry]);
    this.#idle.add(entry);
  }

  /** Entries in the order in which their events came. */
  list(): readonly Entry[] {
    return [...this.#entries.values()].sort((a, b) => a.sequence - b.sequence);
  }

  get tails(): Iterable<FlowTail> {
    return this.#tails.values();
  }

  entry(evidence: Evidence): Entry | null {
    return this.#entries.get(keyOf(evidence)) ?? null;
  }

  tail(id: FlowId): FlowTail | null {
    return this.#tails.get(id) ?? null;
  }

  /** Open chains of which entries are kept, and those whose entries were given up. */
  get chains(): { readonly kept: readonly ChainState[]; readonly lost: readonly ChainState[] } {
    return { kept: [...this.#chains.keys()], lost: [...this.#lost] };
  }

  /** Lets go of all chains: they are built anew from the entries. */
  release(): void {
    for (const entry of this.#entries.values()) entry.chains.clear();
    this.#chains.clear();
    this.#byId.clear();
    this.#lost.clear();
    for (const entry of this.#entries.values()) entry.ended = 0;
    this.#ended.clear();
    this.#ambiguous.clear();
  }

  /** Lets go of what ended and of blocks that are over. */
  sweep(now: Micros): void {
    this.#sinceSweep = 0;
    for (const [chain, entries] of this.#chains) {
      if (chain.ended !== null) this.#conclude(chain, entries);
    }
    for (const chain of this.#lost) if (chain.ended !== null) this.#lost.delete(chain);
    while (this.#ended.size > 0 && !this.#isGuessing) this.#forgetEnded();
    for (const entry of [...this.#entries.values()]) {
      if (entry.until !== null && entry.until <= now) entry.until = null;
      if (!isHeld(entry)) this.#remove(entry);
    }
    for (const tail of [...this.#tails.values()]) {
      if (tail.until !== null && tail.until <= now) tail.until = null;
      this.#forget(tail);
    }
  }

  #keep(draft: Draft): void {
    const { event } = draft;
    const tail = this.#tailOf(draft);
    const { leaders, context, needs } = tail.names.tie(draft);
    const held = leaders.filter(isHeld);
    if (held.length > 0 || context) {
      const entry = this.#materialise(draft, tail);
      entry.context ||= context;
      for (const leader of held) follow(entry, leader);
    }
    draft.needs = needs;
    if (draft.entry !== null) this.#keepNeeds(draft, draft.entry);
    if (event.kind !== 'connection-end') return;
    tail.live = false;
    for (const entry of [...tail.entries]) if (!isHeld(entry)) this.#remove(entry);
    this.#forget(tail);
  }

  #keepNeeds({ needs }: Draft, entry: Entry): void {
    for (const need of needs) {
      const needed = this.#materialise(need, entry.tail);
      follow(needed, entry);
      this.#keepNeeds(need, needed);
    }
  }

  #note(verdict: Verdict, block: BlockInstruction | null, draft: Draft | null): void {
    const { subject, evidence, step, id, action } = verdict;
    const [at] = evidence;
    const tail = this.#tails.get(subject.flow.id);
    if (at === undefined || tail === undefined) return;
    const denied = action !== 'none';
    const said: Said = { of: aspectOf(subject.what, step), id, denied };
    const until = block === null ? null : block.from + block.lifetime;
    if (subject.what === 'connection') {
      tail.said = [...tail.said, said];
      tail.until = until;
      return;
    }
    const key = keyOf(at);
    const judgedAlone = subject.what === 'request' || subject.what === 'bytes';
    const ours = draft !== null && keyOf(draft.event.at) === key ? draft : null;
    const known = this.#entries.get(key);
    const entry =
      known ?? (ours !== null && until !== null && judgedAlone ? this.#materialise(ours, tail) : null);
    if (entry === null) {
      // It becomes an entry when a later event needs it.
      if (ours !== null) ours.said = [...ours.said, said];
      return;
    }
    entry.said = [...entry.said, said];
    if (verdict.candidates > 1) this.#ambiguous.add(entry);
    // What a passed request led to later cannot be judged without its chain, nor a job without its former run.
    if (judgedAlone && until !== null && verdict.reasons[0].code !== 'too-soon') entry.until = until;
  }

  /** The entry of an event that is judged now or is kept already. */
  #find(evidence: Evidence): Entry | null {
    const key = keyOf(evidence);
    const known = this.#entries.get(key);
    if (known !== undefined) return known;
    return this.#draft?.key === key ? this.#materialise(this.#draft, this.#tailOf(this.#draft)) : null;
  }

  #tailOf({ event, sequence }: Draft): FlowTail {
    const { flow, ts, at } = event;
    const known = this.#tails.get(flow.id);
    if (known !== undefined) return known;
    const tail: FlowTail = {
      sequence,
      flow,
      ts,
      at,
      live: true,
      until: null,
      said: [],
      entries: new Set(),
      names: new Names(),
    };
    this.#tails.set(flow.id, tail);
    this.#bytes += TAIL_BYTES;
    return tail;
  }

  #materialise(draft: Draft, tail: FlowTail): Entry {
    if (draft.entry !== null && tail.entries.has(draft.entry)) return draft.entry;
    const { event, sequence } = draft;
    // Two events may end at the same byte at the same time.
    const name = keyOf(event.at);
    const key = this.#entries.has(name) ? `${name}#${sequence}` : name;
    const entry: Entry = {
      sequence,
      tail,
      key,
      packed: pack(event),
      waiting: false,
      chains: new Set(),
      leaders: new Set(),
      followers: new Set(),
      until: null,
      past: false,
      ended: 0,
      forget: null,
      context: false,
      said: draft.said,
      begun: [],
    };
    entry.forget = tail.names.add(entry, event);
    const open = tail.names.transaction;
    if (open !== null && event.kind === 'sql-statement') {
      open.members.add(entry);
      follow(open.begin, entry);
    }
    draft.entry = entry;
    tail.entries.add(entry);
    this.#entries.set(key, entry);
    this.#bytes += entry.packed.length + ENTRY_BYTES;
    return entry;
  }

  #hold(entry: Entry, chain: ChainState): void {
    if (this.#lost.has(chain)) return;
    entry.chains.add(chain);
    const known = this.#chains.get(chain);
    if (known !== undefined) known.add(entry);
    else {
      this.#chains.set(chain, new Set([entry]));
      this.#byId.set(chain.id, chain);
    }
  }

  /** A chain has ended; when it did so by itself, a request that was taken for another one may turn out to be its own. */
  #endOf(id: ChainId, settled: boolean): void {
    const chain = this.#byId.get(id);
    const entries = chain === undefined ? undefined : this.#chains.get(chain);
    if (chain === undefined || chain.ended === null || entries === undefined) return;
    if (settled && this.#isGuessing) this.#keepEnded(chain, entries);
    this.#conclude(chain, entries);
  }

  /** True while chains are open, and what is kept may have been taken for the wrong one of two. */
  get #isGuessing(): boolean {
    return this.#ambiguous.size > 0 && this.#chains.size > 0;
  }

  /** Keeps it whole, or not at all: a request without its chain would be judged as one that nothing explains. */
  #keepEnded(chain: ChainState, entries: Iterable<Entry>): void {
    const kept = this.#ended.get(chain) ?? new Set();
    for (const entry of entries) {
      if (kept.has(entry)) continue;
      kept.add(entry);
      entry.ended++;
      entry.past = [...entry.chains].every(({ ended }) => ended !== null);
    }
    this.#ended.set(chain, kept);
    if (this.#ended.size > KEPT_ENDED) this.#forgetEnded();
  }

  /** Lets go of the one that ended first. */
  #forgetEnded(): void {
    const [first] = this.#ended;
    if (first === undefined) return;
    const [chain, entries] = first;
    this.#ended.delete(chain);
    for (const entry of entries) {
      entry.ended--;
      if (!isHeld(entry)) this.#remove(entry);
    }
  }

  /** A chain has ended. What was denied because of it cannot be judged again without it, and may have consequences still. */
  #conclude(chain: ChainState, entries: ReadonlySet<Entry>): void {
    const denials = [...entries].filter((entry) =>
      entry.said.some(({ of, denied }) => of === 'request' && denied),
    );
    for (const denial of denials) {
      denial.until = null;
      if (![...denial.chains].some((other) => other !== chain && other.ended === null)) continue;
      for (const entry of entries) {
        if (denials.includes(entry)) continue;
        entry.past = true;
        follow(entry, denial);
      }
    }
    this.#letGo(chain, entries);
  }

  #letGo(chain: ChainState, entries: ReadonlySet<Entry>): void {
    this.#chains.delete(chain);
    this.#byId.delete(chain.id);
    for (const entry of entries) {
      entry.chains.delete(chain);
      if (!isHeld(entry)) this.#remove(entry);
    }
  }

  #remove(entry: Entry): void {
    if (!this.#entries.delete(entry.key)) return;
    this.#ambiguous.delete(entry);
    const { tail, followers, leaders } = entry;
    entry.forget?.();
    tail.names.transaction?.members.delete(entry);
    tail.entries.delete(entry);
    this.#bytes -= entry.packed.length + ENTRY_BYTES;
    for (const leader of leaders) leader.followers.delete(entry);
    for (const follower of followers) {
      follower.leaders.delete(entry);
      if (!isHeld(follower)) this.#remove(follower);
    }
    this.#forget(tail);
  }

  #forget(tail: FlowTail): void {
    if (tail.live || tail.until !== null || tail.entries.size > 0) return;
    if (this.#tails.delete(tail.flow.id)) this.#bytes -= TAIL_BYTES;
  }

  /** Over the limit: first what has ended, then the oldest chain, then the oldest flow. */
  #evict(): void {
    while (this.#bytes > this.#most) {
      if (this.#ended.size > 0) {
        this.#forgetEnded();
        continue;
      }
      const oldest = this.#chains.entries().next();
      if (oldest.done !== true) {
        const [chain, entries] = oldest.value;
        this.#letGo(chain, entries);
        if (chain.ended !== null) continue;
        this.#lost.add(chain);
        this.evicted++;
        continue;
      }
      const flow = this.#tails.values().next();
      if (flow.done === true) return;
      for (const entry of [...flow.value.entries]) this.#remove(entry);
      if (this.#tails.delete(flow.value.flow.id)) this.#bytes -= TAIL_BYTES;
    }
  }
}

function follow(entry: Entry, leader: Entry): void {
  if (entry === leader) return;
  entry.leaders.add(leader);
  leader.followers.add(entry);
}
