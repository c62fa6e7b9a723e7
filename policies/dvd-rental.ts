// The DVD rental of the paper's Figure 1(b): who its services are, and how one user request is served.
import {
  amqp,
  application,
  atLeast,
  body,
  chain,
  decimal,
  decreasedBy,
  fact,
  header,
  http,
  inOrder,
  once,
  outside,
  property,
  required,
  response,
  result,
  sql,
} from 'flowtap/policy';

export default application('dvd-rental', ({ external, service }) => {
  const customer = external('customer');
  const monitor = external('monitor', { at: '10.1.0.5' });
  const create = service('user-create', { at: '10.1.0.10', http: 8080 });
  const contracts = service('contract-update', { at: '10.1.0.11', http: 8080 });
  const users = service('user-update', { at: '10.1.0.12', http: 8080 });
  const dvds = service('dvd-update', { at: '10.1.0.13', http: 8080 });
  const returns = service('dvd-return', { at: '10.1.0.14', http: 8080 });
  const shipping = service('shipping', { at: '10.1.0.15', http: 8080 });
  const queue = service('queue', { at: '10.1.0.20', amqp: 5672 });
  const userDb = service('user-db', { at: '10.1.0.30', postgres: 5432 });
  const dvdDb = service('dvd-db', { at: '10.1.0.31', mysql: 3306 });

  // Step 1: a customer rents a DVD. The gateway in front has put the customer's name into x-user.
  const rent = http
    .post('/contracts')
    .from(customer)
    .to(contracts)
    .facts({
      user: header('x-user'),
      dvd: body('/dvd'),
      contract: response('/contract'),
      amount: decimal(response('/amount')),
    });
  const lookUp = http
    .get('/dvds/:dvd')
    .from(contracts)
    .to(dvds)
    .facts({ amount: decimal(response('/price')) });
  const readDvd = sql
    .select('dvds', ['id', 'title', 'price', 'status'])
    .from(dvds)
    .to(dvdDb)
    .where({ id: fact('dvd') })
    .facts({ amount: decimal(result('price')) });

  // Step 2: the customer's account is billed, with the price that the database gave and no other.
  const bill = http
    .post('/users/:user/charge')
    .from(contracts)
    .to(users)
    .facts({ contract: body('/contract'), amount: decimal(body('/amount')) });
  const debit = sql
    .update('users')
    .from(users)
    .to(userDb)
    .where({ name: fact('user'), balance: atLeast(fact('amount')) })
    .sets({ balance: decreasedBy(fact('amount')) })
    .returning('balance');
  const record = sql
    .insert('charges')
    .from(users)
    .to(userDb)
    .values({ contract: fact('contract'), name: fact('user'), amount: fact('amount') });

  // Step 3: a message asks for the DVD to be shipped. Step 4: it is shipped before the message is acknowledged.
  const message = { user: body('/user'), dvd: body('/dvd'), contract: body('/contract') };
  const publish = amqp
    .publish('rentals', 'rental.created')
    .from(contracts)
    .to(queue)
    .facts(message)
    .facts({ contract: property('correlation-id') });
  const deliver = amqp.deliver('rentals').from(queue).to(dvds).facts(message);
  const ship = http.post('/shipments').from(dvds).to(shipping).facts(message);
  const markRented = sql
    .update('dvds')
    .from(dvds)
    .to(dvdDb)
    .where({ id: fact('dvd') })
    .sets({ status: 'rented', renter: fact('user') })
    .named('mark rented');

  // Steps 5 and 6: the customer returns the DVD.
  const giveBack = http
    .post('/returns')
    .from(customer)
    .to(returns)
    .facts({ user: header('x-user'), contract: body('/contract'), dvd: body('/dvd') });
  const close = http
    .post('/users/:user/returns')
    .from(returns)
    .to(users)
    .facts({ contract: body('/contract') });
  const closeCharge = sql
    .update('charges')
    .from(users)
    .to(userDb)
    .where({ contract: fact('contract'), name: fact('user') })
    .sets({ returned: true });
  const release = http.put('/dvds/:dvd/status').from(returns).to(dvds);
  const markAvailable = sql
    .update('dvds')
    .from(dvds)
    .to(dvdDb)
    .where({ id: fact('dvd') })
    .sets({ status: 'available', renter: null })
    .named('mark available');

  // A new customer: user-create may insert, and do nothing else with the database.
  const signUp = http
    .post('/users')
    .from(customer)
    .to(create)
    .facts({ user: body('/name'), email: body('/email') });
  const insertUser = sql
    .insert('users')
    .from(create)
    .to(userDb)
    .values({ name: fact('user'), email: fact('email'), balance: 0 })
    .returning('id');

  const health = [create, contracts, users, dvds, returns, shipping].map((to) =>
    http.get('/health').from(monitor).to(to),
  );
  const pool = [create, users].flatMap((from) => [
    sql.begin().from(from).to(userDb),
    sql.commit().from(from).to(userDb),
    sql.rollback().from(from).to(userDb),
    sql.set('application_name').from(from).to(userDb),
  ]);
  const topology = [
    amqp.declareExchange('rentals').from(contracts).to(queue),
    amqp.declareExchange('rentals').from(dvds).to(queue),
    amqp.declareQueue('rentals').from(dvds).to(queue),
    amqp.bindQueue('rentals', 'rentals', 'rental.created').from(dvds).to(queue),
    amqp.consume('rentals').from(dvds).to(queue),
  ];

  return [
    chain(
      rent,
      inOrder(
        once(lookUp, once(readDvd)),
        once(bill, once(debit), once(record)).retried(2),
        once(publish, once(deliver, required(ship), once(markRented))),
      ),
    ),
    chain(giveBack, once(close, once(closeCharge)), once(release, once(markAvailable))),
    chain(signUp, once(insertUser)),
    outside(...health, ...pool, ...topology),
  ];
});
