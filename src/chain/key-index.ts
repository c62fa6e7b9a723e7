// Finds the chains that explicit keys name. Enters: chains with their keys; leaves: chains.
import type { ChainState } from './state.ts';

export class KeyIndex {
  readonly #holders = new Map<string, Set<ChainState>>();

  /** Gives a chain the keys that it does not have yet; the first value of a key stays. */
  bind(chain: ChainState, keys: ReadonlyMap<string, string>): void {
    for (const [key, value] of keys) {
      if (chain.keys.has(key)) continue;
      chain.keys.set(key, value);
      const holders = this.#holders.get(nameOf(key, value));
      if (holders === undefined) this.#holders.set(nameOf(key, value), new Set([chain]));
      else holders.add(chain);
    }
  }

  release(chain: ChainState): void {
    for (const [key, value] of chain.keys) {
      const holders = this.#holders.get(nameOf(key, value));
      holders?.delete(chain);
      if (holders?.size === 0) this.#holders.delete(nameOf(key, value));
    }
  }

  /**
   * The chains that these keys name, all of them agreeing; null when no open chain has any of them. `many` when a key
   * is shared by more chains than are worth listing: whoever sends requests chooses their trace ids.
   */
  named(keys: ReadonlyMap<string, string>): readonly ChainState[] | 'many' | null {
    let named: ChainState[] | null = null;
    for (const [key, value] of keys) {
      const holders = this.#holders.get(nameOf(key, value));
      if (holders === undefined) continue;
      if (holders.size > MOST_NAMED) return 'many';
      named = (named ?? [...holders]).filter((chain) => holders.has(chain));
    }
    return named?.filter((chain) => !contradictsKeys(chain, keys)) ?? null;
  }
}

/** Chains that one key may name before the facts are asked first. */
const MOST_NAMED = 64;

/** Key names come from the policy and hold no line end, so two pairs never make the same name. */
function nameOf(key: string, value: string): string {
  return `${key}\n${value}`;
}

/** True when the chain has one of these keys with another value. */
export function contradictsKeys(chain: ChainState, keys: ReadonlyMap<string, string>): boolean {
  for (const [key, value] of keys) {
    const own = chain.keys.get(key);
    if (own !== undefined && own !== value) return true;
  }
  return false;
}

/** True when the chain has one of these keys with this very value. */
export function sharesKey(chain: ChainState, keys: ReadonlyMap<string, string>): boolean {
  for (const [key, value] of keys) if (chain.keys.get(key) === value) return true;
  return false;
}
