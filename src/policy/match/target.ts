// Splits an HTTP request target the one way that every reader splits it. Enters: a target; leaves: segments, or why not.

/** A target in origin form (RFC 9112 section 3.2.1), decoded, or the reason why readers may disagree on it. */
export type Target =
  | {
      readonly kind: 'target';
      readonly segments: readonly string[];
      readonly query: ReadonlyMap<string, readonly string[]>;
    }
  | { readonly kind: 'refused'; readonly why: string };

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** A target of which nothing below can be said: segments that are written out, none of them empty or of dots, no query. */
const PLAIN = /^(?:\/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)+$/;

/**
 * Decodes percent-encoding once (RFC 3986 section 2.1). Refuses what servers are known to read differently: dot segments,
 * empty segments, encoded slashes, backslashes and NUL, path parameters, broken escapes, raw bytes outside ASCII.
 */
export function readTarget(target: string): Target {
  if (PLAIN.test(target)) return { kind: 'target', segments: target.slice(1).split('/'), query: NO_PAIRS };
  if (!target.startsWith('/')) return refused('it is not in origin form');
  if (!/^[!-~]*$/.test(target)) return refused('it has bytes outside printable ASCII');
  if (target.includes('#')) return refused('it has a fragment');
  if (target.includes('\\')) return refused('it has a backslash');
  const mark = target.indexOf('?');
  const path = mark < 0 ? target : target.slice(0, mark);
  const segments: string[] = [];
  for (const raw of path.slice(1).split('/')) {
    const segment = decode(raw);
    if (segment === null) return refused('a percent-encoding in its path is broken');
    if (segment === '.' || segment === '..') return refused('it has a dot segment');
    if (segment === '' && path !== '/') return refused('it has an empty path segment');
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these bytes are what is looked for
    if (/[/\\\u0000-\u001f\u007f]/.test(segment))
      return refused('it hides a slash or a control byte behind a percent-encoding');
    if (raw.includes(';')) return refused('it has path parameters');
    segments.push(segment);
  }
  const query = mark < 0 ? NO_PAIRS : readPairs(target.slice(mark + 1));
  if (query === null) return refused('its query has a semicolon or a broken percent-encoding');
  return { kind: 'target', segments, query };
}

const NO_PAIRS: ReadonlyMap<string, readonly string[]> = new Map();

/**
 * Pairs of application/x-www-form-urlencoded (WHATWG URL 5.1), strictly; null when an escape is broken, or when a bare
 * semicolon stands there, which older readers take for `&`.
 */
export function readPairs(text: string): ReadonlyMap<string, readonly string[]> | null {
  if (text.includes(';')) return null;
  const pairs = new Map<string, string[]>();
  for (const part of text.split('&')) {
    if (part === '') continue;
    const equals = part.indexOf('=');
    const name = decode((equals < 0 ? part : part.slice(0, equals)).replaceAll('+', ' '));
    const value = decode((equals < 0 ? '' : part.slice(equals + 1)).replaceAll('+', ' '));
    if (name === null || value === null) return null;
    const values = pairs.get(name);
    if (values === undefined) pairs.set(name, [value]);
    else values.push(value);
  }
  return pairs;
}

function refused(why: string): Target {
  return { kind: 'refused', why };
}

function decode(raw: string): string | null {
  if (!raw.includes('%')) return raw;
  const bytes: number[] = [];
  for (let i = 0; i < raw.length; i++) {
    if (raw[i] !== '%') {
      bytes.push(raw.charCodeAt(i));
      continue;
    }
    const hex = raw.slice(i + 1, i + 3);
    if (!/^[0-9a-fA-F]{2}$/.test(hex)) return null;
    bytes.push(Number.parseInt(hex, 16));
    i += 2;
  }
  try {
    return UTF8.decode(Uint8Array.from(bytes));
  } catch {
    return null;
  }
}
