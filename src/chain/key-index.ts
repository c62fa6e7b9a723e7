// Finds the chains that explicit keys name. Enters: chains with the keys of their requests; leaves: chains.
import type { ChainState } from './chain-state.ts';
import { NumberTable } from './number-table.ts';
import { Numbered } from './numbered.ts';
import { TextHash } from './text-hash.ts';

/** The chains that have a key with one value: nearly always a single one, which then needs no set of its own. */
type Holders = ChainState | Map<ChainState, number>;

/** Chains that one key may name before the facts are asked first. */
const MOST_NAMED = 64;

/** Values are known by their hashes only: each chain has its own in full, and is asked. */
export class KeyIndex {
  /** Which of the holders each key with its value has. */
  readonly #named = new NumberTable();
  readonly #holders = new Numbered<Holders>();
  readonly #hash = new TextHash();

  /** A request of this chain brought this key. Said twice it has to be taken back twice. */
  add(chain: ChainState, key: string, value: string): void {
    const name = this.#nameOf(key, value);
    const at = this.#named.get(name);
    if (at === undefined) {
      this.#named.set(name, this.#holders.add(chain));
      return;
    }
    const holders = this.#holders.get(at);
    if (holders instanceof Map) holders.set(chain, (holders.get(chain) ?? 0) + 1);
    else if (holders === chain) this.#holders.replace(at, new Map([[chain, 2]]));
    else
      this.#holders.replace(
        at,
        new Map([
          [holders as ChainState, 1],
          [chain, 1],
        ]),
      );
  }

  remove(chain: ChainState, key: string, value: string): void {
    const name = this.#nameOf(key, value);
    const at = this.#named.get(name);
    if (at === undefined) return;
    const holders = this.#holders.get(at);
    if (holders instanceof Map) {
      const left = (holders.get(chain) ?? 1) - 1;
      if (left > 0) holders.set(chain, left);
      else holders.delete(chain);
      if (holders.size > 0) return;
    } else if (holders !== chain) return;
    this.#holders.remove(at);
    this.#named.delete(name);
  }

  /**
   * The chains that these keys name, all of them agreeing; null when no open chain has any of them. `many` when a key
   * is shared by more chains than are worth listing: whoever sends requests chooses their trace ids.
   */
  named(keys: ReadonlyMap<string, string>): readonly ChainState[] | 'many' | null {
    let named: readonly ChainState[] | null = null;
    for (const [key, value] of keys) {
      const at = this.#named.get(this.#nameOf(key, value));
      if (at === undefined) continue;
      const holders = this.#holders.get(at) as Holders;
      if (holders instanceof Map && holders.size > MOST_NAMED) return 'many';
      const having = holders instanceof Map ? [...holders.keys()] : [holders];
      named = both(
        named,
        having.filter((chain) => chain.hasKey(key, value)),
      );
    }
    return named;
  }

  #nameOf(key: string, value: string): number {
    return this.#hash.end(this.#hash.add(this.#hash.add(this.#hash.begin(0), key), value));
  }
}

/** The chains that are in both lists; a key that no chain has says nothing. */
function both(named: readonly ChainState[] | null, having: readonly ChainState[]): typeof named {
  if (having.length === 0) return named;
  return named === null ? having : named.filter((chain) => having.includes(chain));
}
