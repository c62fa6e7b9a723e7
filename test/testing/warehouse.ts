// A policy with every cardinality and a queue, for tests of the tests. Enters: nothing; leaves: its document.
import {
  amqp,
  application,
  body,
  chain,
  eventually,
  header,
  http,
  inOrder,
  many,
  once,
  optional,
  outside,
  required,
} from 'flowtap/policy';

export const warehouse = application('warehouse', ({ external, service }) => {
  const customer = external('customer');
  const orders = service('orders', { at: '10.3.0.0/24', http: 8080 });
  const stock = service('stock', { at: '10.3.1.1', http: 8080 });
  const broker = service('broker', { at: '10.3.2.1', amqp: 5672 });

  const order = http
    .post('/orders')
    .from(customer)
    .to(orders)
    .facts({ user: header('x-user') });
  const look = http.get('/stock').from(orders).to(stock);
  const reserve = http
    .post('/reservations')
    .from(orders)
    .to(stock)
    .facts({ user: body('/user') });
  const gift = http.post('/gifts').from(orders).to(stock);
  const publish = amqp
    .publish('orders', 'created')
    .from(orders)
    .to(broker)
    .facts({ user: body('/user') });
  const deliver = amqp
    .deliver('orders')
    .from(broker)
    .to(stock)
    .facts({ user: body('/user') });
  const pack = http
    .post('/parcels')
    .from(stock)
    .to(orders)
    .facts({ user: body('/user') });
  const notify = http.post('/letters').from(stock).to(orders);
  return [
    chain(
      order,
      inOrder(
        many(look),
        once(reserve).retried(1),
        optional(gift),
        once(publish, once(deliver, required(pack), eventually(notify, '1s'))),
      ),
    ),
    outside(amqp.consume('orders').from(stock).to(broker)),
  ];
});
