// What a side's first bytes look like, over all protocols. Enters: bytes; leaves: one finding.
import type { Protocol } from '../../events/common.ts';
import { looksLikeAmqpFrame, looksLikeAmqpHeader } from './amqp.ts';
import { findForeign } from './foreign.ts';
import type { Finding, Guess } from './guess.ts';
import { looksLikeRequest, looksLikeResponse } from './http.ts';
import { looksLikeCommand, looksLikeGreeting } from './mysql.ts';
import { looksLikeMessages, looksLikeStartup } from './postgres.ts';

export interface Circumstances {
  readonly side: 'orig' | 'resp';
  /** The bytes need not be the first of the stream, but they begin a segment. */
  readonly midstream: boolean;
  /** What the port is known to speak, if anything. */
  readonly expected: Protocol | null;
}

/**
 * Judges bytes by their content alone; `expected` only decides what is let through with a doubtful first line, and is waited
 * for while it is possible.
 */
export function findContent(bytes: Uint8Array, circumstances: Circumstances): Finding {
  const { side, midstream, expected } = circumstances;
  if (bytes.length === 0) return { kind: 'more' };
  const foreign = findForeign(bytes, side, midstream);
  if (foreign.kind === 'foreign') return foreign;
  const guesses: readonly (readonly [Protocol, Guess])[] =
    side === 'orig'
      ? [
          ['amqp', looksLikeAmqpHeader(bytes)],
          ['postgres', looksLikeStartup(bytes)],
          ['http', looksLikeRequest(bytes, expected === 'http')],
          ...(midstream ? midstreamRequests(bytes) : []),
        ]
      : [
          ['http', looksLikeResponse(bytes)],
          ['mysql', looksLikeGreeting(bytes)],
          ['amqp', looksLikeAmqpFrame(bytes)],
          // Short strings could be the server's answer to an SSLRequest; only whole messages count.
          ['postgres', looksLikeMessages(bytes, 'resp')],
        ];
  const sure = guesses.find(([, guess]) => guess === 'yes');
  // A beginning can be whole in one protocol and go on in another (a MySQL greeting of 82 bytes in single bytes).
  const own = guesses.find(([protocol]) => protocol === expected)?.[1];
  if (sure !== undefined && own !== 'more') return { kind: 'protocol', protocol: sure[0] };
  return foreign.kind === 'more' || guesses.some(([, guess]) => guess === 'more')
    ? { kind: 'more' }
    : { kind: 'none' };
}

function midstreamRequests(bytes: Uint8Array): readonly (readonly [Protocol, Guess])[] {
  return [
    ['amqp', looksLikeAmqpFrame(bytes)],
    ['postgres', looksLikeMessages(bytes, 'orig')],
    ['mysql', looksLikeCommand(bytes) ? 'yes' : 'no'],
  ];
}

/** Which side a packet's sender is, going by what it says: for flows whose SYN was not seen. Null when it does not tell. */
export function guessSender(payload: Uint8Array): 'orig' | 'resp' | null {
  if (payload.length === 0) return null;
  if (looksLikeResponse(payload) === 'yes' || looksLikeGreeting(payload) === 'yes') return 'resp';
  if (looksLikeRequest(payload, false) === 'yes' || looksLikeAmqpHeader(payload) === 'yes') return 'orig';
  if (looksLikeStartup(payload) === 'yes' || looksLikeCommand(payload)) return 'orig';
  return null;
}
