// How many values a MySQL text wants. Enters: text; leaves: the number of placeholders, where it is beyond doubt.

/**
 * Counts `?` outside of quotes. Null where that depends on the server's mode or version (a backslash, a double quote, a
 * comment, which may be executable), because then the number could be another one.
 */
export function countPlaceholders(text: string): number | null {
  let count = 0;
  let quote = '';
  for (let at = 0; at < text.length; at += 1) {
    const char = text.charAt(at);
    if (char === '\\' || char === '"' || char === '#') return null;
    if ((char === '/' && text.charAt(at + 1) === '*') || (char === '-' && text.charAt(at + 1) === '-'))
      return null;
    // A doubled quote ends and begins again, which comes to the same.
    if (quote !== '') quote = char === quote ? '' : quote;
    else if (char === "'" || char === '`') quote = char;
    else if (char === '?') count += 1;
  }
  return quote === '' ? count : null;
}
