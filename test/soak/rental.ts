// One rental as it really was, whatever an engine makes of it. Enters: who rents what; leaves: what happened to it and when.
import type { Micros } from '../../src/flow.ts';
import type { Doing } from './simulation.ts';
import type { Sender } from './wire.ts';

/** What a hop says to the next. */
export interface Said {
  readonly user: string;
  readonly dvd: number;
  readonly contract: string;
  readonly amount: string;
  readonly trace: string | null;
}

/** Where in a rental, a return or a sign-up a compromised service may strike. */
export type Point =
  | 'look-up'
  | 'price'
  | 'bill'
  | 'billed'
  | 'charging'
  | 'debit'
  | 'record'
  | 'publish'
  | 'delivered'
  | 'ack'
  | 'ship'
  | 'shipping'
  | 'mark'
  | 'handled'
  | 'answered'
  | 'returning'
  | 'close'
  | 'close-charge'
  | 'release'
  | 'mark-available'
  | 'insert'
  | 'inserted';

/** An attack that strikes once, within somebody's rental. */
export interface Plot extends Sender {
  readonly at: Point;
  /** What the compromised service says instead of the truth. */
  readonly alter?: (said: Said) => Said;
  /** The statement that it sends instead. */
  readonly text?: (said: Said) => string;
  /** What it does besides. */
  readonly intrude?: () => Doing;
  /** True when honest services go on with what was forged. */
  readonly spreads: boolean;
  struck: boolean;
}

/** From when to when one request was under way. */
export interface Attempt {
  readonly from: Micros;
  to: Micros | null;
  ok: boolean;
}

export type Outcome = 'complete' | 'failed';

/** What is rented, returned or registered. */
export class Rental implements Sender {
  readonly kind: 'rental' | 'return' | 'sign-up';
  readonly number: number;
  readonly user: string;
  readonly dvd: number;
  /** The trace that the customer's gateway, or else the first service, began; null for none. */
  readonly trace: string | null;
  /** True when the customer's own request carries it. */
  readonly tracedFromStart: boolean;
  contract = '';
  amount = '';
  asked: Micros = 0;
  answered: Micros | null = null;
  /** The last answer of all: nothing of it is under way any more. */
  ended: Micros | null = null;
  readonly attempts = new Map<Point, Attempt[]>();
  plot: Plot | null = null;

  constructor(
    kind: Rental['kind'],
    number: number,
    user: string,
    dvd: number,
    trace: string | null,
    tracedFromStart: boolean,
  ) {
    this.kind = kind;
    this.number = number;
    this.user = user;
    this.dvd = dvd;
    this.trace = trace;
    this.tracedFromStart = tracedFromStart;
  }

  /** Who and what it is about. Honest services that go on with what was forged send in the name of its aftermath. */
  get name(): string {
    const { plot } = this;
    return plot?.struck === true && plot.spreads
      ? `aftermath ${plot.name}`
      : `${this.kind} ${this.number} of ${this.user} for dvd ${this.dvd}`;
  }

  /** A request of it begins. */
  begin(point: Point, now: Micros): Attempt {
    const attempt: Attempt = { from: now, to: null, ok: false };
    const attempts = this.attempts.get(point);
    if (attempts === undefined) this.attempts.set(point, [attempt]);
    else attempts.push(attempt);
    return attempt;
  }
}

/** The request was answered, or will never be. */
export function settle(attempt: Attempt, ok: boolean, now: Micros): void {
  attempt.ok = ok;
  attempt.to = now;
}
