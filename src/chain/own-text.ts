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
