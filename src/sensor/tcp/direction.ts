// One direction of a TCP connection. Enters: sequence numbers; leaves: stream offsets, and whether numbers can be true.
import type { Side } from '../../flow.ts';
import type { BehindFin } from './behind.ts';
import { Marks } from './marks.ts';
import type { Origin, Reassembly } from './reassembly.ts';

/** Numbers so far outside of the advertised window are still believed: captures lose and reorder packets (bytes). */
const LEAST_WINDOW = 1 << 20;
/** The largest window that there is (RFC 7323 section 2.3). */
const LARGEST_WINDOW = 1 << 30;
/** What a receiver that we do not hear may allow (bytes). */
const UNHEARD_WINDOW = 1 << 24;

/** Data that came with a SYN: the peer may or may not take it (RFC 7413), which its acknowledgement will tell. */
export interface SynData extends Origin {
  readonly bytes: Uint8Array;
}

export class Direction {
  readonly side: Side;
  readonly stream: Reassembly;
  readonly marks = new Marks();
  /** The sequence number of stream offset 0, or -1 while unknown. */
  base = -1;
  /** Its SYN was seen, so that `base` is sure. */
  syn = false;
  /** `base` comes from an empty packet of this side, which could be a probe with the number before. */
  tentative = false;
  /** A second SYN+ACK claimed another `base`; the peer's acknowledgement will tell which it took. */
  alternative = -1;
  /** Anything of this side was seen. */
  seen = false;
  /** The peer has acknowledged something of this side. */
  confirmed = false;
  /** Offset up to which the peer has acknowledged, its FIN included. */
  acked = 0;
  /** Offset of its FIN, or -1. */
  fin = -1;
  /** The parser was told of its end. */
  ended = false;
  /** The largest window that the peer advertised to it, in bytes. */
  window = 0;
  /** The window scale that this side announced: -1 none, or its SYN was not seen. */
  scale = -1;
  synData: SynData | null = null;
  /** What came behind its FIN, or null while nothing did. */
  behind: BehindFin | null = null;
  /** Where urgent data was last announced, or -1. */
  urgent = -1;
  /** A hole that the peer has acknowledged: up to where, since when, since which packet of the flow. Offset -1: none. */
  holeUpTo = -1;
  holeSince = 0;
  holePacket = 0;
  /** The sensor will look at the hole when its time is over. */
  watched = false;

  constructor(side: Side, stream: Reassembly) {
    this.side = side;
    this.stream = stream;
  }

  /** The stream offset of a sequence number, taken to be near the next byte. */
  offset(seq: number): number {
    const { next } = this.stream;
    return next + ((seq - this.base - next) | 0);
  }

  /** Fixes where the stream begins. */
  learn(seq: number, tentative = false): void {
    this.base = seq >>> 0;
    this.tentative = tentative;
  }

  /** Whether the peer's acknowledgement tells where this side's stream begins, for want of something better. */
  learnsFrom(ack: number): boolean {
    if (this.base < 0) return true;
    if (!this.untouched) return false;
    return this.alternative === ack || (this.tentative && ack === (this.base + 1) >>> 0);
  }

  /** Nothing was read, ended or confirmed: where the stream begins can still be put right. */
  get untouched(): boolean {
    return this.stream.top === 0 && this.fin < 0 && !this.confirmed;
  }

  /** The end of what came, with the data of a SYN that waits. */
  get top(): number {
    return Math.max(this.stream.top, this.synData?.bytes.length ?? 0);
  }

  /** Whether a SYN of this side with `length` bytes of data contradicts a FIN that came before it. */
  finBefore(length: number): boolean {
    return this.fin >= 0 && (!this.syn || length > this.fin);
  }

  /** Whether the peer has bytes from behind the FIN, so that it cannot have taken the FIN. `acked`: what it acknowledges. */
  readBehindFin(acked: number): boolean {
    return this.fin >= 0 && acked > this.fin + 1;
  }

  /** How far from what is known numbers may lie. `peerSeen`: its windows and acknowledgements are known. */
  reach(peerSeen: boolean): number {
    if (!peerSeen) return UNHEARD_WINDOW;
    return Math.min(LARGEST_WINDOW, Math.max(LEAST_WINDOW, this.window * 2));
  }

  /** Whether `[start, end]` can belong to this direction now. */
  plausible(start: number, end: number, peerSeen: boolean): boolean {
    const reach = this.reach(peerSeen);
    const { next } = this.stream;
    return end >= Math.min(next, this.acked) - reach && start <= Math.max(next, this.acked) + reach;
  }

  /** The highest offset that is accounted for: seen, or acknowledged, or the end. */
  get highest(): number {
    return Math.max(this.stream.top, this.acked, this.fin + 1);
  }

  /** Offset up to which data was acknowledged; the FIN is not data. */
  get ackedData(): number {
    return this.fin >= 0 ? Math.min(this.acked, this.fin) : this.acked;
  }
}
