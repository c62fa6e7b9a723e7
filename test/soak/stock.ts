// The DVDs of the shop. Enters: what is rented and returned; leaves: rows of the database, and a choice for the next customer.
import type { Simulation } from './simulation.ts';

/** So many that most are on their shelf. */
const DVDS = 30_000;
/** The ones that everybody asks for. */
const POPULAR = 60;
/** All prices: so few that many rentals have the same. */
export const PRICES = ['2.50', '3.00', '3.50', '4.00', '4.50'] as const;

export class Stock {
  readonly #simulation: Simulation;
  readonly #rented = new Set<number>();

  constructor(simulation: Simulation) {
    this.#simulation = simulation;
  }

  /** Null for a number that no DVD has. */
  row(dvd: number): { id: number; title: string; price: string; status: string } | null {
    if (dvd > DVDS) return null;
    return {
      id: dvd,
      title: `Film ${dvd}`,
      price: this.price(dvd),
      status: this.#rented.has(dvd) ? 'rented' : 'available',
    };
  }

  price(dvd: number): string {
    return PRICES[dvd % PRICES.length] ?? PRICES[0];
  }

  rented(dvd: number): void {
    this.#rented.add(dvd);
  }

  free(dvd: number): void {
    this.#rented.delete(dvd);
  }

  /** What a customer asks for: now and then one that is popular, rented already, or not there at all. */
  wish(): number {
    const draw = this.#simulation.random.next();
    if (draw < 0.002) return DVDS + 1 + this.#simulation.below(1000);
    if (draw < 0.03) return 1 + this.#simulation.below(POPULAR);
    let dvd = 1 + this.#simulation.below(DVDS);
    while (this.#rented.has(dvd)) dvd = 1 + this.#simulation.below(DVDS);
    return dvd;
  }
}
