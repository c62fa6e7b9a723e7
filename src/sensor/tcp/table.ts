// All TCP flows of a sensor. Enters: segments; leaves: each at its flow, with idle and superfluous flows ended.
import type { Endpoint, FlowId, Micros, Side } from '../../flow.ts';
import { formatIpv4, formatIpv6 } from '../link/address.ts';
import { vlanTags } from '../link/vlan.ts';
import { RST, type Segment, SYN } from '../segment.ts';
import { Entry, flowKey, flowSlot } from './entry.ts';
import { TcpFlow } from './flow.ts';
import { LruList } from './lru.ts';
import { orient } from './orientation.ts';
import type { Surroundings } from './surroundings.ts';

/** How long an ended flow is remembered, so that its last packets do not look like another one (microseconds). */
const LINGER: Micros = 60_000_000;
const SLOTS = 4096;

/** Flows by five-tuple and VLANs; the number of flows is bounded. Unanswered attempts are given up before connections. */
export class FlowTable {
  readonly #around: Surroundings;
  readonly #entries = new Map<string, Entry>();
  readonly #cache: (Entry | null)[] = new Array<Entry | null>(SLOTS).fill(null);
  readonly #attempts = new LruList<Entry>();
  readonly #established = new LruList<Entry>();
  readonly #ended = new LruList<Entry>();
  #created = 0;

  constructor(around: Surroundings) {
    this.#around = around;
  }

  /** Hands a segment to its flow, which it may begin, end or replace. */
  receive(segment: Segment): void {
    const slot = flowSlot(segment, SLOTS);
    let entry = this.#cache[slot] ?? null;
    let side = entry?.sideOf(segment) ?? null;
    if (entry === null || side === null) {
      entry = this.#entries.get(flowKey(segment)) ?? null;
      side = entry?.sideOf(segment) ?? null;
      this.#cache[slot] = entry;
    }
    const { ignored } = this.#around.statistics;
    if (entry === null || side === null) {
      // A reset of something that we never saw opens nothing.
      if ((segment.flags & RST) !== 0) ignored['tcp-stray'] += 1;
      else this.#open(segment, null, slot);
      return;
    }
    const outcome = entry.flow.receive(segment, side);
    if (segment.ts > entry.lastTs) entry.lastTs = segment.ts;
    this.#place(entry);
    if (outcome === 'taken') return;
    if (typeof outcome === 'string') {
      ignored[outcome] += 1;
      return;
    }
    // The ends have given the old connection up, whether or not that was seen.
    entry.flow.finish('timeout');
    this.#remove(entry);
    const [first, ...others] = outcome.before;
    if (first === undefined) {
      this.#open(segment, side, slot);
      return;
    }
    const successor = this.#open(first.segment, first.side, slot);
    for (const each of [...others.map((held) => held.segment), segment]) {
      const then = successor.sideOf(each);
      if (then === null) return;
      const result = successor.flow.receive(each, then);
      this.#place(successor);
      if (result !== 'taken') ignored[typeof result === 'string' ? result : 'tcp-stray'] += 1;
    }
  }

  /** Ends the flows that were idle for too long. */
  expire(now: Micros): void {
    const { idle } = this.#around.limits;
    expireList(this.#ended, now - Math.min(idle, LINGER), (entry) => this.#remove(entry));
    const timeOut = (entry: Entry): void => {
      entry.flow.finish('timeout');
      this.#remove(entry);
    };
    expireList(this.#attempts, now - idle, timeOut);
    expireList(this.#established, now - idle, timeOut);
  }

  /** Says of every open flow, the least recently used first, that packets of it may be missing. */
  blind(why: string): void {
    for (const list of [this.#attempts, this.#established]) {
      for (let entry = list.oldest; entry !== null; entry = entry.newer) entry.flow.unseen(why);
    }
  }

  /** Ends all flows, the least recently used first. */
  end(): void {
    for (const list of [this.#attempts, this.#established, this.#ended]) {
      for (let entry = list.oldest; entry !== null; entry = list.oldest) {
        entry.flow.finish('capture-end');
        this.#remove(entry);
      }
    }
  }

  /** A new flow; `inherited`: the sender's side in the flow that it replaces, for what begins without a SYN. */
  #open(segment: Segment, inherited: Side | null, slot: number): Entry {
    if (this.#entries.size >= this.#around.limits.flows) this.#evict();
    const src = { ip: formatAddress(segment, 'src'), port: segment.srcPort };
    const dst = { ip: formatAddress(segment, 'dst'), port: segment.dstPort };
    const guess = orient(segment, src, dst, this.#around.selector);
    const sender = (segment.flags & SYN) === 0 ? (inherited ?? guess.sender) : guess.sender;
    const [orig, resp]: [Endpoint, Endpoint] = sender === 'orig' ? [src, dst] : [dst, src];
    this.#created += 1;
    const { seenAt, statistics } = this.#around;
    const { midstream } = guess;
    const id = `f${this.#created}` as FlowId;
    const flow = new TcpFlow(
      { id, orig, resp, vlans: vlanTags(segment.vlan), seenAt, midstream },
      this.#around,
    );
    const entry = new Entry(flow, segment, sender, slot, this.#attempts);
    this.#attempts.add(entry);
    this.#entries.set(entry.key, entry);
    this.#cache[slot] = entry;
    statistics.flows += 1;
    statistics.openFlows += 1;
    flow.begin(segment, sender);
    flow.receive(segment, sender);
    this.#place(entry);
    return entry;
  }

  /** Keeps an entry in the list of its phase, as the most recently used. */
  #place(entry: Entry): void {
    const { phase } = entry.flow;
    const list =
      phase === 'established' ? this.#established : phase === 'ended' ? this.#ended : this.#attempts;
    if (entry.list === list) {
      list.touch(entry);
      return;
    }
    entry.list.remove(entry);
    entry.list = list;
    list.add(entry);
    if (phase === 'ended') this.#around.statistics.openFlows -= 1;
  }

  #remove(entry: Entry): void {
    if (entry.list !== this.#ended) this.#around.statistics.openFlows -= 1;
    entry.list.remove(entry);
    entry.flow.dispose();
    this.#entries.delete(entry.key);
    if (this.#cache[entry.slot] === entry) this.#cache[entry.slot] = null;
  }

  #evict(): void {
    const entry = this.#ended.oldest ?? this.#attempts.oldest ?? this.#established.oldest;
    if (entry === null) return;
    entry.flow.finish('evicted');
    this.#remove(entry);
  }
}

function expireList(list: LruList<Entry>, before: Micros, end: (entry: Entry) => void): void {
  for (let entry = list.oldest; entry !== null && entry.lastTs < before; entry = list.oldest) end(entry);
}

function formatAddress(s: Segment, end: 'src' | 'dst'): string {
  if (s.family === 4) return formatIpv4(end === 'src' ? s.src0 : s.dst0);
  return end === 'src'
    ? formatIpv6(s.src0, s.src1, s.src2, s.src3)
    : formatIpv6(s.dst0, s.dst1, s.dst2, s.dst3);
}
