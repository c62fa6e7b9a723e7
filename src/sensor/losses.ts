// What both sources say of what was not read, in the same words. Enters: how much, of which protocol; leaves: event drafts.
import type { Protocol } from '../events/common.ts';
import type { EventDraft } from '../events/event.ts';

/** `length` bytes of a stream will never come. */
export function gapOf(length: number, protocol: Protocol | null): EventDraft {
  const detail = `${length} ${length === 1 ? 'byte was' : 'bytes were'} not captured`;
  return { kind: 'analysis-lost', cause: 'gap', protocol, detail, lasting: false };
}

/** A flow was given up to hold memory bounded. */
export function evictionOf(protocol: Protocol | null): EventDraft {
  const detail = 'more flows than the limit allows: this one was given up';
  return { kind: 'analysis-lost', cause: 'evicted', protocol, detail, lasting: true };
}

/** For a time nobody looked at the flow. */
export function unseenOf(detail: string, protocol: Protocol | null): EventDraft {
  return { kind: 'analysis-lost', cause: 'unseen', protocol, detail, lasting: false };
}

/** More data came behind a FIN than is held, and the receiver, who did not take the FIN, read it. */
export function behindLimitOf(protocol: Protocol | null): EventDraft {
  const detail = 'the receiver went on to read behind a FIN: more than is held for that';
  return { kind: 'analysis-lost', cause: 'limit', protocol, detail, lasting: false };
}
