// A flow's place in the table: its five-tuple and VLANs in numbers. Enters: segments; leaves: whether they are of this flow.
import type { Side } from '../../flow.ts';
import type { Segment } from '../segment.ts';
import type { TcpFlow } from './flow.ts';
import type { LruList, LruNode } from './lru.ts';

export class Entry implements LruNode<Entry> {
  readonly flow: TcpFlow;
  readonly key: string;
  readonly slot: number;
  older: Entry | null = null;
  newer: Entry | null = null;
  list: LruList<Entry>;
  lastTs: number;
  readonly #vlan: number;
  readonly #family: number;
  readonly #orig: readonly [number, number, number, number, number];
  readonly #resp: readonly [number, number, number, number, number];

  /** `sender`: which side of the flow sent the segment that it begins with. */
  constructor(flow: TcpFlow, segment: Segment, sender: Side, slot: number, list: LruList<Entry>) {
    this.flow = flow;
    this.key = flowKey(segment);
    this.slot = slot;
    this.list = list;
    this.lastTs = segment.ts;
    this.#vlan = segment.vlan;
    this.#family = segment.family;
    const s = segment;
    const src = [s.src0, s.src1, s.src2, s.src3, s.srcPort] as const;
    const dst = [s.dst0, s.dst1, s.dst2, s.dst3, s.dstPort] as const;
    this.#orig = sender === 'orig' ? src : dst;
    this.#resp = sender === 'orig' ? dst : src;
  }

  /** Which side sent the segment; null when it is of another flow. */
  sideOf(s: Segment): Side | null {
    if (s.vlan !== this.#vlan || s.family !== this.#family) return null;
    if (isSource(this.#orig, s) && isDestination(this.#resp, s)) return 'orig';
    if (isSource(this.#resp, s) && isDestination(this.#orig, s)) return 'resp';
    return null;
  }
}

type Words = readonly [number, number, number, number, number];

function isSource(words: Words, s: Segment): boolean {
  return (
    words[4] === s.srcPort &&
    words[0] === s.src0 &&
    words[1] === s.src1 &&
    words[2] === s.src2 &&
    words[3] === s.src3
  );
}

function isDestination(words: Words, s: Segment): boolean {
  return (
    words[4] === s.dstPort &&
    words[0] === s.dst0 &&
    words[1] === s.dst1 &&
    words[2] === s.dst2 &&
    words[3] === s.dst3
  );
}

/** A number that is the same for both directions, for a cache whose hits are checked: collisions cost time only. */
export function flowSlot(s: Segment, slots: number): number {
  const src = Math.imul(s.src0 ^ s.src1 ^ s.src2 ^ s.src3, 0x9e3779b1) + Math.imul(s.srcPort, 0x85ebca6b);
  const dst = Math.imul(s.dst0 ^ s.dst1 ^ s.dst2 ^ s.dst3, 0x9e3779b1) + Math.imul(s.dstPort, 0x85ebca6b);
  const sum = (src ^ (src >>> 15)) + (dst ^ (dst >>> 15));
  return (sum ^ (sum >>> 16)) & (slots - 1);
}

/**
 * A string that is the same for both directions and differs between flows. A string, because the runtime hashes strings
 * with a secret seed and numbers without: chosen addresses must not make its tables slow.
 */
export function flowKey(s: Segment): string {
  const forward =
    s.srcPort - s.dstPort || s.src0 - s.dst0 || s.src1 - s.dst1 || s.src2 - s.dst2 || s.src3 - s.dst3;
  const src = s.family === 4 ? half(s.src0, s.srcPort) : longHalf(s.src0, s.src1, s.src2, s.src3, s.srcPort);
  const dst = s.family === 4 ? half(s.dst0, s.dstPort) : longHalf(s.dst0, s.dst1, s.dst2, s.dst3, s.dstPort);
  const vlan = s.vlan === 0 ? '' : `/${s.vlan}`;
  return forward <= 0 ? `${src}${dst}${vlan}` : `${dst}${src}${vlan}`;
}

function half(word: number, port: number): string {
  return String.fromCharCode(word >>> 16, word & 0xffff, port);
}

function longHalf(w0: number, w1: number, w2: number, w3: number, port: number): string {
  return String.fromCharCode(
    w0 >>> 16,
    w0 & 0xffff,
    w1 >>> 16,
    w1 & 0xffff,
    w2 >>> 16,
    w2 & 0xffff,
    w3 >>> 16,
    w3 & 0xffff,
    port,
  );
}
