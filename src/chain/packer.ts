// Which of very many open chains are packed, and when. Enters: chains; leaves: nothing, some of them take less room.
import type { ChainState, Sleepers } from './chain-state.ts';
import { Shelf } from './packing.ts';
import { Queue } from './queue.ts';

/**
 * Up to so many open chains none is packed where nobody says otherwise: as many as a policy allows where it says nothing
 * else. To pack a chain and to make it anew costs about as much as an event.
 */
export const UNPACKED = 100_000;
/**
 * For each chain more, one more is packed, until so many are left as they are: those that were asked for last. With more of
 * them, the collector would take them for old.
 */
const AWAKE = 1024;
/** Chains that are packed at once; only one or two are unpacked for an event. */
const PACKED_AT_ONCE = 8;

/** Ended chains that are still listed, beside as many as are open: to look through the list costs a little for each. */
const MOST_ENDED = 1000;

/** Packs chains that nothing happens to: a million may be open, and few of them have something to do at a time. */
export class Packer implements Sleepers {
  readonly shelf = new Shelf();
  /** Chains that may be packed, those first that were asked for longest ago. */
  readonly #awake = new Queue<ChainState>();
  readonly #unpacked: number;
  #packed = 0;
  #marks = 0;

  /** @param unpacked open chains up to which none is packed */
  constructor(unpacked: number) {
    this.#unpacked = unpacked;
  }

  get packed(): number {
    return this.#packed;
  }

  /** Chains that are listed for being packed. */
  get listed(): number {
    return this.#awake.size;
  }

  /** A chain was opened, or has to wait for nothing more before it can be packed. */
  add(chain: ChainState): void {
    if (chain.listed) return;
    chain.listed = true;
    this.#awake.add(chain);
  }

  woke(chain: ChainState): void {
    this.#packed--;
    this.add(chain);
  }

  nextMark(): number {
    return ++this.#marks;
  }

  /** Packs some chains where that many are open. Whoever had a request of one in hands has to ask the chain for it anew. */
  pack(open: number): void {
    this.#forget(open);
    const unpacked = this.#unpacked;
    if (open <= unpacked) return;
    const fewest = Math.min(AWAKE, unpacked);
    const awake = Math.max(fewest, 2 * unpacked - open);
    for (let left = PACKED_AT_ONCE; left > 0; left--) {
      if (open - this.#packed <= awake || this.#awake.size <= fewest) break;
      this.#try();
    }
  }

  /** Chains that have ended stay listed until there are more of them than of open ones. */
  #forget(open: number): void {
    if (this.listed <= 2 * open + MOST_ENDED) return;
    this.#awake.keep(({ ended }) => ended === null);
  }

  /** One that cannot be packed yet is listed again as soon as it can. */
  #try(): void {
    const chain = this.#awake.take();
    if (chain === undefined) return;
    chain.listed = false;
    if (chain.ended === null && chain.rest()) this.#packed++;
  }
}
