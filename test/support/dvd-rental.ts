// The DVD rental told as events: every service does its honest part, unless a test replaces it. Leaves: a story in progress.
import { type Connection, Story } from './story.ts';

export const AT = {
  monitor: '10.1.0.5',
  create: '10.1.0.10',
  contracts: '10.1.0.11',
  users: '10.1.0.12',
  dvds: '10.1.0.13',
  returns: '10.1.0.14',
  shipping: '10.1.0.15',
  queue: '10.1.0.20',
  userDb: '10.1.0.30',
  dvdDb: '10.1.0.31',
} as const;

export interface Rental {
  readonly user: string;
  readonly dvd: number;
  readonly contract: string;
  readonly amount: string;
  /** A traceparent's trace id, or null for a customer whose gateway sends none. */
  readonly trace: string | null;
}

/** Connections that services keep open, and one rental after the other over them. */
export class DvdRental {
  readonly story = new Story();
  readonly toUsers = this.story.connect(AT.contracts, `${AT.users}:8080`);
  readonly toDvds = this.story.connect(AT.contracts, `${AT.dvds}:8080`);
  readonly toUserDb = this.story.connect(AT.users, `${AT.userDb}:5432`);
  readonly toDvdDb = this.story.connect(AT.dvds, `${AT.dvdDb}:3306`);
  readonly publisher = this.story.connect(AT.contracts, `${AT.queue}:5672`);
  readonly consumer = this.story.connect(AT.dvds, `${AT.queue}:5672`);
  readonly toShipping = this.story.connect(AT.dvds, `${AT.shipping}:8080`);
  #customers = 0;

  constructor() {
    this.consumer.amqp('orig', {
      name: 'basic.consume',
      queue: 'rentals',
      consumerTag: 'ct',
      noAck: false,
      exclusive: false,
      arguments: new Map(),
    });
  }

  /** Step 1: gives the function by which contract-update answers. */
  ask(rental: Rental): (status?: number) => void {
    const customer = this.story.connect(
      `198.51.100.${(this.#customers++ % 200) + 1}`,
      `${AT.contracts}:8080`,
    );
    const answer = customer.http('POST', '/contracts', {
      headers: { host: 'contracts', 'x-user': rental.user, ...traced(rental) },
      body: { dvd: rental.dvd },
    });
    return (status = 201) =>
      answer(
        status,
        status < 400 ? { body: { contract: rental.contract, dvd: rental.dvd, amount: rental.amount } } : {},
      );
  }

  lookUp(rental: Rental): void {
    const answer = this.toDvds.http('GET', `/dvds/${rental.dvd}`, { headers: traced(rental) });
    const rows = this.toDvdDb.sql('mysql', 'SELECT id, title, price, status FROM dvds WHERE id = ?', [
      rental.dvd,
    ]);
    rows([{ id: rental.dvd, title: 'A film', price: rental.amount, status: 'available' }]);
    answer(200, { body: { id: rental.dvd, title: 'A film', price: rental.amount, status: 'available' } });
  }

  /** Step 2; `connection` for a retry on another one. */
  bill(rental: Rental, connection: Connection = this.toUsers): (status?: number) => void {
    const answer = connection.http('POST', `/users/${rental.user}/charge`, {
      headers: traced(rental),
      body: { contract: rental.contract, amount: rental.amount },
    });
    return (status = 200) => answer(status, { body: { contract: rental.contract } });
  }

  debit(rental: Rental): void {
    const db = this.toUserDb;
    db.sql('postgres', 'BEGIN')();
    const text =
      'UPDATE users SET balance = balance - $1 WHERE name = $2 AND balance >= $1 RETURNING balance';
    db.sql('postgres', text, [rental.amount, rental.user])([{ balance: '96.50' }]);
    this.record(rental);
    db.sql('postgres', 'COMMIT')();
  }

  record(rental: Rental): void {
    const text = 'INSERT INTO charges (contract, name, amount) VALUES ($1, $2, $3)';
    this.toUserDb.sql('postgres', text, [rental.contract, rental.user, rental.amount])([]);
  }

  publish(rental: Rental): void {
    const headers = rental.trace === null ? null : new Map([['traceparent', traceparent(rental.trace)]]);
    this.publisher.amqp(
      'orig',
      {
        name: 'basic.publish',
        exchange: 'rentals',
        routingKey: 'rental.created',
        mandatory: false,
        immediate: false,
      },
      { contract: rental.contract, user: rental.user, dvd: rental.dvd },
      { correlationId: rental.contract, messageId: `m-${rental.contract}`, headers },
    );
  }

  deliver(rental: Rental): bigint {
    return this.consumer.deliver(
      'rentals',
      'rental.created',
      'ct',
      { contract: rental.contract, user: rental.user, dvd: rental.dvd },
      { correlationId: rental.contract, messageId: `m-${rental.contract}` },
    );
  }

  ship(rental: Rental): void {
    const answer = this.toShipping.http('POST', '/shipments', {
      body: { contract: rental.contract, user: rental.user, dvd: rental.dvd },
    });
    answer(201, { body: { shipment: 's-1' } });
  }

  markRented(rental: Rental): void {
    const text = "UPDATE dvds SET status = 'rented', renter = ? WHERE id = ?";
    this.toDvdDb.sql('mysql', text, [rental.user, rental.dvd])([]);
  }

  ack(deliveryTag: bigint): void {
    this.consumer.amqp('orig', { name: 'basic.ack', deliveryTag, multiple: false });
  }

  /** The whole honest rental. */
  rent(rental: Rental): void {
    const answer = this.ask(rental);
    this.lookUp(rental);
    const billed = this.bill(rental);
    this.debit(rental);
    billed();
    this.publish(rental);
    answer();
    this.shipped(rental);
  }

  /** What follows from a published message. */
  shipped(rental: Rental): void {
    const tag = this.deliver(rental);
    this.ship(rental);
    this.markRented(rental);
    this.ack(tag);
  }
}

export function rental(given: Partial<Rental> = {}): Rental {
  return { user: 'alice', dvd: 7, contract: 'c-1', amount: '3.50', trace: null, ...given };
}

export function traceparent(trace: string): string {
  return `00-${trace}-00f067aa0ba902b7-01`;
}

function traced(rental: Rental): Record<string, string> {
  return rental.trace === null ? {} : { traceparent: traceparent(rental.trace) };
}
