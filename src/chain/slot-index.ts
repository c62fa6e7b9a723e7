// Finds the waiting slots that a request's facts fit, without looking at every open chain. Enters: slots; leaves: slots.
import { KindIndex, type Match } from './kind-index.ts';
import type { ChainRequest } from './request.ts';
import type { Slot } from './state.ts';
import { TextHash } from './text-hash.ts';

const NOTHING: readonly Match[] = [];

/** All waiting slots, by the kind of request that they wait for. */
export class SlotIndex {
  readonly #kinds = new Map<string, KindIndex>();
  readonly #hash = new TextHash();

  /** A place began to wait; its chain knows it as well. */
  add(slot: Slot): void {
    const { request, facts } = slot.plan;
    let kind = this.#kinds.get(request);
    if (kind === undefined) {
      kind = new KindIndex(facts, this.#hash);
      this.#kinds.set(request, kind);
    }
    kind.add(slot);
    slot.chain.link(slot);
  }

  /** A place no longer waits, if it did. */
  remove(slot: Slot): void {
    if (slot.number === null) return;
    slot.chain.unlink(slot);
    this.#kinds.get(slot.plan.request)?.remove(slot);
  }

  /** Waiting slots whose chain agrees with every fact of the request; those with the most settled facts first. */
  matching(request: Pick<ChainRequest, 'request' | 'facts'>): Iterable<Match> {
    return this.#kinds.get(request.request)?.matching(request) ?? NOTHING;
  }
}
