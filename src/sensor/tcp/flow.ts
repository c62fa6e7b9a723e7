// One TCP connection from its first packet to its end. Enters: its segments; leaves: connection events and ordered bytes.
// Longer than the house limit: the states of RFC 9293, and what a forger may do to each, are read best in one place.

import type { Protocol } from '../../events/common.ts';
import { type Flow, otherSide, type Side } from '../../flow.ts';
import type { Ignored } from '../link/ignored.ts';
import { behindLimitOf, evictionOf, gapOf, unseenOf } from '../losses.ts';
import type { StreamEnd } from '../parser.ts';
import { ACK, FIN, RST, type Segment, SYN, URG } from '../segment.ts';
import type { UndecidedReader } from '../undecided.ts';
import { BehindFin } from './behind.ts';
import { agrees, answersSyn, type Candidate, holdCandidate, payloadLength } from './candidate.ts';
import { Direction } from './direction.ts';
import { Emitter } from './emitter.ts';
import { Reassembly } from './reassembly.ts';
import { Sink } from './sink.ts';
import type { Surroundings } from './surroundings.ts';

/**
 * A hole that the peer has acknowledged will not be filled by a retransmission, but the packet may still follow: captures of
 * two directions or of several queues interleave late. It is lost after so many packets of the flow, or so many microseconds.
 */
export const HOLE_PACKETS = 128;
export const HOLE_TIME = 250_000;
/** A SYN is not pushed aside by other strays before this (microseconds): its answer may be under way. */
const SYN_PATIENCE = 3_000_000;

/** Another connection has begun on this port pair: with what was held of it, and with the segment in work. */
interface Successor {
  readonly before: readonly Candidate[];
}

export type Outcome = 'taken' | Ignored | Successor;

const FRESH: Successor = { before: [] };

export class TcpFlow {
  readonly emitter: Emitter;
  readonly orig: Direction;
  readonly resp: Direction;
  /** `attempt` until the responder answered. */
  phase: 'attempt' | 'established' | 'ended' = 'attempt';
  readonly #around: Surroundings;
  #reader: UndecidedReader | null = null;
  #packets = 0;
  #candidate: Candidate | null = null;
  /** A reset that a careful receiver only challenges (RFC 5961 section 3) came from this side, and nothing of it since. */
  #doubtfulReset: Side | null = null;
  /** Who reset the connection, and its offset then. */
  #resetBy: Side | null = null;
  #resetAt = 0;
  #discarding = false;

  constructor(flow: Flow, around: Surroundings) {
    this.#around = around;
    this.orig = this.#direction('orig');
    this.resp = this.#direction('resp');
    this.emitter = new Emitter(flow, around, { orig: this.orig, resp: this.resp });
  }

  /** Reads the streams; made when there is something to read. */
  reader(): UndecidedReader {
    if (this.#reader !== null) return this.#reader;
    const { emitter } = this;
    const { limits, selector } = this.#around;
    const context = { flow: emitter.flow, limits, emit: emitter.emit.bind(emitter) };
    this.#reader = selector.open(context, () => {
      this.#discarding = true;
      this.orig.stream.discard();
      this.resp.stream.discard();
    });
    // A side without a byte may have ended before.
    if (this.orig.ended) this.#reader.end('orig', 'fin');
    if (this.resp.ended) this.#reader.end('resp', 'fin');
    return this.#reader;
  }

  /** What is being parsed, or null. */
  get protocol(): Protocol | null {
    return this.#reader?.protocol ?? null;
  }

  /** Announces the connection by its first packet. */
  begin(segment: Segment, side: Side): void {
    this.emitter.emitPacket(side, segment, { kind: 'connection-attempt' });
  }

  /** Takes a segment that `side` sent. */
  receive(segment: Segment, side: Side): Outcome {
    this.#packets += 1;
    const { flags } = segment;
    if (this.phase === 'ended') return this.#afterEnd(segment, side);
    if ((flags & (SYN | RST)) === 0) return this.#ordinary(segment, side);
    if ((flags & RST) !== 0) return this.#reset(segment, side);
    return (flags & ACK) === 0 ? this.#syn(segment, side) : this.#synAck(segment, side);
  }

  /**
   * Ends the connection: what waits is delivered, holes as lost, then the parser hears of the end. A doubtful reset that
   * nothing came after has its way. `segment` is what ended it, sent by `side`; null when time or want of memory did.
   */
  finish(how: StreamEnd, segment: Segment | null = null, side: Side = 'orig'): void {
    if (this.phase === 'ended') return;
    this.#settle(this.orig);
    this.#settle(this.resp);
    const end = isWhole(this.orig) && isWhole(this.resp) ? 'fin' : this.#doubtfulReset === null ? how : 'rst';
    this.#endOf(this.orig, end);
    this.#endOf(this.resp, end);
    if (end === 'evicted') {
      this.emitter.emitPacket(side, segment, evictionOf(this.protocol));
    }
    this.emitter.emitPacket(side, segment, { kind: 'connection-end', how: end });
    this.phase = 'ended';
    for (const { stream, behind } of [this.orig, this.resp]) {
      stream.release();
      behind?.release();
    }
    this.#hold(null);
  }

  /** Gives up an acknowledged hole whose grace is over. */
  checkHole(direction: Direction): void {
    if (direction.holeUpTo < 0) return;
    if (direction.stream.next < direction.holeUpTo) {
      const packets = this.#packets - direction.holePacket;
      if (packets < HOLE_PACKETS && this.#around.now - direction.holeSince < HOLE_TIME) return;
      direction.stream.giveUp(direction.holeUpTo);
    }
    direction.holeUpTo = -1;
    this.#checkFin(direction, null);
    this.#watchHole(direction);
  }

  /** Packets of it were perhaps not captured: something may have been said and answered that nobody judged. */
  unseen(detail: string): void {
    this.emitter.emitPacket('orig', null, unseenOf(detail, this.protocol));
  }

  /** Frees what even an ended connection holds. */
  dispose(): void {
    this.orig.behind?.release();
    this.resp.behind?.release();
    this.#hold(null);
  }

  /** A segment without SYN and RST. */
  #ordinary(segment: Segment, side: Side): Outcome {
    const own = this.#of(side);
    const peer = this.#of(otherSide(side));
    const { seq, ack, flags } = segment;
    const length = payloadLength(segment);
    const fin = (flags & FIN) === 0 ? 0 : 1;
    // An empty segment of a side whose SYN may still come (split handshake) has a number that means nothing.
    const begins = own.base < 0 && (length + fin > 0 || this.emitter.flow.midstream);
    const probed = own.tentative && own.untouched && length > 0 && seq === (own.base + 1) >>> 0;
    const known = own.base >= 0 && !probed;
    const start = known ? own.offset(seq) : 0;
    const end = start + length;
    if (known && !own.plausible(start, end, peer.seen)) return this.#stray(segment, side);
    const acks = (flags & ACK) !== 0;
    const acked = acks && !peer.learnsFrom(ack) ? peer.offset(ack) : 0;
    if (acks && !peer.learnsFrom(ack)) {
      if (!peer.plausible(acked, acked, own.seen)) return this.#stray(segment, side);
      // Before the answer to a SYN nothing else can have been acknowledged: this is of an older connection.
      if (peer.syn && !own.syn && !peer.confirmed && acked > peer.highest) return this.#stray(segment, side);
    }
    const successor = acks && peer.readBehindFin(acked) ? this.#refuted(peer, acked) : null;
    if (successor !== null) return successor;
    // Who sent a SYN heeds no FIN before the SYN of the other side (RFC 9293 section 3.10.7.3).
    if (fin === 1 && peer.syn && !own.syn && !own.confirmed) return this.#stray(segment, side);
    // Data behind a FIN, or a FIN in the midst of data: one of them was not for the receiver.
    const last = length > 0 ? own.fin : own.fin + 1;
    if (own.fin >= 0 && (end > last || (fin === 1 && end !== own.fin))) {
      if (length > 0 && end > own.fin) this.#behindFin(own).add(segment, start);
      return this.#stray(segment, side);
    }
    // Nor was one in front of what the receiver has acknowledged already; it may have acknowledged the FIN itself.
    if (fin === 1 && (end < own.top || end + 1 < own.acked)) return this.#stray(segment, side);

    if (begins || probed) own.learn(seq, length === 0);
    this.#heard(own, peer, segment);
    if (acks) this.#acknowledge(peer, ack, acked);
    this.#establish(segment, side);
    if (acks) this.#afterAcknowledge(peer, acked);
    if ((flags & URG) !== 0) this.#urgent(own, start, segment);
    if (length > 0) this.#payload(own, start, segment);
    if (fin === 1) {
      own.fin = end;
      // The FIN itself may have been acknowledged before it came: it is no byte that is missing.
      own.holeUpTo = Math.min(own.holeUpTo, end);
    }
    this.#checkFin(own, segment);
    // A FIN may wait for bytes that an acknowledgement of the same packet gave up.
    if (own.holeUpTo >= 0) this.checkHole(own);
    if (peer.holeUpTo >= 0) this.checkHole(peer);
    return 'taken';
  }

  /** A SYN alone: the first, again, late, of a simultaneous open, or of another connection. */
  #syn(segment: Segment, side: Side): Outcome {
    const own = this.#of(side);
    const peer = this.#of(otherSide(side));
    const first = (segment.seq + 1) >>> 0;
    // Nobody heeds a FIN from before the SYN, so that this SYN, or that FIN, is of another connection.
    const late = own.finBefore(payloadLength(segment)) || (peer.fin >= 0 && !own.syn);
    if (!late && (own.base === first || own.base < 0 || (!own.syn && own.untouched))) {
      this.#begins(own, peer, first, segment);
      return 'taken';
    }
    // The peer may only challenge it (RFC 5961 section 4), so that the connection goes on until it is answered.
    if (this.#doubtfulReset !== null || (!peer.seen && (late || own.stream.top > 0))) return FRESH;
    this.#hold(segment, side);
    return 'tcp-stray';
  }

  #synAck(segment: Segment, side: Side): Outcome {
    const own = this.#of(side);
    const peer = this.#of(otherSide(side));
    if (this.#candidate !== null && answersSyn(this.#candidate, segment, side)) {
      return { before: this.#takeCandidate() };
    }
    const acked = peer.base < 0 ? 0 : peer.offset(segment.ack);
    if (acked < 0 || acked > Math.max(peer.highest, peer.top)) {
      return this.#stray(segment, side);
    }
    const successor = peer.readBehindFin(acked) ? this.#refuted(peer, acked) : null;
    if (successor !== null) return successor;
    if (own.finBefore(payloadLength(segment))) return this.#stray(segment, side);
    const first = (segment.seq + 1) >>> 0;
    if (own.base !== first && own.base >= 0 && (own.syn || !own.untouched)) {
      // Two answers to one SYN: a race that a forger may have won. Which one counts, the next acknowledgement tells.
      if (own.syn && own.untouched) own.alternative = first;
      return 'tcp-stray';
    }
    this.#begins(own, peer, first, segment);
    this.#acknowledge(peer, segment.ack, acked);
    this.#establish(segment, side);
    this.#afterAcknowledge(peer, acked);
    return 'taken';
  }

  /**
   * A reset ends the connection when its number is what the receiver expects, as far as the capture tells (RFC 5961 section
   * 3): from what was acknowledged up to what was sent. One further ahead in the window is doubtful; others are forged or old.
   * Its payload is a diagnostic text, not part of the stream.
   */
  #reset(segment: Segment, side: Side): Outcome {
    const own = this.#of(side);
    const peer = this.#of(otherSide(side));
    const at = own.base < 0 ? 0 : own.offset(segment.seq);
    if (own.base < 0) {
      // An answer to a SYN counts only with its acknowledgement (RFC 9293 section 3.10.7.3).
      const acked = peer.base < 0 || (segment.flags & ACK) === 0 ? -1 : peer.offset(segment.ack);
      if (acked < 0 || acked > Math.max(peer.highest, peer.top)) return 'tcp-stray';
    } else if (at > own.highest && at <= own.highest + own.reach(peer.seen)) {
      this.#doubtfulReset = side;
      return 'tcp-stray';
    } else if (at > own.highest || at < Math.min(own.acked, own.stream.next)) {
      return 'tcp-stray';
    }
    this.#resetBy = side;
    this.#resetAt = at;
    this.finish('rst', segment, side);
    return 'taken';
  }

  /**
   * After the end. A reset or FIN can be forged so that only we believe it: what proves that the ends went on opens another
   * flow, midstream, rather than being dropped as a leftover.
   */
  #afterEnd(segment: Segment, side: Side): Outcome {
    const own = this.#of(side);
    const peer = this.#of(otherSide(side));
    const { seq, ack, flags } = segment;
    if ((flags & RST) !== 0) return 'tcp-after-end';
    if ((flags & SYN) !== 0) {
      const late = own.base < 0 && (flags & ACK) !== 0 && peer.base >= 0 && ack === peer.base;
      return late || own.base === (seq + 1) >>> 0 ? 'tcp-after-end' : FRESH;
    }
    const candidate = this.#candidate;
    if (candidate !== null && candidate.side !== side && (flags & ACK) !== 0) {
      const beyond = (ack - candidate.end) | 0;
      if (beyond >= 0 && beyond <= peer.reach(true)) {
        const before = peer.behind?.take() ?? [];
        return { before: before.length > 0 ? before : this.#takeCandidate() };
      }
    }
    const length = payloadLength(segment);
    const start = own.base < 0 ? 0 : own.offset(seq);
    // The last acknowledgements of every connection come here.
    if (length === 0) return own.plausible(start, start, true) ? 'taken' : 'tcp-after-end';
    // Whoever reset does not go on sending, so this reset was not its own.
    if (this.#resetBy === side && start >= this.#resetAt && own.plausible(start, start + length, true)) {
      return FRESH;
    }
    const isNew = own.base < 0 || start + length > own.highest || !own.plausible(start, start + length, true);
    if (isNew) this.#behindFin(own).add(segment, start);
    if (isNew && candidate === null) this.#hold(segment, side);
    return 'tcp-after-end';
  }

  /** Numbers that cannot be of this connection. Two that agree with each other are another one. */
  #stray(segment: Segment, side: Side): Outcome {
    const candidate = this.#candidate;
    if (candidate !== null) {
      const goesOn = candidate.side === side && segment.seq === candidate.end;
      const alone = !this.#of(otherSide(side)).seen || (candidate.segment.flags & SYN) !== 0;
      if (agrees(candidate, segment, side) || (goesOn && alone)) return { before: this.#takeCandidate() };
      const waits = (candidate.segment.flags & SYN) !== 0 && segment.ts - candidate.segment.ts < SYN_PATIENCE;
      if (waits) return 'tcp-stray';
    }
    this.#hold(segment, side);
    return 'tcp-stray';
  }

  /**
   * The receiver acknowledges bytes behind the FIN of `sender`, so that it never took the FIN: its checksum was wrong, it had
   * no ACK, or it expired on the way. The parser believes in the end of that side: what was held goes to another flow. Null
   * when nothing was held, so that an acknowledgement alone, which may be a lie, cuts no flow in two.
   */
  #refuted(sender: Direction, acked: number): Successor | null {
    const { behind, side, fin } = sender;
    const from = behind?.start ?? acked;
    const missing = Math.min(from, acked) - fin;
    if (behind?.overflown === true) {
      behind.overflown = false;
      this.emitter.emit({ side, start: fin, end: acked }, behindLimitOf(this.protocol));
    } else if (missing > 0 && !sender.readBehindFin(sender.acked)) {
      this.#around.statistics.lostBytes += missing;
      this.emitter.emit({ side, start: fin, end: fin + missing }, gapOf(missing, this.protocol));
    }
    return behind !== null && from < acked ? { before: behind.take() } : null;
  }

  #behindFin(own: Direction): BehindFin {
    own.behind ??= new BehindFin(own.side, this.#around.limits.reassembly, this.#around.waiting);
    return own.behind;
  }

  #begins(own: Direction, peer: Direction, first: number, segment: Segment): void {
    if (own.base !== first) own.learn(first);
    own.tentative = false;
    own.syn = true;
    own.scale = segment.scale;
    this.#heard(own, peer, segment);
    const length = segment.end - segment.start;
    if (length > 0 && own.synData === null && own.stream.top === 0 && !this.#around.waiting.over) {
      const bytes = segment.bytes.slice(segment.start, segment.end);
      own.synData = { bytes, packet: segment.packet, capture: segment.capture };
      this.#around.waiting.add(length);
    }
  }

  /** Something acceptable of this side. */
  #heard(own: Direction, peer: Direction, segment: Segment): void {
    own.seen = true;
    if (this.#doubtfulReset === own.side) this.#doubtfulReset = null;
    let shift = 0;
    if ((segment.flags & SYN) === 0) {
      // Both SYNs must offer scaling; where they were not seen, the largest scale is assumed.
      shift = own.syn && peer.syn ? (peer.scale < 0 ? 0 : Math.max(0, own.scale)) : 14;
    }
    const window = segment.window << shift;
    if (window > peer.window) peer.window = window;
  }

  #acknowledge(peer: Direction, ack: number, acked: number): void {
    if (peer.learnsFrom(ack)) peer.learn(ack);
    peer.alternative = -1;
    peer.confirmed = true;
    if (acked > peer.acked) {
      peer.acked = acked;
      peer.stream.acknowledged = peer.ackedData;
    }
  }

  #afterAcknowledge(peer: Direction, acked: number): void {
    if (peer.synData !== null && acked > 0) this.#releaseSynData(peer, acked);
    this.#watchHole(peer);
  }

  #watchHole(direction: Direction): void {
    if (direction.holeUpTo >= 0 || this.#discarding) return;
    if (direction.ackedData <= direction.stream.next) return;
    direction.holeUpTo = direction.ackedData;
    direction.holeSince = this.#around.now;
    direction.holePacket = this.#packets;
    this.#around.watchHole(this, direction);
  }

  #payload(own: Direction, start: number, segment: Segment): void {
    if (own.synData !== null) this.#meetSynData(own, start, segment);
    const { bytes, end, missing } = segment;
    let from = segment.start;
    let at = start;
    if (at < 0) {
      // From before the first byte that we know of: midstream, or a probe.
      const before = Math.min(-at, end - from);
      this.#around.statistics.uncomparedBytes += before;
      from += before;
      at += before;
    }
    if (segment.fragmentConflict) {
      const span = { side: own.side, start: Math.max(0, at), end: at + end - from };
      const detail = 'IP fragments of this segment overlap with different bytes';
      this.emitter.ambiguity(span, 'ip-fragment-overlap', detail, [segment.packet]);
    }
    if (from < end) own.stream.accept(at, bytes, from, end, segment);
    const cut = at + end - from;
    const lost = cut < 0 ? missing + cut : missing;
    if (lost > 0) own.stream.accept(Math.max(0, cut), null, 0, lost, segment);
  }

  /** Urgent data (RFC 6093): some receivers take the byte out of the stream, and they differ in which one it is. */
  #urgent(own: Direction, start: number, segment: Segment): void {
    if (payloadLength(segment) === 0 && this.phase === 'attempt') return;
    const at = Math.max(0, start + segment.urgent - 1);
    if (own.urgent === at) return;
    own.urgent = at;
    const span = { side: own.side, start: at, end: at + 2 };
    const detail = 'urgent data: the receiver may read this byte apart from the stream';
    this.emitter.ambiguity(span, 'tcp-urgent-data', detail, [segment.packet]);
  }

  /**
   * Data came where a SYN had brought data that nobody acknowledged. Behind it, the sender knows that it was taken; at its
   * beginning, the sender sends it anew, and only other bytes than before make it ambiguous.
   */
  #meetSynData(own: Direction, start: number, segment: Segment): void {
    const held = own.synData;
    if (held === null) return;
    if (start > 0) {
      this.#releaseSynData(own, held.bytes.length);
      return;
    }
    const length = Math.min(held.bytes.length, start + segment.end - segment.start);
    const again = segment.bytes.subarray(segment.start - start, segment.start - start + length);
    if (length > 0 && Buffer.compare(held.bytes.subarray(0, length), again) !== 0) {
      const detail = 'the SYN brought other data than the segment after it';
      const packets = [held.packet, segment.packet];
      this.emitter.ambiguity({ side: own.side, start: 0, end: length }, 'tcp-data-in-syn', detail, packets);
    }
    own.synData = null;
    this.#around.waiting.add(-held.bytes.length);
  }

  #releaseSynData(own: Direction, most: number): void {
    const held = own.synData;
    if (held === null) return;
    own.synData = null;
    this.#around.waiting.add(-held.bytes.length);
    own.stream.accept(0, held.bytes, 0, Math.min(most, held.bytes.length), held);
  }

  #establish(segment: Segment, side: Side): void {
    if (this.phase !== 'attempt' || !this.orig.seen || !this.resp.seen) return;
    if (!this.orig.confirmed && !this.emitter.flow.midstream) return;
    this.phase = 'established';
    this.emitter.emitPacket(side, segment, { kind: 'connection-established' });
  }

  #checkFin(direction: Direction, segment: Segment | null): void {
    if (direction.fin < 0 || direction.ended || direction.stream.next < direction.fin) return;
    this.#endOf(direction, 'fin');
    if (this.orig.ended && this.resp.ended) this.finish('fin', segment, direction.side);
  }

  #settle(direction: Direction): void {
    const held = direction.synData;
    if (held !== null) {
      const span = { side: direction.side, start: 0, end: held.bytes.length };
      const detail = 'the SYN brought data that the receiver never acknowledged';
      this.emitter.ambiguity(span, 'tcp-data-in-syn', detail, [held.packet]);
      this.#releaseSynData(direction, held.bytes.length);
    }
    direction.holeUpTo = -1;
    direction.stream.flush();
    direction.stream.giveUp(Math.max(direction.ackedData, direction.fin));
  }

  #endOf(direction: Direction, how: StreamEnd): void {
    if (direction.ended) return;
    direction.ended = true;
    this.#reader?.end(direction.side, isWhole(direction) ? 'fin' : how);
  }

  #of(side: Side): Direction {
    return side === 'orig' ? this.orig : this.resp;
  }

  #takeCandidate(): readonly Candidate[] {
    const candidate = this.#candidate;
    this.#hold(null);
    return candidate === null ? [] : [candidate];
  }

  #hold(segment: Segment | null, side: Side = 'orig'): void {
    const { waiting } = this.#around;
    if (this.#candidate !== null) waiting.add(-this.#candidate.segment.bytes.length);
    this.#candidate = segment === null || waiting.over ? null : holdCandidate(segment, side);
    if (this.#candidate !== null) waiting.add(this.#candidate.segment.bytes.length);
  }

  #direction(side: Side): Direction {
    const { limits, waiting, recent } = this.#around;
    return new Direction(
      side,
      new Reassembly(new Sink(this, side, this.#around), limits.reassembly, waiting, recent),
    );
  }
}

/** All up to its FIN was delivered. */
function isWhole(direction: Direction): boolean {
  return direction.fin >= 0 && direction.stream.next >= direction.fin;
}
