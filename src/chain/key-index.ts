// Finds the chains that explicit keys name. Enters: chains with the keys of their requests; leaves: chains.
import type { ChainState } from './state.ts';

/** The chains that have a key with one value: nearly always a single one, which then needs no set of its own. */
type Holders = ChainState | Map<ChainState, number>;

/** Chains that one key may name before the facts are asked first. */
const MOST_NAMED = 64;

export class KeyIndex {
  readonly #keys = new Map<string, Map<string, Holders>>();

  /** A request of this chain brought this key. Said twice it has to be taken back twice. */
  add(chain: ChainState, key: string, value: string): void {
    let values = this.#keys.get(key);
    if (values === undefined) {
      values = new Map();
      this.#keys.set(key, values);
    }
    const holders = values.get(value);
    if (holders === undefined) values.set(value, chain);
    else if (holders instanceof Map) holders.set(chain, (holders.get(chain) ?? 0) + 1);
    else if (holders === chain) values.set(value, new Map([[chain, 2]]));
    else
      values.set(
        value,
        new Map([
          [holders, 1],
          [chain, 1],
        ]),
      );
  }

  remove(chain: ChainState, key: string, value: string): void {
    const values = this.#keys.get(key);
    const holders = values?.get(value);
    if (values === undefined || holders === undefined) return;
    if (holders instanceof Map) {
      const left = (holders.get(chain) ?? 1) - 1;
      if (left > 0) holders.set(chain, left);
      else holders.delete(chain);
      if (holders.size === 0) values.delete(value);
    } else if (holders === chain) values.delete(value);
  }

  /**
   * The chains that these keys name, all of them agreeing; null when no open chain has any of them. `many` when a key
   * is shared by more chains than are worth listing: whoever sends requests chooses their trace ids.
   */
  named(keys: ReadonlyMap<string, string>): readonly ChainState[] | 'many' | null {
    let named: readonly ChainState[] | null = null;
    for (const [key, value] of keys) {
      const holders = this.#keys.get(key)?.get(value);
      if (holders === undefined) continue;
      if (holders instanceof Map) {
        if (holders.size > MOST_NAMED) return 'many';
        named = named === null ? [...holders.keys()] : named.filter((chain) => holders.has(chain));
      } else named = named === null || named.includes(holders) ? [holders] : [];
    }
    return named;
  }
}
