// Whether some open rental explains a forged request, by what really happened. Enters: rentals under way, a forgery; leaves: those that explain it.
import type { Micros } from '../../src/flow.ts';
import type { Point, Rental, Said } from './rental.ts';
import { PRICES } from './stock.ts';

/** What a forged request says; `point` is the request that it pretends to be. */
export interface Forgery {
  readonly point: Point;
  readonly said: Pick<Said, 'user' | 'dvd' | 'contract' | 'amount' | 'trace'>;
  readonly at: Micros;
}

/**
 * Microseconds around a forgery within which a place may have been free: an unexplained request waits for the reorder window
 * (10 ms), and clocks may differ by 5 ms. So it errs towards "explained" by that much.
 */
const WINDOW = 15_000;
/** Ended rentals are kept for so long. */
const KEPT = 2_000_000;

/**
 * It knows the generator's own rentals, and nothing of the engine. It knows the rules of the policy only as a reader of it
 * would: a charge needs an open rental of that user at that price whose look-up is done and which is not charged yet; a debit
 * needs such a charge under way; and so on. A trace that an open rental has narrows to that rental; one that nobody has, to
 * rentals without any.
 */
export class Oracle {
  readonly #open = new Set<Rental>();

  add(rental: Rental): void {
    this.#open.add(rental);
  }

  /** Forgets what ended long ago. */
  forget(now: Micros): void {
    for (const rental of this.#open)
      if (rental.ended !== null && rental.ended + KEPT < now) this.#open.delete(rental);
  }

  /** Rentals that are now in a state for which `wanted` holds. */
  find(wanted: (rental: Rental) => boolean): readonly Rental[] {
    return [...this.#open].filter((rental) => rental.ended === null && wanted(rental));
  }

  /** True when this rental waits for its charge. */
  static awaitsBill(rental: Rental): boolean {
    return (
      rental.kind === 'rental' &&
      rental.attempts.get('look-up')?.some(({ ok }) => ok) === true &&
      !rental.attempts.has('bill')
    );
  }

  /** The rentals of which one explains the forgery; to be asked when `WINDOW` has passed since. */
  explaining(forgery: Forgery): readonly Rental[] {
    const { said, at } = forgery;
    const open = [...this.#open].filter((rental) => isOpen(rental, at));
    const named = said.trace === null ? [] : open.filter(({ trace }) => trace === said.trace);
    const candidates =
      said.trace === null
        ? open
        : named.length > 0
          ? named
          : open.filter(({ trace, tracedFromStart }) => trace === null || !tracedFromStart);
    return candidates.filter((rental) => explains(rental, forgery, open));
  }
}

function isOpen({ asked, ended }: Rental, at: Micros): boolean {
  return asked > 0 && asked <= at + WINDOW && (ended === null || ended >= at - WINDOW);
}

function explains(rental: Rental, { point, said, at }: Forgery, open: readonly Rental[]): boolean {
  const sameUser = rental.user === said.user;
  const sameDvd = rental.dvd === said.dvd;
  const samePrice = priceOf(rental.dvd) === said.amount;
  const served = rental.answered === null || rental.answered >= at - WINDOW;
  switch (point) {
    case 'look-up':
      return rental.kind === 'rental' && sameDvd && served && isFree(rental, 'look-up', at);
    case 'price':
      // The statement below a look-up: one look-up of that DVD under way is enough.
      return rental.kind === 'rental' && sameDvd && isUnderWay(rental, 'look-up', at);
    case 'bill': {
      // Whose look-up of the same DVD was whose cannot be told without a trace.
      const lookedUp = open.some(
        (other) =>
          other.dvd === rental.dvd &&
          other.attempts.get('look-up')?.some(({ ok, to }) => ok && to !== null && to <= at + WINDOW) ===
            true,
      );
      const tried = rental.attempts.get('bill')?.some(({ from }) => from < at - WINDOW) === true;
      const sameContract = !tried || rental.contract === said.contract;
      return (
        rental.kind === 'rental' &&
        sameUser &&
        samePrice &&
        served &&
        lookedUp &&
        sameContract &&
        isFree(rental, 'bill', at)
      );
    }
    case 'debit':
      return sameUser && samePrice && isUnderWay(rental, 'bill', at) && isFree(rental, 'debit', at);
    case 'mark':
      return sameUser && sameDvd && rental.attempts.has('publish');
    case 'close':
      return rental.kind === 'return' && sameUser && rental.contract === said.contract;
    case 'release':
      return rental.kind === 'return' && sameDvd;
    default:
      // A contract's number is of one rental alone, and everything after the charge names it.
      return false;
  }
}

function priceOf(dvd: number): string {
  return PRICES[dvd % PRICES.length] ?? PRICES[0];
}

/** False only when one attempt, not failed by then, held the place all the time. */
function isFree(rental: Rental, point: Point, at: Micros): boolean {
  const held = rental.attempts
    .get(point)
    ?.some(({ from, to, ok }) => from <= at - WINDOW && (ok || to === null || to >= at + WINDOW));
  return held !== true;
}

function isUnderWay(rental: Rental, point: Point, at: Micros): boolean {
  return (
    rental.attempts
      .get(point)
      ?.some(({ from, to }) => from <= at + WINDOW && (to === null || to >= at - WINDOW)) === true
  );
}
