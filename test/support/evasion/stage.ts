// What goes before an attack, packet by packet. Enters: a place in a story; leaves: a connection on which the attack would pass if it were honest.
import * as amqp from '../amqp-bytes.ts';
import { AT } from '../dvd-rental.ts';
import * as mysql from '../mysql-bytes.ts';
import { Conversation, type Frame, type Host } from '../packets.ts';
import * as postgres from '../postgres-bytes.ts';
import { amqpBytes } from './amqp-message.ts';
import { httpBytes } from './http-message.ts';

export type Side = 'client' | 'server';
type Bytes = Uint8Array | string;
export type Line = 'http' | 'amqp' | 'postgres' | 'mysql';

const CUSTOMER = '198.51.100.7';
const SHOP = {
  web: '10.3.0.11',
  api: '10.3.0.12',
  mq: '10.3.0.20',
  pg: '10.3.0.30',
  my: '10.3.0.31',
} as const;

const PORTS: Readonly<Record<Line, number>> = { http: 8080, amqp: 5672, postgres: 5432, mysql: 3306 };
/** Client ports of one stage. */
export const PORTS_EACH = 16;
const RENTAL = '{"contract":"c-1","user":"alice","dvd":7}';

/** One connection of a stage. */
export interface Talk {
  readonly line: Line;
  /** The client's. */
  readonly port: number;
  say(side: Side, bytes: Bytes): void;
  close(): void;
}

/** Connections of one variant, on one clock. */
export class Stage {
  readonly #conversations: Conversation[] = [];
  #now: number;
  #port: number;

  constructor(start: number, firstPort: number) {
    this.#now = start;
    this.#port = firstPort;
  }

  get now(): number {
    return this.#now;
  }

  get frames(): readonly Frame[] {
    return this.#conversations.flatMap(({ frames }) => frames);
  }

  connect(from: string, to: string, line: Line): Talk {
    const client: Host = { ip: from, port: this.#port++ };
    const server: Host = { ip: to, port: PORTS[line] };
    const conversation = new Conversation({ client, server, start: this.#now, step: 10 }).open();
    this.#conversations.push(conversation);
    let own = this.#now + 30;
    const run = (act: () => void): void => {
      conversation.wait(Math.max(0, this.#now - own));
      const before = conversation.frames.length;
      act();
      const last = conversation.frames.slice(before).at(-1);
      own = (last?.ts ?? this.#now) + 10;
      this.#now = own;
    };
    this.#now = own;
    return {
      line,
      port: client.port,
      say: (side, bytes) => run(() => void conversation.send(side, bytes)),
      close: () => run(() => void conversation.close()),
    };
  }

  http(talk: Talk, line: string, headers: readonly string[], body = ''): void {
    const typed = body === '' ? [] : ['Content-Type: application/json'];
    talk.say(
      'client',
      httpBytes({ line: `${line} HTTP/1.1`, headers: ['Host: h', ...headers, ...typed], body }) ?? '',
    );
  }

  answer(talk: Talk, status: number, body = '{}'): void {
    const head = `HTTP/1.1 ${status} OK\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n`;
    talk.say('server', `${head}${body}`);
  }

  postgres(from: string, to: string, parameters: Readonly<Record<string, string>> = {}): Talk {
    const talk = this.connect(from, to, 'postgres');
    talk.say('client', postgres.startup({ user: 'app', database: 'app', ...parameters }));
    talk.say('server', postgres.WELCOME);
    return talk;
  }

  mysql(from: string, to: string): Talk {
    const talk = this.connect(from, to, 'mysql');
    talk.say('server', mysql.greeting());
    talk.say('client', mysql.login());
    talk.say('server', mysql.ok(2));
    return talk;
  }

  amqp(from: string, to: string): Talk {
    const talk = this.connect(from, to, 'amqp');
    talk.say('client', amqp.PROTOCOL_HEADER);
    talk.say('client', amqpBytes({ method: 'channel.open' }) ?? '');
    return talk;
  }
}

/** Alice's rental, as far as it has come. */
class Rental {
  readonly stage: Stage;
  readonly customer: Talk;

  constructor(stage: Stage) {
    this.stage = stage;
    this.customer = stage.connect(CUSTOMER, AT.contracts, 'http');
  }

  asked(): this {
    this.stage.http(this.customer, 'POST /contracts', ['X-User: alice'], '{"dvd":7}');
    return this;
  }

  lookingUp(): this {
    const talk = this.asked().stage.connect(AT.contracts, AT.dvds, 'http');
    this.stage.http(talk, 'GET /dvds/7', []);
    this.#looked = () => this.stage.answer(talk, 200, '{"id":7,"price":"3.50"}');
    return this;
  }

  priced(): this {
    const { stage } = this.lookingUp();
    const db = stage.mysql(AT.dvds, AT.dvdDb);
    db.say('client', mysql.query('SELECT id, title, price, status FROM dvds WHERE id = 7'));
    db.say(
      'server',
      mysql.resultSet(['id', 'title', 'price', 'status'], [['7', 'A film', '3.50', 'available']]),
    );
    this.#looked();
    return this;
  }

  billing(): this {
    const talk = this.priced().stage.connect(AT.contracts, AT.users, 'http');
    this.stage.http(talk, 'POST /users/alice/charge', [], '{"contract":"c-1","amount":3.50}');
    this.#billed = () => this.stage.answer(talk, 200);
    return this;
  }

  billed(): this {
    const db = this.billing().stage.postgres(AT.users, AT.userDb);
    for (const text of [
      "UPDATE users SET balance = balance - 3.50 WHERE name = 'alice' AND balance >= 3.50 RETURNING balance",
      "INSERT INTO charges (contract, name, amount) VALUES ('c-1', 'alice', 3.50)",
    ]) {
      db.say('client', postgres.query(text));
      db.say('server', Buffer.concat([postgres.complete('UPDATE 1'), postgres.ready()]));
    }
    this.#billed();
    return this;
  }

  published(): this {
    const talk = this.billed().stage.amqp(AT.contracts, AT.queue);
    const properties = { 'content-type': 'application/json', 'correlation-id': 'c-1' };
    const args = { exchange: 'rentals', routingKey: 'rental.created' };
    talk.say('client', amqpBytes({ method: 'basic.publish', args, properties, content: RENTAL }) ?? '');
    this.stage.answer(this.customer, 201, '{"contract":"c-1","amount":"3.50"}');
    return this;
  }

  /** The consumer's connection, with the queue declared, bound and consumed. */
  consuming(): Talk {
    const talk = this.published().stage.amqp(AT.dvds, AT.queue);
    talk.say(
      'client',
      amqpBytes({ method: 'basic.consume', args: { queue: 'rentals', consumerTag: 'ct' } }) ?? '',
    );
    return talk;
  }

  delivered(): Talk {
    const talk = this.consuming();
    const args = { consumerTag: 'ct', deliveryTag: 1, exchange: 'rentals', routingKey: 'rental.created' };
    const properties = { 'content-type': 'application/json', 'correlation-id': 'c-1' };
    talk.say('server', amqpBytes({ method: 'basic.deliver', args, properties, content: RENTAL }) ?? '');
    return talk;
  }

  shipped(): Talk {
    const talk = this.delivered();
    const shipping = this.stage.connect(AT.dvds, AT.shipping, 'http');
    this.stage.http(shipping, 'POST /shipments', [], RENTAL);
    this.stage.answer(shipping, 201);
    return talk;
  }

  #looked: () => void = () => {};
  #billed: () => void = () => {};
}

/** A customer's request to the second policy's application. */
function started(stage: Stage): Stage {
  const customer = stage.connect(CUSTOMER, SHOP.web, 'http');
  stage.http(customer, 'GET /start/7?qty=2&price=3.50', ['X-User: alice']);
  return stage;
}

/** A place: all that must have happened, and the connection on which the variant speaks. */
export const PLACES: Readonly<Record<string, (stage: Stage) => Talk>> = {
  rent: (stage) => new Rental(stage).customer,
  'look-up': (stage) => new Rental(stage).asked().stage.connect(AT.contracts, AT.dvds, 'http'),
  'read-dvd': (stage) => new Rental(stage).lookingUp().stage.mysql(AT.dvds, AT.dvdDb),
  bill: (stage) => new Rental(stage).priced().stage.connect(AT.contracts, AT.users, 'http'),
  debit: (stage) => new Rental(stage).billing().stage.postgres(AT.users, AT.userDb),
  publish: (stage) => new Rental(stage).billed().stage.amqp(AT.contracts, AT.queue),
  consumer: (stage) => new Rental(stage).consuming(),
  delivered: (stage) => new Rental(stage).delivered(),
  shipped: (stage) => new Rental(stage).shipped(),
  ship: (stage) => {
    new Rental(stage).delivered();
    return stage.connect(AT.dvds, AT.shipping, 'http');
  },
  'mark-rented': (stage) => {
    new Rental(stage).shipped();
    return stage.mysql(AT.dvds, AT.dvdDb);
  },
  'contracts-to-queue': (stage) => stage.amqp(AT.contracts, AT.queue),
  'dvds-to-queue': (stage) => stage.amqp(AT.dvds, AT.queue),
  'contracts-to-users': (stage) => stage.connect(AT.contracts, AT.users, 'http'),
  'users-to-user-db': (stage) => stage.postgres(AT.users, AT.userDb),
  release: (stage) => {
    const customer = stage.connect(CUSTOMER, AT.returns, 'http');
    stage.http(customer, 'POST /returns', ['X-User: alice'], RENTAL);
    return stage.connect(AT.returns, AT.dvds, 'http');
  },
  'insert-user': (stage) => {
    const customer = stage.connect(CUSTOMER, AT.create, 'http');
    stage.http(customer, 'POST /users', [], '{"name":"alice","email":"a@example.com"}');
    return stage.postgres(AT.create, AT.userDb);
  },
  start: (stage) => stage.connect(CUSTOMER, SHOP.web, 'http'),
  api: (stage) => started(stage).connect(SHOP.web, SHOP.api, 'http'),
  pg: (stage) => started(stage).postgres(SHOP.web, SHOP.pg),
  'pg-log-in': (stage) => started(stage).connect(SHOP.web, SHOP.pg, 'postgres'),
  my: (stage) => started(stage).mysql(SHOP.web, SHOP.my),
  mq: (stage) => started(stage).amqp(SHOP.web, SHOP.mq),
};
