// Texts that are kept for long. Enters: a text that may be a piece of a large one; leaves: an equal one of its own.

/** V8 copies a piece that is shorter than this instead of referring to the whole (`SlicedString::kMinLength`). */
const SHORT = 13;
// biome-ignore lint/suspicious/noControlCharactersInRegex: every text of single bytes is what is looked for
const SINGLE_BYTES = /^[\u0000-\u00ff]*$/;

/**
 * A copy that does not keep alive what it was cut from: V8 makes a substring refer to its parent, so a trace id of 32
 * bytes would hold a whole message for as long as its chain is open.
 */
export function ownText(text: string): string {
  if (text.length < SHORT) return text;
  const encoding = SINGLE_BYTES.test(text) ? 'latin1' : 'utf16le';
  return Buffer.from(text, encoding).toString(encoding);
}

/** Texts that are shared at once: few enough to be bounded, many more than one policy has statements. */
const SHARED = 1024;
/** Characters that tell texts apart; two that differ only later are not remembered both. */
const LOOKED_AT = 80;
const shared: string[] = new Array<string>(SHARED).fill('');

/**
 * Like `ownText`, for a text that often comes again, such as a statement with its values left out: equal ones are one. Which
 * are remembered does not matter to anybody, so that whoever sends many others only makes us keep copies.
 */
export function sharedText(text: string): string {
  let hash = text.length;
  for (let at = 0; at < text.length && at < LOOKED_AT; at++)
    hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  const place = (hash ^ (hash >>> 15)) & (SHARED - 1);
  const known = shared[place] as string;
  if (known === text) return known;
  const own = ownText(text);
  shared[place] = own;
  return own;
}
