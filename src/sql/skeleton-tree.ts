// What is kept for plain texts of one skeleton, found in one pass over a text. Enters: skeletons with a value, texts; leaves: the value and the literals.
import type { SqlValue } from '../events/sql.ts';
import { type CacheCounts, CacheTally } from './cache.ts';
import { asciiOf, isMark, literalEnd, literalOf, markOf } from './skeleton.ts';

/** A stretch of a skeleton that all below it share. No two children begin alike. */
interface Node<V> {
  edge: Uint8Array;
  children: Node<V>[];
  entry: { readonly value: V } | null;
}

export interface Found<V> {
  readonly value: V;
  /** The literals, in the order of the text. */
  readonly slots: readonly SqlValue[];
}

/**
 * A radix tree over the keys of skeletons (skeleton.ts). A walk takes a character of the text where the key has the same one, and a
 * plain literal where it has the mark of its kind, so that a text ends at an entry exactly when its skeleton has the key of
 * that entry: cutting the text makes the same choices, since they depend on the characters before and on the literals.
 *
 * Peers choose the texts, so the weights are bounded: a tree that would exceed its capacity is emptied. Filling it again
 * costs one parse for each skeleton in use, which is little beside the parses that filled it.
 */
export class SkeletonTree<V> {
  readonly #capacity: number;
  #root: Node<V> = { edge: new Uint8Array(), children: [], entry: null };
  readonly #tally = new CacheTally();

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /** Linear in the text and the number of entries. */
  find(text: string): Found<V> | null {
    const found = this.#walk(text);
    if (found === null) this.#tally.misses += 1;
    else this.#tally.hits += 1;
    return found;
  }

  #walk(text: string): Found<V> | null {
    const bytes = asciiOf(text);
    if (bytes === null) return null;
    const slots: SqlValue[] = [];
    let node: Node<V> | undefined = this.#root;
    let at = 0;
    while (node !== undefined) {
      const { edge } = node;
      for (let i = 0; i < edge.length; i++) {
        const wanted = edge[i] ?? 0;
        if (isMark(wanted)) {
          const end = literalEnd(bytes, at, wanted);
          if (end < 0) return null;
          slots.push(literalOf(text, at, end, wanted));
          at = end;
        } else if (bytes[at] === wanted) at++;
        else return null;
      }
      if (at === text.length) return node.entry === null ? null : { value: node.entry.value, slots };
      node = childFor(node, markOf(bytes, at) || (bytes[at] ?? 0));
    }
    return null;
  }

  /** Keeps a value for the texts of a skeleton; `key` is one that `cutPlain` gave. What it has is not replaced. */
  set(key: string, value: V, weight: number): void {
    if (weight > this.#capacity / 8) return;
    if (this.#tally.weight + weight > this.#capacity) this.#clear();
    const entry = placeFor(this.#root, Buffer.from(key, 'latin1'));
    if (entry.entry !== null) return;
    entry.entry = { value };
    this.#tally.entries += 1;
    this.#tally.weight += weight;
  }

  counts(): CacheCounts {
    return { ...this.#tally };
  }

  #clear(): void {
    this.#tally.evicted += this.#tally.entries;
    this.#root = { edge: new Uint8Array(), children: [], entry: null };
    this.#tally.entries = 0;
    this.#tally.weight = 0;
  }
}

function childFor<V>({ children }: Node<V>, first: number): Node<V> | undefined {
  for (let i = 0; i < children.length; i++) if (children[i]?.edge[0] === first) return children[i];
  return undefined;
}

/** The node at the end of the key, made where it is missing. */
function placeFor<V>(root: Node<V>, key: Uint8Array): Node<V> {
  let node = root;
  let at = 0;
  while (at < key.length) {
    const child = childFor(node, key[at] ?? 0);
    if (child === undefined) {
      const leaf: Node<V> = { edge: Uint8Array.from(key.subarray(at)), children: [], entry: null };
      node.children.push(leaf);
      return leaf;
    }
    let shared = 1;
    while (shared < child.edge.length && child.edge[shared] === key[at + shared]) shared++;
    if (shared < child.edge.length) split(child, shared);
    node = child;
    at += shared;
  }
  return node;
}

/** Parts an edge in two; what hung below it hangs below the second part. */
function split<V>(node: Node<V>, at: number): void {
  const { edge, children, entry } = node;
  node.children = [{ edge: edge.slice(at), children, entry }];
  node.edge = edge.slice(0, at);
  node.entry = null;
}
