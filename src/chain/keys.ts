// The explicit keys that the requests of a chain brought. Enters: a request's keys, the request above it; leaves: which are new.
import type { KnownTexts, Reader, Writer } from './packing.ts';

/** A key and its value, as a list: most requests bring none, few more than one. */
export interface OwnKey {
  readonly key: string;
  readonly value: string;
  readonly next: OwnKey | null;
}

/** A place in a tree of requests that may have brought keys. */
export interface KeyHolder {
  readonly ownKeys: OwnKey | null;
  /** The request that this one serves; null for the user request. */
  readonly above: KeyHolder | null;
}

/**
 * How far above a new request the one is, nearest to the chain's beginning, from which it inherits one of these keys: it
 * names that request, and can be put nowhere else but below it. 1 is the one that it serves; 0 when it inherits none.
 */
export function namedBy(above: KeyHolder | null, keys: ReadonlyMap<string, string>): number {
  if (keys.size === 0) return 0;
  let found = 0;
  let depth = 0;
  const seen = new Set<string>();
  for (let at = above; at !== null; at = at.above) {
    depth++;
    for (let own = at.ownKeys; own !== null; own = own.next) {
      if (seen.has(own.key) || keys.get(own.key) !== own.value) continue;
      seen.add(own.key);
      found = depth;
    }
  }
  return found;
}

/**
 * The value of a key at a place: its own, or the one of the nearest request above. A key is inherited downwards and not
 * sideways, because a message id or a correlation id names one message of a chain and its neighbour has another.
 */
export function keyAt(holder: KeyHolder | null, key: string): string | undefined {
  for (let at = holder; at !== null; at = at.above) {
    for (let own = at.ownKeys; own !== null; own = own.next) if (own.key === key) return own.value;
  }
  return undefined;
}

/** True when a request with these keys cannot stand below this place: it, or one above, has one of them with another value. */
export function contradictsKeys(holder: KeyHolder, keys: ReadonlyMap<string, string>): boolean {
  for (const [key, value] of keys) {
    const known = keyAt(holder, key);
    if (known !== undefined && known !== value) return true;
  }
  return false;
}

/** True when this place has one of these keys with this very value. */
export function sharesKey(holder: KeyHolder, keys: ReadonlyMap<string, string>): boolean {
  for (const [key, value] of keys) if (keyAt(holder, key) === value) return true;
  return false;
}

export function countOf(keys: OwnKey | null): number {
  let count = 0;
  for (let own = keys; own !== null; own = own.next) count++;
  return count;
}

/** Writes them down; whoever reads them has to know how many there are. */
export function writeKeys(out: Writer, keys: OwnKey | null, known: KnownTexts): void {
  for (let own = keys; own !== null; own = own.next) {
    out.text(own.key, known);
    out.text(own.value);
  }
}

export function readKeys(input: Reader, count: number, known: KnownTexts): OwnKey | null {
  if (count === 0) return null;
  const key = input.text(known);
  const value = input.text();
  return { key, value, next: readKeys(input, count - 1, known) };
}
