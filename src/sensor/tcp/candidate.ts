// A segment that does not fit its connection, kept in case that another connection took the port pair. Enters: a segment; leaves: a copy.
import type { Side } from '../../flow.ts';
import { ACK, FIN, Segment, SYN } from '../segment.ts';

export interface Candidate {
  readonly segment: Segment;
  readonly side: Side;
  /** The sequence number after it. */
  readonly end: number;
}

/** Copies the segment with its payload. */
export function holdCandidate(segment: Segment, side: Side): Candidate {
  const copy = Object.assign(new Segment(), segment);
  copy.bytes = segment.bytes.slice(segment.start, segment.end);
  copy.start = 0;
  copy.end = copy.bytes.length;
  return { segment: copy, side, end: endOf(segment) };
}

/** The sequence number after a segment: SYN and FIN take one each. */
function endOf(segment: Segment): number {
  const flags = ((segment.flags & SYN) === 0 ? 0 : 1) + ((segment.flags & FIN) === 0 ? 0 : 1);
  return (segment.seq + payloadLength(segment) + flags) >>> 0;
}

/** TCP payload in bytes, with what the snap length cut. */
export function payloadLength(segment: Segment): number {
  return segment.end - segment.start + segment.missing;
}

/** True when the segment goes on exactly where the candidate, of the other side, left off: these two talk to each other. */
export function agrees(candidate: Candidate, segment: Segment, side: Side): boolean {
  const both = candidate.segment.flags & segment.flags & ACK;
  return (
    candidate.side !== side &&
    both !== 0 &&
    segment.ack === candidate.end &&
    segment.seq === candidate.segment.ack
  );
}

/** True when `segment`, a SYN+ACK, answers the candidate, a SYN of the other side, with or without the data in it. */
export function answersSyn(candidate: Candidate, segment: Segment, side: Side): boolean {
  if (candidate.side === side || (candidate.segment.flags & (SYN | ACK)) !== SYN) return false;
  const taken = (segment.ack - candidate.segment.seq - 1) | 0;
  return taken >= 0 && taken <= payloadLength(candidate.segment);
}
