// A shop: who orders is charged. Enters: nothing; leaves: its policy.
import {
  application,
  body,
  chain,
  decimal,
  decreasedBy,
  fact,
  header,
  http,
  once,
  sql,
} from 'flowtap/policy';

export default application('shop', ({ external, service }) => {
  const customer = external('customer');
  const orders = service('orders', { at: '10.2.0.11', http: 8080 });
  const billing = service('billing', { at: '10.2.0.12', http: 8080 });
  const db = service('billing-db', { at: '10.2.0.30', postgres: 5432 });

  const order = http
    .post('/orders')
    .from(customer)
    .to(orders)
    .facts({ user: header('x-user'), amount: decimal(body('/amount')) });
  const charge = http
    .post('/users/:user/charge')
    .from(orders)
    .to(billing)
    .facts({ amount: body('/amount') });
  const debit = sql
    .update('users')
    .from(billing)
    .to(db)
    .where({ name: fact('user') })
    .sets({ balance: decreasedBy(fact('amount')) });

  return chain(order, once(charge, once(debit)));
});
