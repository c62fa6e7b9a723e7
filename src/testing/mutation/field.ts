// A value somewhere in an event, which can be changed. Enters: nothing; leaves: types and the shared parts.
import { isLosslessNumber, LosslessNumber, parse, stringify } from 'lossless-json';
import type { Body } from '../../events/common.ts';
import type { FlowEvent } from '../../events/event.ts';

export interface Field {
  /** For a person: `body /amount`, `path 2`, `header x-user`, `value 1`. */
  readonly name: string;
  readonly value: string;
  /** The same event with another value there. */
  write(value: string): FlowEvent;
}

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** A body's text; null when it is no whole UTF-8 text. */
export function textOf(body: Body): string | null {
  if (body.state !== 'complete') return null;
  try {
    return UTF8.decode(body.bytes);
  } catch {
    return null;
  }
}

export function bodyOfText(text: string): Body {
  const bytes = new TextEncoder().encode(text);
  return { state: 'complete', bytes, length: bytes.length };
}

/** A scalar of a JSON text, by its JSON pointer (RFC 6901), with the text in which it is another one. */
export interface JsonField {
  readonly pointer: string;
  readonly value: string;
  write(value: string): string;
}

/** Scalars of one JSON text; a deeper or longer one is cut. */
const MOST_SCALARS = 200;
const DEEPEST = 20;

/** The scalars of a JSON text that are neither null nor a key; none when it is no JSON. All others keep their digits. */
export function jsonFields(text: string): readonly JsonField[] {
  let root: unknown;
  try {
    root = parse(text);
  } catch {
    return [];
  }
  const fields: JsonField[] = [];
  const visit = (at: unknown, path: readonly string[]): void => {
    if (fields.length >= MOST_SCALARS || path.length > DEEPEST || at === null) return;
    if (typeof at === 'object' && !isLosslessNumber(at)) {
      for (const [key, inner] of Object.entries(at)) visit(inner, [...path, key]);
      return;
    }
    const pointer = path.map((key) => `/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
    fields.push({
      pointer,
      value: String(at),
      write: (value) => stringify(put(root, path, retyped(at, value))) ?? text,
    });
  };
  visit(root, []);
  return fields;
}

/** A number stays one where the new value is one. */
function retyped(before: unknown, value: string): unknown {
  if (isLosslessNumber(before) && /^-?(?:0|[1-9]\d*)(?:\.\d+)?$/.test(value))
    return new LosslessNumber(value);
  if (typeof before === 'boolean' && (value === 'true' || value === 'false')) return value === 'true';
  return value;
}

function put(at: unknown, [key, ...rest]: readonly string[], value: unknown): unknown {
  if (key === undefined) return value;
  if (Array.isArray(at)) return at.map((inner, i) => (String(i) === key ? put(inner, rest, value) : inner));
  if (typeof at !== 'object' || at === null || isLosslessNumber(at)) return at;
  return Object.fromEntries(
    Object.entries(at).map(([name, inner]) => [name, name === key ? put(inner, rest, value) : inner]),
  );
}
