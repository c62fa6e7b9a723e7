// A list in order of last use. Enters: nodes; leaves: the least recently used one, all in constant time.

/** What a list links; a node is in one list at a time. */
export interface LruNode<T> {
  older: T | null;
  newer: T | null;
}

export class LruList<T extends LruNode<T>> {
  #oldest: T | null = null;
  #newest: T | null = null;

  get oldest(): T | null {
    return this.#oldest;
  }

  /** Appends a node that is in no list. */
  add(node: T): void {
    node.older = this.#newest;
    node.newer = null;
    if (this.#newest === null) this.#oldest = node;
    else this.#newest.newer = node;
    this.#newest = node;
  }

  /** Takes a node of this list out. */
  remove(node: T): void {
    if (node.older === null) this.#oldest = node.newer;
    else node.older.newer = node.newer;
    if (node.newer === null) this.#newest = node.older;
    else node.newer.older = node.older;
    node.older = null;
    node.newer = null;
  }

  /** Makes a node of this list the most recently used. */
  touch(node: T): void {
    if (node === this.#newest) return;
    this.remove(node);
    this.add(node);
  }
}
