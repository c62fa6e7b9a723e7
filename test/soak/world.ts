// Customers of the DVD rental, many at a time, and now and then an attack. Enters: how many, a seed; leaves: events and the truth about them.
import type { Event } from '../../src/events/event.ts';
import type { Micros } from '../../src/flow.ts';
import { AT } from '../support/dvd-rental.ts';
import { ATTACKS, type AttackKind, type Means, traceOf } from './attacks.ts';
import { Oracle } from './oracle.ts';
import { type Outcome, type Plot, Rental } from './rental.ts';
import { Shop } from './shop.ts';
import { type Doing, Simulation } from './simulation.ts';
import { HOUSE, Pool, type Sender, type Wire } from './wire.ts';

export interface WorldOptions {
  readonly rentals: number;
  /** Customers who rent at the same time. */
  readonly atOnce: number;
  readonly seed: number;
  readonly traces: 'with' | 'without' | 'half';
  /** One attack in so many rentals; null for none. */
  readonly attackEvery: number | null;
  /**
   * True when rentals may be under way at once that nothing but their trace tells apart: of one user at one price, or of one
   * DVD. False when such customers wait for each other.
   */
  readonly lookalikes: boolean;
  /** Customers there are; the fewer, the more rentals of one are open at once. */
  readonly users: number;
}

/** An attack that was made, and what the generator knows of it. */
export interface Attack extends Sender {
  readonly kind: AttackKind;
  /** When its request was sent; null while it was not. */
  at: Micros | null;
  /** Open rentals that explain it, as the oracle has it. */
  explaining: readonly Rental[];
  /** Whom its request was about; null when nobody. */
  user: string | null;
}

/** Told by the world as it goes. */
export interface Listener {
  /** A chain of these facts will end so. */
  expect(rental: Rental, outcome: Outcome): void;
  /** The oracle has decided on an attack. */
  attacked(attack: Attack): void;
}

/** So many customers that most have one open rental at a time, and every tenth of those two. */
export const USERS = 2000;
const ORACLE_WAITS = 16_000;

export class World {
  readonly #options: WorldOptions;
  readonly #listener: Listener;
  readonly #simulation: Simulation;
  readonly #shop: Shop;
  readonly #oracle = new Oracle();
  #begun = 0;
  #seats: number;
  #signUps = 0;
  #attacks = 0;
  #addresses = 0;

  constructor(options: WorldOptions, listener: Listener) {
    this.#options = options;
    this.#listener = listener;
    this.#seats = options.atOnce;
    this.#simulation = new Simulation(options.seed);
    this.#shop = new Shop(this.#simulation);
  }

  /** All events, in order of time; the source ends last. */
  *events(): Generator<Event> {
    const simulation = this.#simulation;
    for (let seat = 0; seat < this.#options.atOnce; seat++)
      simulation.start(this.#customer(), simulation.below(100_000));
    simulation.start(this.#health());
    simulation.start(this.#newcomers(), 5000);
    yield* simulation.events();
    yield { kind: 'source-end', ts: simulation.now + 1_000_000, source: 'soak' };
  }

  /** One customer after another in the same place. */
  *#customer(): Doing {
    const simulation = this.#simulation;
    let wire = this.#connect(AT.contracts);
    while (this.#begun < this.#options.rentals) {
      const rental = this.#draw(++this.#begun);
      const ending = yield* this.#rent(rental, wire);
      // Whoever is done may be followed by somebody else on the gateway's connection, or on another one.
      if (simulation.chance(0.3)) {
        wire.close(HOUSE);
        wire = this.#connect(AT.contracts);
      }
      if (ending === 201) simulation.start(this.#giveBack(rental), simulation.latency(300_000, 1_500_000));
      yield simulation.latency(500, 20_000);
    }
    wire.close(HOUSE);
    this.#seats--;
  }

  *#rent(rental: Rental, wire: Wire): Doing<number> {
    const every = this.#options.attackEvery;
    if (every !== null && rental.number % every === 0) this.#plan(rental);
    this.#oracle.add(rental);
    const status = yield* this.#shop.rent(rental, wire);
    if (status !== 201) rental.ended = this.#simulation.now;
    this.#listener.expect(rental, status === 201 ? 'complete' : 'failed');
    this.#oracle.forget(this.#simulation.now);
    return status;
  }

  *#giveBack(rented: Rental): Doing {
    // The DVD has to arrive first.
    while (rented.ended === null) yield 200_000;
    if (rented.name.startsWith('aftermath')) return;
    const { number, user, dvd } = rented;
    const rental = new Rental('return', number, user, dvd, ...this.#trace());
    rental.contract = rented.contract;
    const { plot } = rented;
    if (plot !== null && !plot.struck) rental.plot = plot;
    this.#oracle.add(rental);
    const wire = this.#connect(AT.returns);
    yield* this.#shop.giveBack(rental, wire);
    this.#listener.expect(rental, 'complete');
    wire.close(HOUSE);
  }

  *#newcomers(): Doing {
    while (this.#seats > 0) {
      yield this.#simulation.latency(1000, 60_000);
      this.#simulation.start(this.#signUp(null));
    }
  }

  *#signUp(plan: ((rental: Rental) => void) | null): Doing {
    const number = ++this.#signUps;
    const rental = new Rental('sign-up', number, `newcomer-${number}`, 0, ...this.#trace());
    plan?.(rental);
    const wire = this.#connect(AT.create);
    yield* this.#shop.signUp(rental, wire);
    this.#listener.expect(rental, 'complete');
    wire.close(HOUSE);
  }

  *#health(): Doing {
    const { create, contracts, users, dvds, returns, shipping } = AT;
    const pools = [create, contracts, users, dvds, returns, shipping].map(
      (to) => new Pool(this.#shop.network, AT.monitor, to, 8080, 1),
    );
    while (this.#seats > 0) {
      for (const pool of pools) this.#simulation.start(this.#shop.request(HOUSE, pool, 'GET', '/health'));
      yield 1_000_000;
    }
  }

  #draw(number: number): Rental {
    const [trace, fromStart] = this.#trace();
    let [user, dvd] = [this.#someUser(), this.#shop.stock.wish()];
    while (!this.#options.lookalikes && this.#hasLookalike(user, dvd))
      [user, dvd] = [this.#someUser(), this.#shop.stock.wish()];
    return new Rental('rental', number, user, dvd, trace, fromStart);
  }

  #hasLookalike(user: string, dvd: number): boolean {
    const { stock } = this.#shop;
    const alike = (open: Rental): boolean =>
      open.dvd === dvd || (open.user === user && stock.price(open.dvd) === stock.price(dvd));
    return this.#oracle.find(({ kind }) => kind === 'rental').some(alike);
  }

  /** A trace of the customer's gateway; in half of the world some have one that only the first service began, most none. */
  #trace(): [trace: string | null, fromStart: boolean] {
    const { traces } = this.#options;
    const has = traces === 'with' || (traces === 'half' && this.#simulation.chance(0.5));
    return [has ? traceOf(this.#shop) : null, has];
  }

  #someUser(): string {
    return `user-${this.#simulation.below(this.#options.users)}`;
  }

  /** Customers come from many addresses, but several share one. */
  #connect(to: string): Wire {
    const customer = `198.51.${100 + (this.#addresses % 4)}.${1 + (this.#addresses++ % 200)}`;
    return this.#shop.network.connect(customer, to, 8080);
  }

  #plan(rental: Rental): void {
    const number = ++this.#attacks;
    const kind = ATTACKS[(number + this.#options.seed) % ATTACKS.length] as AttackKind;
    const attack: Attack = { name: `attack ${number}`, kind, at: null, explaining: [], user: null };
    switch (kind.within) {
      case 'rental':
      case 'return':
        rental.plot = this.#plot(attack, rental);
        return;
      case 'sign-up':
        this.#simulation.start(
          this.#signUp((own) => {
            own.plot = this.#plot(attack, own);
          }),
        );
        return;
      case 'alone': {
        const delay = this.#simulation.latency(50_000, 200_000);
        this.#simulation.start(this.#alone(attack, rental), delay);
      }
    }
  }

  #plot(attack: Attack, rental: Rental): Plot {
    const { kind } = attack;
    const means = this.#means(attack, rental);
    const { alter, intrude, text } = kind;
    return {
      name: attack.name,
      at: kind.at,
      spreads: kind.spreads,
      struck: false,
      ...(alter === undefined ? {} : { alter: (said) => alter(said, means) }),
      ...(text === undefined ? {} : { text }),
      ...(intrude === undefined ? {} : { intrude: () => intrude(means) }),
    };
  }

  *#alone(attack: Attack, rental: Rental): Doing {
    while (rental.ended === null) yield 20_000;
    if (attack.kind.intrude !== undefined) yield* attack.kind.intrude(this.#means(attack, rental));
  }

  #means(attack: Attack, rental: Rental): Means {
    const shop = this.#shop;
    return {
      shop,
      oracle: this.#oracle,
      sender: attack,
      aftermath: { name: `aftermath ${attack.name}` },
      rental,
      someUser: () => {
        let user = this.#someUser();
        while (user === rental.user) user = this.#someUser();
        return user;
      },
      forge: (point, said = {}) => {
        attack.at = this.#simulation.now;
        const whole = { user: '', dvd: 0, contract: '', amount: '', trace: null, ...said };
        const forgery = point === null ? null : { point, said: whole, at: attack.at };
        this.#simulation.start(this.#ask(attack, forgery), ORACLE_WAITS);
      },
    };
  }

  *#ask(attack: Attack, forgery: Parameters<Oracle['explaining']>[0] | null): Doing {
    attack.explaining = forgery === null ? [] : this.#oracle.explaining(forgery);
    attack.user = forgery?.said.user ?? null;
    this.#listener.attacked(attack);
    yield 0;
  }
}
