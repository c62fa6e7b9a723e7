// Reads one value out of a JSON body that an attacker may have written. Enters: bytes, a pointer; leaves: a text, or why not.
import { isLosslessNumber, parse } from 'lossless-json';
import type { JsonType } from './fact.ts';
import { aliasOf, foldText } from './names.ts';

/** A parsed body, or why there is none. */
export type JsonReading =
  | { readonly kind: 'json'; readonly value: unknown }
  | { readonly kind: 'unreadable'; readonly why: string };

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * Parses strictly (RFC 8259). Numbers keep their digits. An object that has a key twice is not read at all: parsers
 * disagree on which one counts, so the service may have read the other (RFC 8259 section 4).
 */
export function readJson(bytes: Uint8Array): JsonReading {
  try {
    const text = UTF8.decode(bytes);
    return { kind: 'json', value: parse(text, null, { onDuplicateKey: refuseDuplicate }) };
  } catch (error) {
    // lossless-json throws SyntaxError; deep nesting overflows the stack (RangeError); bad UTF-8 is a TypeError.
    const why =
      error instanceof SyntaxError
        ? error.message
        : error instanceof RangeError
          ? 'nested too deep'
          : 'not UTF-8';
    return { kind: 'unreadable', why: why.slice(0, 120) };
  }
}

function refuseDuplicate({ key }: { key: string }): never {
  throw new SyntaxError(`key "${key.slice(0, 40)}" occurs twice`);
}

/** A value that is no object, list or null. A number keeps its digits. */
export interface Scalar {
  readonly type: JsonType;
  readonly text: string;
}

/** The scalar at an RFC 6901 pointer; null when nothing or no scalar is there. */
export function scalarAt(value: unknown, pointer: string): Scalar | null {
  let at = value;
  for (const key of keysOf(pointer)) at = inside(at, key);
  return scalarOf(at);
}

/**
 * The scalars at a pointer in which `*` stands for every element of a list. `absent`: there is no such list. `unclear`: an
 * element has no scalar there, or there are more than `most`.
 */
export function scalarsAt(
  value: unknown,
  pointer: string,
  most: number,
): readonly Scalar[] | 'absent' | 'unclear' {
  let here: readonly unknown[] = [value];
  for (const key of keysOf(pointer)) {
    const next: unknown[] = [];
    for (const at of here) {
      if (key !== '*') next.push(inside(at, key));
      else if (at === undefined) return 'absent';
      else if (!Array.isArray(at)) return 'unclear';
      else if (next.length + at.length > most) return 'unclear';
      else next.push(...(at as readonly unknown[]));
    }
    here = next;
  }
  const scalars = here.map(scalarOf);
  return scalars.every((scalar) => scalar !== null) ? scalars : 'unclear';
}

/**
 * Why readers may find another value at a pointer than we do, or none that is one value; null when they cannot. Go and .NET
 * compare keys without case, and the last one counts; others cut keys at NUL or drop lone surrogates.
 */
export function doubtAt(value: unknown, pointer: string, all: boolean): string | null {
  let here: readonly unknown[] = [value];
  for (const key of keysOf(pointer)) {
    const next: unknown[] = [];
    for (const at of here) {
      if (all && key === '*' && Array.isArray(at)) {
        next.push(...(at as readonly unknown[]));
        continue;
      }
      if (isObject(at) && !Array.isArray(at) && aliasOf(Object.keys(at), key, foldText) !== null)
        return `readers may take another key for "${key}"`;
      next.push(inside(at, key));
    }
    here = next;
  }
  return here.some(isObject) ? 'it is no single value' : null;
}

function isObject(at: unknown): at is object {
  return typeof at === 'object' && at !== null && !isLosslessNumber(at);
}

function keysOf(pointer: string): readonly string[] {
  const keys = pointer === '' ? [] : pointer.split('/').slice(1);
  return keys.map((key) => key.replaceAll('~1', '/').replaceAll('~0', '~'));
}

function inside(at: unknown, key: string): unknown {
  if (Array.isArray(at)) return /^(0|[1-9]\d{0,8})$/.test(key) ? at[Number(key)] : undefined;
  if (typeof at !== 'object' || at === null || !Object.hasOwn(at, key)) return undefined;
  return (at as Record<string, unknown>)[key];
}

function scalarOf(at: unknown): Scalar | null {
  if (typeof at === 'string') return { type: 'string', text: at };
  if (typeof at === 'boolean') return { type: 'boolean', text: String(at) };
  return isLosslessNumber(at) ? { type: 'number', text: at.value } : null;
}
