// A rental with log-in: who returns a DVD is who rented it, hours and many requests later. Enters: nothing; leaves: its policy.
import {
  application,
  body,
  chain,
  cookie,
  fact,
  http,
  memory,
  once,
  response,
  responseCookie,
  secret,
  sql,
} from 'flowtap/policy';

export default application('rentals', ({ external, service }) => {
  const customer = external('customer');
  const auth = service('auth', { at: '10.3.0.10', http: 8080 });
  const contracts = service('contracts', { at: '10.3.0.11', http: 8080 });
  const db = service('contracts-db', { at: '10.3.0.30', postgres: 5432 });

  // Whose session a cookie is; and who rented what under which contract.
  const sessions = memory('sessions', { by: 'session', keeps: ['user'], for: '8h' });
  const rentals = memory('rentals', { by: 'contract', keeps: ['user', 'dvd'], for: '30d' });
  const session = secret(cookie('sid'));

  const logIn = http
    .post('/login')
    .from(customer)
    .to(auth)
    .facts({ user: body('/user'), session: secret(responseCookie('sid')) })
    .remembers(sessions);
  const logOut = http.post('/logout').from(customer).to(auth).facts({ session }).forgets(sessions);

  const rent = http
    .post('/contracts')
    .from(customer)
    .to(contracts)
    .facts({ session, dvd: body('/dvd'), contract: response('/contract') })
    .recalls(sessions)
    .remembers(rentals);
  const store = sql
    .insert('contracts')
    .from(contracts)
    .to(db)
    .values({ id: fact('contract'), name: fact('user'), dvd: fact('dvd') });

  const giveBack = http
    .post('/returns')
    .from(customer)
    .to(contracts)
    .facts({ session, contract: body('/contract') })
    .recalls(sessions, rentals)
    .forgets(rentals);
  const release = sql
    .update('dvds')
    .from(contracts)
    .to(db)
    .where({ id: fact('dvd'), renter: fact('user') })
    .sets({ renter: null });

  return [chain(logIn), chain(logOut), chain(rent, once(store)), chain(giveBack, once(release))];
});
