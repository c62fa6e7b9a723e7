// An application for tests of the gate: a shop in front of every kind of service. Leaves: its policy.

import {
  amqp,
  application,
  body,
  chain,
  fact,
  header,
  http,
  many,
  once,
  optional,
  outside,
  response,
  result,
  type Settings,
  settings,
  sql,
} from '../../src/policy/author.ts';
import type { PolicyDocument } from '../../src/policy/document.ts';

/** Who is where; on loopback, so that the same policy serves with sockets. */
export const AT = {
  user: '127.9.0.1',
  shop: '127.9.0.2',
  ledger: '127.9.0.3',
  postgres: '127.9.0.4',
  mysql: '127.9.0.5',
  broker: '127.9.0.6',
  worker: '127.9.0.7',
} as const;

export interface Ports {
  readonly http: number;
  readonly postgres: number;
  readonly mysql: number;
  readonly amqp: number;
}

const PORTS: Ports = { http: 8080, postgres: 5432, mysql: 3306, amqp: 5672 };

/** A user buys in the shop: one row, one message; uploads stream; anybody may ask for `/health`. */
export function shopPolicy(
  given: Settings = {},
  ports: Ports = PORTS,
  shopAt: string = AT.shop,
): PolicyDocument {
  return application('shop', ({ external, service }) => {
    const user = external('user', { at: AT.user });
    const shop = service('shop', { at: shopAt, http: ports.http });
    const ledger = service('ledger', { at: AT.ledger, http: ports.http });
    const rows = service('rows', { at: AT.postgres, postgres: ports.postgres });
    const stock = service('stock', { at: AT.mysql, mysql: ports.mysql });
    const broker = service('broker', { at: AT.broker, amqp: ports.amqp });
    const worker = service('worker', { at: AT.worker, http: ports.http });

    const buy = http
      .post('/buy')
      .from(user)
      .to(shop)
      .facts({ user: header('x-user'), item: body('/item') });
    const price = http
      .get('/price')
      .from(user)
      .to(shop)
      .facts({ price: response('/price') });
    const upload = http.put('/upload').from(user).to(shop).streams();
    const health = http.get('/health').from(user).to(shop);
    const ping = http.post('/ping').from(user).to(shop);
    const note = http
      .post('/notes')
      .from(shop)
      .to(ledger)
      .facts({ user: body('/user'), item: body('/item') });
    const insert = sql
      .insert('orders')
      .from(shop)
      .to(rows)
      .values({ buyer: fact('user'), item: fact('item') });
    const take = sql
      .update('stock')
      .from(shop)
      .to(stock)
      .where({ item: fact('item') })
      .sets({ taken: true });
    const look = sql
      .select('stock', ['item', 'left'])
      .from(shop)
      .to(stock)
      .where({ item: fact('item') })
      .facts({ item: result('item') });
    const transactions = (['begin', 'commit', 'rollback'] as const).flatMap((verb) => [
      sql[verb]().from(shop).to(rows),
      sql[verb]().from(shop).to(stock),
    ]);
    const publish = amqp
      .publish('shop', 'bought')
      .from(shop)
      .to(broker)
      .facts({ user: body('/user'), item: body('/item') });
    const deliver = amqp
      .deliver('bought')
      .from(broker)
      .to(worker)
      .facts({ user: body('/user'), item: body('/item') });
    const consume = amqp.consume('bought').from(worker).to(broker);
    return [
      settings({ reorder: '10ms', clockSkew: '5ms', refuse: 'answer', ...given }),
      chain(price),
      chain(
        buy,
        optional(note),
        many(insert),
        optional(take),
        optional(look),
        optional(publish, once(deliver)),
      ),
      outside(health, ping, upload, consume, ...transactions),
    ];
  });
}
