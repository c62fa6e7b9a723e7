// Who opened the connection. Enters: the first segment seen; leaves: whether its sender is the originator, and if that is a guess.
import type { Endpoint, Side } from '../../flow.ts';
import { guessSender } from '../detect/content.ts';
import { ACK, type Segment, SYN } from '../segment.ts';
import type { Selector } from '../select.ts';

export interface Orientation {
  readonly sender: Side;
  readonly midstream: boolean;
}

/**
 * A SYN tells it, and so does a SYN+ACK: after that nothing of the streams is missing, so that the flow is not midstream.
 * Else, in this order: the side with a declared port is the responder; what the payload says; the side with a well-known
 * port; the side with the lower port.
 */
export function orient(segment: Segment, src: Endpoint, dst: Endpoint, selector: Selector): Orientation {
  if ((segment.flags & SYN) !== 0) {
    return { sender: (segment.flags & ACK) === 0 ? 'orig' : 'resp', midstream: false };
  }
  return { sender: guess(segment, src, dst, selector), midstream: true };
}

function guess(segment: Segment, src: Endpoint, dst: Endpoint, selector: Selector): Side {
  const atSrc = selector.expectation(src);
  const atDst = selector.expectation(dst);
  const srcDeclared = atSrc?.declared === true;
  if (srcDeclared !== (atDst?.declared === true)) return srcDeclared ? 'resp' : 'orig';
  const said = guessSender(segment.bytes.subarray(segment.start, segment.end));
  if (said !== null) return said;
  if ((atSrc === null) !== (atDst === null)) return atSrc === null ? 'orig' : 'resp';
  return segment.srcPort < segment.dstPort ? 'resp' : 'orig';
}
