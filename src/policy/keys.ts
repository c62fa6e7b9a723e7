// Reads the explicit keys by which a request claims its chain. Enters: a request; leaves: key names and values.
import type { AmqpEvent } from '../events/amqp.ts';
import type { HttpRequest } from '../events/http.ts';
import type { SqlStatementRequest } from '../events/sql.ts';
import type { KeyDeclaration } from './document.ts';
import { PROPERTY_NAMES } from './fact.ts';
import { propertyOf } from './match/amqp.ts';
import { headerValues } from './match/headers.ts';

/** Longest key that is remembered. */
const LONGEST = 256;

/** W3C Trace Context section 3.2: version, trace id, parent id, flags. */
const TRACEPARENT = /^[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}(?:-.*)?$/;

/** B3 single header (openzipkin/b3-propagation): trace id, span id, and what does not matter here. */
const B3_SINGLE = /^([0-9a-f]{16}(?:[0-9a-f]{16})?)-[0-9a-f]{16}(?:-[01d](?:-[0-9a-f]{16})?)?$/;

/** The keys of a request. One that stands there twice, or is malformed, is none: it is a claim, and names nothing. */
export function keysOf(
  declarations: readonly KeyDeclaration[],
  event: HttpRequest | AmqpEvent | SqlStatementRequest,
): ReadonlyMap<string, string> {
  let keys: Map<string, string> | undefined;
  const comment = event.kind === 'sql-statement' ? commentKeys(event.text) : null;
  for (const declaration of declarations) {
    const value =
      event.kind === 'http-request'
        ? inHttp(declaration, event)
        : event.kind === 'sql-statement'
          ? inComment(declaration, comment)
          : inAmqp(declaration, event);
    const key = value === null ? null : partOf(declaration, value);
    if (key === null) continue;
    keys ??= new Map<string, string>();
    if (!keys.has(declaration.key)) keys.set(declaration.key, key);
  }
  return keys ?? NO_KEYS;
}

const NO_KEYS: ReadonlyMap<string, string> = new Map();

function inHttp(declaration: KeyDeclaration, event: HttpRequest): string | null {
  if (declaration.in !== 'http-header') return null;
  const values = headerValues(event.headers, declaration.name);
  return values.length === 1 ? (values[0] ?? null) : null;
}

function inAmqp(declaration: KeyDeclaration, event: AmqpEvent): string | null {
  const properties = event.content?.properties;
  if (properties === undefined) return null;
  if (declaration.in === 'amqp-header') {
    const value = properties.headers?.get(declaration.name);
    return typeof value === 'string' ? value : null;
  }
  if (declaration.in !== 'amqp-property') return null;
  const name = PROPERTY_NAMES.find((each) => each === declaration.name);
  const value = name === undefined ? null : propertyOf(properties, name);
  return value === null ? null : String(value);
}

function inComment(declaration: KeyDeclaration, pairs: ReadonlyMap<string, string> | null): string | null {
  return declaration.in === 'sql-comment' ? (pairs?.get(declaration.name) ?? null) : null;
}

/** One pair of sqlcommenter: the name as it is, the value percent-encoded and in single quotes. */
const PAIR = /^([\w%.-]{1,128})='((?:[^'\\]|\\.){0,1024})'$/;

/** Longest comment that is read. */
const LONGEST_COMMENT = 4096;

/**
 * The pairs of a comment at the end of a statement, as sqlcommenter writes it
 * (https://google.github.io/sqlcommenter/spec/): `/*traceparent='00-...-01',route='%2Fpolls'*\/`. A name that stands there
 * twice names nothing. A text that only looks like a comment, say within a string, does no harm: it is a claim either way.
 */
function commentKeys(text: string | null): ReadonlyMap<string, string> | null {
  if (text === null) return null;
  let until = text.length;
  // No regular expression: on a long run of spaces one that looks for an end takes the square of its length.
  while (until > 0 && ' \t\r\n;'.includes(text[until - 1] ?? '-')) until--;
  if (!text.endsWith('*/', until)) return null;
  const start = text.lastIndexOf('/*', until);
  if (start < 0 || until - start > LONGEST_COMMENT) return null;
  const pairs = new Map<string, string>();
  const twice = new Set<string>();
  for (const part of text.slice(start + 2, until - 2).split(',')) {
    const pair = PAIR.exec(part.trim());
    const name = decoded(pair?.[1] ?? '');
    const value = decoded((pair?.[2] ?? '').replaceAll("\\'", "'"));
    if (pair === null || name === null || value === null) continue;
    if (pairs.has(name)) twice.add(name);
    pairs.set(name, value);
  }
  for (const name of twice) pairs.delete(name);
  return pairs;
}

function decoded(text: string): string | null {
  try {
    return decodeURIComponent(text);
  } catch {
    return null;
  }
}

function partOf(declaration: KeyDeclaration, value: string): string | null {
  if (value === '' || value.length > LONGEST) return null;
  switch (declaration.part) {
    case 'all':
      return value;
    case 'trace-id':
      return TRACEPARENT.exec(value.toLowerCase())?.[1] ?? null;
    case 'b3': {
      // Both forms of B3 name the same trace; ids of 64 bits are the lower half of those of 128 (b3-propagation).
      const id = value.toLowerCase();
      const single = B3_SINGLE.exec(id)?.[1] ?? (/^(?:[0-9a-f]{16}){1,2}$/.test(id) ? id : null);
      return single === null ? null : single.padStart(32, '0');
    }
  }
}
