// String literals of MySQL. Enters: a text and where a quote opens; leaves: the decoded string and where it ends.
const ESCAPES: { readonly [char: string]: string } = {
  '0': '\0',
  b: '\b',
  n: '\n',
  r: '\r',
  t: '\t',
  Z: '\x1a',
  // These two keep their backslash, which LIKE then reads.
  '%': '\\%',
  _: '\\_',
};

/** Decodes a literal by the table "Special Character Escape Sequences" of the manual; null without an end. */
export function stringToken(
  text: string,
  open: number,
  quote: "'" | '"',
): { readonly text: string; readonly end: number } | null {
  const parts: string[] = [];
  let from = open + 1;
  let at = from;
  while (at < text.length) {
    const char = text[at];
    if (char === '\\') {
      const escaped = text[at + 1];
      if (escaped === undefined) return null;
      parts.push(text.slice(from, at), ESCAPES[escaped] ?? escaped);
      at += 2;
      from = at;
    } else if (char !== quote) {
      at += 1;
    } else if (text[at + 1] === quote) {
      parts.push(text.slice(from, at + 1));
      at += 2;
      from = at;
    } else {
      parts.push(text.slice(from, at));
      return { text: parts.join(''), end: at + 1 };
    }
  }
  return null;
}

const UNICODE = /^(?:utf8|utf8mb3|utf8mb4)$/;
const ASCII_COMPATIBLE = /^(?:ascii|latin1|binary)$/;

/** True when the introducer leaves the characters what they are. */
export function asciiCompatible(charset: string, text: string): boolean {
  if (UNICODE.test(charset)) return true;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the range is what ASCII is
  return ASCII_COMPATIBLE.test(charset) && /^[\x00-\x7f]*$/.test(text);
}
