// The services of the DVD rental, all honest unless a plot strikes. Enters: rentals, returns, sign-ups; leaves: their traffic.

import type { HttpParts } from '../../src/testing/story-message.ts';
import { AT } from '../support/dvd-rental.ts';
import { Broker, type Message } from './broker.ts';
import { type Point, type Rental, type Said, settle } from './rental.ts';
import type { Doing, Simulation } from './simulation.ts';
import { Stock } from './stock.ts';
import { HOUSE, Network, Pool, type Rows, type Sender, type Wire } from './wire.ts';

const DEBIT = 'UPDATE users SET balance = balance - $1 WHERE name = $2 AND balance >= $1 RETURNING balance';
const RECORD = 'INSERT INTO charges (contract, name, amount) VALUES ($1, $2, $3)';
const CLOSE = 'UPDATE charges SET returned = true WHERE contract = $1 AND name = $2';
const LOOK = 'SELECT id, title, price, status FROM dvds WHERE id = ?';
const RENT = "UPDATE dvds SET status = 'rented', renter = ? WHERE id = ?";
const RELEASE = "UPDATE dvds SET status = 'available', renter = NULL WHERE id = ?";
const REGISTER = 'INSERT INTO users (name, email, balance) VALUES ($1, $2, $3) RETURNING id';

interface Answer {
  readonly status: number;
  readonly body?: unknown;
}

/** How a charge goes that does not go well at once. */
type Mishap = 'busy' | 'lost-before' | 'lost-after' | 'deadlock' | 'poor' | null;

export class Shop {
  readonly simulation: Simulation;
  readonly network: Network;
  readonly stock: Stock;
  readonly broker: Broker;
  readonly users: Pool;
  readonly dvds: Pool;
  readonly shipping: Pool;
  readonly usersOfReturns: Pool;
  readonly dvdsOfReturns: Pool;
  readonly userDb: Pool;
  readonly userDbOfCreate: Pool;
  readonly dvdDb: Pool;
  #contracts = 0;

  constructor(simulation: Simulation) {
    const network = new Network(simulation);
    const named = (service: string) => (wire: Wire) => this.#greet(wire, service);
    this.simulation = simulation;
    this.network = network;
    this.stock = new Stock(simulation);
    this.broker = new Broker(network, (message, gone) => this.#handle(message, gone));
    this.users = new Pool(network, AT.contracts, AT.users, 8080, 64);
    this.dvds = new Pool(network, AT.contracts, AT.dvds, 8080, 64);
    this.shipping = new Pool(network, AT.dvds, AT.shipping, 8080, 32);
    this.usersOfReturns = new Pool(network, AT.returns, AT.users, 8080, 32);
    this.dvdsOfReturns = new Pool(network, AT.returns, AT.dvds, 8080, 32);
    this.userDb = new Pool(network, AT.users, AT.userDb, 5432, 20, named('user-update'));
    this.userDbOfCreate = new Pool(network, AT.create, AT.userDb, 5432, 4, named('user-create'));
    this.dvdDb = new Pool(network, AT.dvds, AT.dvdDb, 3306, 20);
  }

  /** A rental from the customer's request to the answer; the shipment follows through the queue. Gives the status. */
  *rent(rental: Rental, wire: Wire): Doing<number> {
    const { simulation } = this;
    const headers = { 'x-user': rental.user, ...traced(rental.tracedFromStart ? rental.trace : null) };
    const exchange = wire.ask(rental, 'POST', '/contracts', { headers, body: { dvd: rental.dvd } });
    rental.asked = simulation.now;
    yield simulation.latency(500, 3000);
    const { status, body } = yield* this.#serveRental(rental);
    wire.answer(rental, exchange, status, { body });
    rental.answered = simulation.now;
    if (status === 201) yield* this.#intrude(rental, 'answered');
    return status;
  }

  /** Both halves of a return go on at once. */
  *giveBack(rental: Rental, wire: Wire): Doing {
    const { simulation } = this;
    const { user, dvd, contract, trace } = rental;
    const said: Said = { user, dvd, contract, amount: '', trace };
    const parts = { headers: { 'x-user': user, ...traced(trace) }, body: { contract, dvd } };
    const exchange = wire.ask(rental, 'POST', '/returns', parts);
    rental.asked = simulation.now;
    yield simulation.latency(300, 2000);
    yield* this.#intrude(rental, 'returning');
    const halves = [this.#closeAccount(rental, said), this.#release(rental, said)];
    for (const half of halves.map((doing) => simulation.start(doing))) yield half;
    wire.answer(rental, exchange, 200, { body: { contract, dvd } });
    rental.answered = simulation.now;
    rental.ended = simulation.now;
  }

  *signUp(rental: Rental, wire: Wire): Doing {
    const { simulation } = this;
    const body = { name: rental.user, email: `${rental.user}@example.org` };
    const exchange = wire.ask(rental, 'POST', '/users', { headers: traced(rental.trace), body });
    rental.asked = simulation.now;
    yield simulation.latency(300, 1000);
    const db = yield* this.userDbOfCreate.take();
    const said: Said = { user: rental.user, dvd: 0, contract: '', amount: '0.00', trace: null };
    const altered = this.#say(rental, 'insert', said);
    const values = [altered.said.user, body.email, altered.said.amount];
    yield* this.#sql(altered, db, 'postgres', REGISTER, values, [{ id: rental.number }]);
    this.userDbOfCreate.give(db);
    yield* this.#intrude(rental, 'inserted');
    wire.answer(rental, exchange, 201, { body: { id: rental.number } });
    rental.answered = simulation.now;
    rental.ended = simulation.now;
  }

  /** One charge that nobody asked for, and what User-Update honestly does with it. */
  *charge(sender: Sender, aftermath: Sender, said: Said, onSend: () => void): Doing<number> {
    const wire = yield* this.users.take();
    onSend();
    const exchange = wire.ask(sender, 'POST', `/users/${said.user}/charge`, billOf(said));
    yield this.simulation.latency(500, 1000);
    const { status, body } = yield* this.#debit(null, aftermath, said, null);
    wire.answer(aftermath, exchange, status, { body });
    this.users.give(wire);
    return status;
  }

  /** Any request on a shared connection, answered at once. */
  *request(
    sender: Sender,
    pool: Pool,
    method: string,
    path: string,
    parts: HttpParts = {},
    onSend: () => void = () => {},
  ): Doing {
    const wire = yield* pool.take();
    onSend();
    const exchange = wire.ask(sender, method, path, parts);
    yield this.simulation.latency(300, 1000);
    wire.answer(sender, exchange, 200, { body: {} });
    pool.give(wire);
  }

  /** Any statement on a shared connection. */
  *statement(
    sender: Sender,
    pool: Pool,
    dialect: 'postgres' | 'mysql',
    text: string,
    values: (string | number)[],
    onSend: () => void,
  ): Doing {
    const db = yield* pool.take();
    onSend();
    yield* this.#sql({ by: sender, said: null }, db, dialect, text, values, []);
    pool.give(db);
  }

  *#serveRental(rental: Rental): Doing<Answer> {
    const { user, dvd, trace } = rental;
    const asked: Said = { user, dvd, contract: '', amount: '', trace };
    const found = yield* this.#lookUp(rental, asked);
    if (found.price !== null) rental.amount = found.price;
    if (found.status !== 200) return found;
    rental.contract = `c-${(++this.#contracts).toString(36)}`;
    const said: Said = { ...asked, contract: rental.contract, amount: rental.amount };
    yield this.simulation.latency(100, 500);
    const billed = yield* this.#bill(rental, said);
    if (billed !== 200) return { status: billed, body: { error: 'payment failed' } };
    yield* this.#intrude(rental, 'billed');
    yield this.simulation.latency(100, 300);
    this.stock.rented(dvd);
    yield* this.#publish(rental, said);
    return { status: 201, body: { contract: said.contract, dvd, amount: said.amount } };
  }

  *#lookUp(rental: Rental, asked: Said): Doing<Answer & { readonly price: string | null }> {
    const { simulation, stock } = this;
    const wire = yield* this.dvds.take();
    const { by, said } = this.#say(rental, 'look-up', asked);
    const attempt = rental.begin('look-up', simulation.now);
    const exchange = wire.ask(by, 'GET', `/dvds/${said.dvd}`, { headers: traced(said.trace) });
    yield simulation.latency(200, 2000);
    const db = yield* this.dvdDb.take();
    const row = stock.row(said.dvd);
    yield* this.#sql({ by: rental, said: null }, db, 'mysql', LOOK, [said.dvd], row === null ? [] : [row]);
    this.dvdDb.give(db);
    const priced = this.#say(rental, 'price', { ...said, amount: row?.price ?? '' });
    const body = row === null ? { error: 'no such dvd' } : { ...row, price: priced.said.amount };
    wire.answer(priced.by, exchange, row === null ? 404 : 200, { body });
    settle(attempt, row !== null, simulation.now);
    this.dvds.give(wire);
    yield simulation.latency(100, 200);
    const { said: answered } = priced;
    if (row === null) return { status: 404, body, price: null };
    const status = row.status === 'available' ? 200 : 409;
    return { status, body: status === 200 ? body : { error: 'rented already' }, price: answered.amount };
  }

  /** Up to three times: what failed for no fault of the customer, or was never answered, is tried again. */
  *#bill(rental: Rental, honest: Said): Doing<number> {
    const { simulation } = this;
    const mishaps = this.#mishaps();
    let charged = false;
    for (let tries = 0; ; tries++) {
      const mishap = mishaps[tries] ?? null;
      const wire =
        tries === 0 ? yield* this.users.take() : this.network.connect(AT.contracts, AT.users, 8080);
      const { by, said } = this.#say(rental, 'bill', honest);
      const attempt = rental.begin('bill', simulation.now);
      const exchange = wire.ask(by, 'POST', `/users/${said.user}/charge`, billOf(said));
      yield simulation.latency(300, 1500);
      yield* this.#intrude(rental, 'charging');
      const answer: Answer =
        mishap === 'lost-before'
          ? { status: 0 }
          : charged
            ? { status: 200, body: { contract: said.contract } }
            : yield* this.#debit(rental, rental, said, mishap);
      charged ||= answer.status === 200;
      const lost = mishap === 'lost-before' || mishap === 'lost-after';
      if (lost) {
        yield simulation.latency(30_000, 5000);
        wire.close(rental, simulation.chance(0.5) ? 'rst' : 'fin');
      } else wire.answer(rental, exchange, answer.status, { body: answer.body });
      settle(attempt, !lost && answer.status === 200, simulation.now);
      this.users.give(wire);
      if (!lost && answer.status !== 503 && answer.status !== 500) return answer.status;
      yield simulation.latency(20_000, 40_000);
    }
  }

  #mishaps(): readonly Mishap[] {
    const { simulation } = this;
    if (simulation.chance(0.94)) return [];
    const draw = (): Mishap =>
      simulation.random.pick(['busy', 'lost-before', 'lost-after', 'deadlock', 'poor'] as const) ?? null;
    return simulation.chance(0.2) ? [draw(), draw()] : [draw()];
  }

  /** One transaction of User-Update. */
  *#debit(rental: Rental | null, sender: Sender, said: Said, mishap: Mishap): Doing<Answer> {
    const { simulation } = this;
    if (mishap === 'busy') return { status: 503, body: { error: 'try again' } };
    const db = yield* this.userDb.take();
    const sql = (
      spoken: Spoken,
      text: string,
      values: (string | number)[],
      rows: Rows | string,
      affected = 1,
    ) => this.#sql(spoken, db, 'postgres', text, values, rows, affected);
    const plain = { by: sender, said: null };
    yield* sql({ by: HOUSE, said: null }, 'BEGIN', [], []);
    const debit = this.#say(rental, 'debit', said, sender);
    const attempt = rental?.begin('debit', simulation.now) ?? null;
    const failed = mishap === 'deadlock';
    const rows = failed ? '40P01' : mishap === 'poor' ? [] : [{ balance: '96.50' }];
    const text = debit.text ?? DEBIT;
    const values = text.includes('$2')
      ? [debit.said.amount, debit.said.user]
      : text.includes('$1')
        ? [debit.said.amount]
        : [];
    yield* sql(debit, text, values, rows, mishap === 'poor' ? 0 : 1);
    if (attempt !== null) settle(attempt, !failed, simulation.now);
    if (failed || mishap === 'poor') {
      yield* sql({ by: HOUSE, said: null }, 'ROLLBACK', [], []);
      this.userDb.give(db);
      return failed
        ? { status: 500, body: { error: 'deadlock' } }
        : { status: 402, body: { error: 'insufficient funds' } };
    }
    const record = this.#say(rental, 'record', said, sender);
    yield* sql(
      record.by === plain.by ? plain : record,
      RECORD,
      [record.said.contract, record.said.user, record.said.amount],
      [],
    );
    yield* sql({ by: HOUSE, said: null }, 'COMMIT', [], []);
    this.userDb.give(db);
    return { status: 200, body: { contract: said.contract, balance: '96.50' } };
  }

  *#publish(rental: Rental, honest: Said): Doing {
    const { by, said } = this.#say(rental, 'publish', honest);
    yield this.broker.publish(by, { rental, said });
  }

  /** DVD-Update has a message: it is shipped and marked, in either order or at once. Gives false when it cannot be done now. */
  *#handle(message: Message, gone: () => boolean): Doing<boolean> {
    const { simulation } = this;
    const { rental } = message;
    yield* this.#intrude(rental, 'delivered');
    if (rental.plot?.at === 'ack' && !rental.plot.struck) return true;
    if (simulation.chance(0.3)) {
      const both = [this.#ship(message), this.#mark(message)].map((doing) => simulation.start(doing));
      for (const each of both) yield each;
    } else {
      yield* this.#ship(message);
      if (!gone() && message.shipped) yield* this.#mark(message);
    }
    return message.shipped && message.marked;
  }

  *#ship(message: Message): Doing {
    const { simulation } = this;
    if (message.shipped) return;
    const wire = yield* this.shipping.take();
    const { by, said } = this.#say(message.rental, 'ship', message.said);
    const { contract, user, dvd } = said;
    const exchange = wire.ask(by, 'POST', '/shipments', {
      headers: traced(said.trace),
      body: { contract, user, dvd },
    });
    yield simulation.latency(500, 2000);
    yield* this.#intrude(message.rental, 'shipping');
    const failed = simulation.chance(0.003);
    wire.answer(message.rental, exchange, failed ? 503 : 201, { body: { shipment: `s-${contract}` } });
    message.shipped = !failed;
    this.shipping.give(wire);
  }

  *#mark(message: Message): Doing {
    if (message.marked) return;
    const db = yield* this.dvdDb.take();
    const spoken = this.#say(message.rental, 'mark', message.said);
    yield* this.#sql(spoken, db, 'mysql', RENT, [spoken.said.user, spoken.said.dvd], []);
    message.marked = true;
    this.dvdDb.give(db);
  }

  *#closeAccount(rental: Rental, honest: Said): Doing {
    const { simulation } = this;
    const wire = yield* this.usersOfReturns.take();
    const { by, said } = this.#say(rental, 'close', honest);
    const parts = { headers: traced(said.trace), body: { contract: said.contract } };
    const exchange = wire.ask(by, 'POST', `/users/${said.user}/returns`, parts);
    yield simulation.latency(300, 1000);
    const db = yield* this.userDb.take();
    const close = this.#say(rental, 'close-charge', said);
    yield* this.#sql(close, db, 'postgres', CLOSE, [close.said.contract, close.said.user], []);
    this.userDb.give(db);
    wire.answer(rental, exchange, 200, { body: { contract: said.contract } });
    this.usersOfReturns.give(wire);
  }

  *#release(rental: Rental, honest: Said): Doing {
    const { simulation } = this;
    const wire = yield* this.dvdsOfReturns.take();
    const { by, said } = this.#say(rental, 'release', honest);
    const parts = { headers: traced(said.trace), body: { status: 'available' } };
    const exchange = wire.ask(by, 'PUT', `/dvds/${said.dvd}/status`, parts);
    yield simulation.latency(300, 1000);
    const db = yield* this.dvdDb.take();
    const mark = this.#say(rental, 'mark-available', said);
    yield* this.#sql(mark, db, 'mysql', RELEASE, [mark.said.dvd], []);
    this.dvdDb.give(db);
    wire.answer(rental, exchange, 200, { body: { status: 'available' } });
    this.stock.free(rental.dvd);
    this.dvdsOfReturns.give(wire);
  }

  *#sql(
    { by }: Spoken,
    db: Wire,
    dialect: 'postgres' | 'mysql',
    text: string,
    values: readonly (string | number)[],
    rows: Rows | string,
    affected = 1,
  ): Doing {
    const request = db.query(by, dialect, text, values);
    yield this.simulation.latency(150, 700);
    db.result(by, dialect, request, rows, affected);
    yield this.simulation.latency(20, 50);
  }

  *#greet(wire: Wire, service: string): Doing {
    yield* this.#sql(
      { by: HOUSE, said: null },
      wire,
      'postgres',
      `SET application_name = '${service}'`,
      [],
      [],
    );
  }

  /** Who says what at this point: the rental's service honestly, or a plot instead. */
  #say(
    rental: Rental | null,
    point: Point,
    said: Said,
    honest: Sender | null = rental,
  ): Spoken & { said: Said } {
    const plot = rental?.plot ?? null;
    const by = honest ?? HOUSE;
    if (plot === null || plot.struck || plot.at !== point || plot.intrude !== undefined) return { by, said };
    plot.struck = true;
    const altered = plot.alter?.(said) ?? said;
    const text = plot.text?.(said);
    return text === undefined ? { by: plot, said: altered } : { by: plot, said: altered, text };
  }

  *#intrude(rental: Rental, point: Point): Doing {
    const { plot } = rental;
    if (plot?.intrude === undefined || plot.struck || plot.at !== point) return;
    plot.struck = true;
    yield* plot.intrude();
  }
}

interface Spoken {
  readonly by: Sender;
  readonly said: Said | null;
  readonly text?: string;
}

/** The same trace, a span of its own (W3C Trace Context). */
function traced(trace: string | null): Record<string, string> {
  return trace === null ? {} : { traceparent: `00-${trace}-00f067aa0ba902b7-01` };
}

export function billOf({ contract, amount, trace }: Said) {
  return { headers: traced(trace), body: { contract, amount } };
}
