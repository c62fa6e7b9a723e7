// What policies/dvd-rental.ts has no need of: forms, cookies, queries, copies, arguments, transactions. Leaves: a policy.
import {
  amqp,
  any,
  application,
  atLeast,
  body,
  chain,
  cookie,
  decimal,
  fact,
  form,
  header,
  http,
  integer,
  many,
  maybe,
  once,
  outside,
  property,
  query,
  sql,
} from '../../../src/policy/author.ts';

export const evasion = application('evasion', ({ external, service }) => {
  const customer = external('customer');
  const web = service('web', { at: '10.3.0.11', http: 8080 });
  const api = service('api', { at: '10.3.0.12', http: 8080 });
  const mq = service('mq', { at: '10.3.0.20', amqp: 5672 });
  const pg = service('pg', { at: '10.3.0.30', postgres: 5432 });
  const my = service('my', { at: '10.3.0.31', mysql: 3306 });

  const start = http
    .get('/start/:item')
    .from(customer)
    .to(web)
    .facts({ user: header('x-user'), qty: integer(query('qty')), price: decimal(query('price')) });

  const asked = [
    http
      .post('/orders')
      .from(web)
      .to(api)
      .facts({ user: form('user'), item: form('item') }),
    http
      .get('/search')
      .from(web)
      .to(api)
      .facts({ user: query('user') })
      .query('page'),
    http
      .get('/me')
      .from(web)
      .to(api)
      .facts({ user: cookie('user') }),
    http
      .get('/whoami')
      .from(web)
      .to(api)
      .facts({ user: header('x-user') }),
    http
      .post('/carts')
      .from(web)
      .to(api)
      .facts({
        user: body('/user'),
        item: body('/items/0/id'),
        qty: integer(body('/items/0/qty')),
        price: decimal(body('/price')),
        coupon: maybe(body('/coupon')),
      }),
    http.put('/carts/:user').from(web).to(api),
    http.post('/carts/:user/notes').from(web).to(api),
    http.delete('/carts/:user').from(web).to(api),
    http.post('/profiles/:user').from(web).to(api).overriding('PATCH'),
    sql
      .select('orders', ['id', 'item', 'total'])
      .from(web)
      .to(pg)
      .where({ name: fact('user'), total: atLeast(0) })
      .allowing('order-by', 'limit'),
    sql
      .delete('carts')
      .from(web)
      .to(pg)
      .where({ name: fact('user'), item: fact('item') }),
    sql
      .insert('orders')
      .from(web)
      .to(pg)
      .values({ name: fact('user'), item: fact('item'), qty: fact('qty'), total: fact('price'), made: any() })
      .returning('id'),
    sql
      .update('carts')
      .from(web)
      .to(my)
      .where({ name: fact('user') })
      .sets({ item: fact('item'), qty: fact('qty') }),
    sql
      .delete('carts')
      .from(web)
      .to(my)
      .where({ name: fact('user'), item: fact('item') }),
    sql
      .insert('orders')
      .from(web)
      .to(my)
      .values({ name: fact('user'), item: fact('item'), qty: fact('qty') }),
    sql
      .select('orders', ['id', 'item'])
      .from(web)
      .to(my)
      .where({ name: fact('user') })
      .allowing('order-by', 'limit'),
    amqp
      .publish('orders', 'order.made')
      .from(web)
      .to(mq)
      .facts({ user: body('/user'), item: body('/item') }),
    amqp
      .publish('audit', 'order.seen')
      .from(web)
      .to(mq)
      .facts({ user: header('user'), reply: property('reply-to') })
      .copying('order.copied')
      .allowing('expiration', 'priority'),
  ];

  return [
    chain(start, ...asked.map((request) => (request === asked[0] ? once(request) : many(request)))),
    outside(
      sql.set('application_name').from(web).to(pg),
      sql.begin().from(web).to(pg),
      sql.commit().from(web).to(pg),
      sql.rollback().from(web).to(pg),
      amqp.declareExchange('orders').from(web).to(mq).ofType('topic'),
      amqp
        .declareQueue('orders')
        .from(web)
        .to(mq)
        .arguments({ 'x-queue-type': 'quorum', 'x-dead-letter-exchange': 'dead', 'x-message-ttl': 60_000 }),
      amqp.declareQueue('replies').from(web).to(mq).allowing('exclusive', 'auto-delete'),
      amqp.bindQueue('orders', 'orders', 'order.made').from(web).to(mq).arguments({ 'x-match': 'all' }),
      amqp.consume('replies').from(web).to(mq).allowing('exclusive', 'no-ack'),
      amqp.get('replies').from(web).to(mq),
      amqp.transaction().from(web).to(mq),
    ),
  ];
});
