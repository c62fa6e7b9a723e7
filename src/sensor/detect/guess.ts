// What the first bytes of a side say about its protocol. Enters: nothing; leaves: the types of the answers.
import type { Protocol } from '../../events/common.ts';
import type { LostCause } from '../../events/lost.ts';

/** `more`: it may be, more bytes will tell. */
export type Guess = 'yes' | 'no' | 'more';

/** What the bytes of one side look like. */
export type Finding =
  | { readonly kind: 'protocol'; readonly protocol: Protocol }
  /** Positively something that we do not parse. `cause` is null where it has none of its own. */
  | {
      readonly kind: 'foreign';
      readonly cause: Extract<LostCause, 'tls' | 'http2'> | null;
      readonly name: string;
    }
  | { readonly kind: 'more' }
  | { readonly kind: 'none' };

/** True when `bytes` begin with `text` (Latin-1), or might, as far as they go. */
export function startsWith(bytes: Uint8Array, text: string): Guess {
  const length = Math.min(bytes.length, text.length);
  for (let at = 0; at < length; at += 1) {
    if (bytes[at] !== text.charCodeAt(at)) return 'no';
  }
  return length === text.length ? 'yes' : 'more';
}
