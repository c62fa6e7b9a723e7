// Every attack that a compromised service makes in the soak. Enters: a shop, a rental; leaves: plots.

import { AT } from '../support/dvd-rental.ts';
import { Oracle } from './oracle.ts';
import type { Point, Rental, Said } from './rental.ts';
import { billOf, type Shop } from './shop.ts';
import type { Doing } from './simulation.ts';
import { PRICES } from './stock.ts';
import type { Sender, Wire } from './wire.ts';

/** What an attack may use. */
export interface Means {
  readonly shop: Shop;
  readonly oracle: Oracle;
  /** Whom it is made in the name of. */
  readonly sender: Sender;
  /** What honest services do with what it forged. */
  readonly aftermath: Sender;
  /** The rental, return or sign-up within which it strikes; of an attack that stands alone, a rental that ended. */
  readonly rental: Rental;
  /** Any user but the rental's own. */
  someUser(): string;
  /** Remembers what the forged request says, for the oracle; `null` for one that no rental can explain. */
  forge(point: Point | null, said?: Partial<Said>): void;
}

export interface AttackKind {
  readonly name: string;
  /** Within what it strikes. */
  readonly within: 'rental' | 'return' | 'sign-up' | 'alone';
  readonly at: Point;
  /** True when honest services go on with what was forged. */
  readonly spreads: boolean;
  /** What is said instead of the truth. */
  readonly alter?: (said: Said, means: Means) => Said;
  /** The statement that is sent instead. */
  readonly text?: (said: Said) => string;
  /** What is done besides. */
  readonly intrude?: (means: Means) => Doing;
}

const saidOf = ({ user, dvd, contract, amount, trace }: Rental): Said => ({
  user,
  dvd,
  contract,
  amount,
  trace,
});
const madeUp = (shop: Shop): string => `x-${shop.simulation.below(1e9).toString(36)}`;
const anyPrice = (shop: Shop): string => shop.simulation.random.pick(PRICES) ?? PRICES[0];
const otherDvd = (said: Said): number => said.dvd + 200;

function alter(
  name: string,
  at: Point,
  spreads: boolean,
  change: (said: Said, means: Means) => Partial<Said>,
  asked: Point | null = at,
): AttackKind {
  return {
    name,
    within: 'rental',
    at,
    spreads,
    alter: (said, means) => {
      const forged = { ...said, ...change(said, means) };
      means.forge(asked, forged);
      return forged;
    },
  };
}

function say(name: string, at: Point, text: (said: Said) => string): AttackKind {
  return { ...alter(name, at, false, () => ({}), null), text };
}

function besides(
  name: string,
  within: AttackKind['within'],
  at: Point,
  intrude: (means: Means) => Doing,
): AttackKind {
  return { name, within, at, spreads: false, intrude };
}

/** A connection of its own that says nothing that a policy knows. */
const connects = (from: string, to: string, port: number, noise?: (wire: Wire, sender: Sender) => void) =>
  function* ({ shop, sender, forge }: Means): Doing {
    forge(null);
    const wire = shop.network.connect(from, to, port, sender);
    yield 500;
    noise?.(wire, sender);
    yield 500;
    wire.close(sender);
  };

const ssh = (wire: Wire, sender: Sender): void =>
  wire.send(sender, 'orig', {
    kind: 'analysis-lost',
    cause: 'other-protocol',
    protocol: 'http',
    detail: 'looks like SSH where HTTP is declared',
    lasting: true,
  });

/** How often an attacker looks for a victim before it gives up. */
const PATIENCE = 400;

/** A charge for whatever is open just now: of a user who waits for exactly this charge. */
const billsOpenRental = (withTrace: boolean) =>
  function* ({ shop, oracle, sender, aftermath, forge }: Means): Doing {
    const waits = (rental: Rental): boolean =>
      Oracle.awaitsBill(rental) && (!withTrace || rental.trace !== null);
    let [victim] = oracle.find(waits);
    for (let tries = 0; victim === undefined && tries < PATIENCE; tries++) {
      yield 500;
      [victim] = oracle.find(waits);
    }
    if (victim === undefined) return;
    const said = {
      ...saidOf(victim),
      contract: madeUp(shop),
      amount: shop.stock.price(victim.dvd),
      trace: withTrace ? victim.trace : null,
    };
    yield* shop.charge(sender, aftermath, said, () => forge('bill', said));
  };

const charges = (say: (means: Means) => Partial<Said>) =>
  function* (means: Means): Doing {
    const said = { ...saidOf(means.rental), contract: madeUp(means.shop), ...say(means) };
    yield* means.shop.charge(means.sender, means.aftermath, said, () => means.forge('bill', said));
  };

const asks = (
  from: 'contracts' | 'returns',
  method: string,
  path: (said: Said, means: Means) => string,
  parts: (said: Said) => object = () => ({}),
) =>
  function* (means: Means): Doing {
    const said = saidOf(means.rental);
    const pool = from === 'contracts' ? means.shop.users : means.shop.usersOfReturns;
    const onSend = (): void => means.forge(null);
    yield* means.shop.request(means.sender, pool, method, path(said, means), parts(said), onSend);
  };

const queries = (
  pool: 'userDb' | 'userDbOfCreate' | 'dvdDb',
  text: string,
  values: (means: Means) => (string | number)[] = () => [],
  point: Point | null = null,
) =>
  function* (means: Means): Doing {
    const bound = values(means);
    const said =
      point === 'price' ? { dvd: Number(bound[0]) } : { amount: String(bound[0]), user: String(bound[1]) };
    const { shop, sender, forge } = means;
    const dialect = pool === 'dvdDb' ? 'mysql' : 'postgres';
    yield* shop.statement(sender, shop[pool], dialect, text, bound, () => forge(point, said));
  };

const amqp = (of: 'publisher' | 'consumer', method: Parameters<Wire['amqp']>[3], withBody = false) =>
  function* ({ shop, sender, rental, forge }: Means): Doing {
    forge(null);
    const { contract, user, dvd } = rental;
    const parts = withBody
      ? { body: { contract, user, dvd }, properties: { correlationId: contract } }
      : undefined;
    shop.broker.wire(of).amqp(sender, 'orig', 1, method, parts);
    yield 1000;
  };

const DEBIT = 'UPDATE users SET balance = balance - $1 WHERE name = $2 AND balance >= $1 RETURNING balance';

export const ATTACKS: readonly AttackKind[] = [
  // What the captures in test/cases show.
  alter('bills bob for alice', 'bill', true, (_, { someUser }) => ({ user: someUser() })),
  alter('bills another amount', 'bill', true, ({ amount }) => ({ amount: (Number(amount) + 10).toFixed(2) })),
  alter('forged trace header', 'bill', true, (_, { someUser, shop }) => ({
    user: someUser(),
    trace: traceOf(shop),
  })),
  besides(
    'bills twice',
    'rental',
    'billed',
    charges(({ rental }) => ({ contract: rental.contract })),
  ),
  besides(
    'bills without request',
    'alone',
    'answered',
    charges(({ shop, someUser }) => ({ user: someUser(), amount: anyPrice(shop), trace: null })),
  ),
  alter("debits bob's row", 'debit', false, (_, { someUser }) => ({ user: someUser() })),
  say(
    'stacked statement',
    'debit',
    ({ user, amount }) =>
      `UPDATE users SET balance = balance - ${amount} WHERE name = '${user}' AND balance >= ${amount}; DELETE FROM charges`,
  ),
  say('update without where', 'debit', () => 'UPDATE users SET balance = balance - $1'),
  alter('another dvd in message', 'publish', true, (said) => ({ dvd: otherDvd(said) })),
  alter('acks without shipping', 'ack', false, () => ({})),
  besides('purges queue', 'rental', 'delivered', amqp('consumer', { name: 'queue.purge', queue: 'rentals' })),
  besides('connects outside', 'rental', 'charging', connects(AT.users, '203.0.113.9', 8443)),
  besides('shipping connects to database', 'rental', 'shipping', connects(AT.shipping, AT.userDb, 5432)),
  besides('dvd-return connects to database', 'return', 'returning', connects(AT.returns, AT.dvdDb, 3306)),
  besides(
    'other protocol on allowed port',
    'rental',
    'charging',
    connects(AT.contracts, AT.users, 8080, ssh),
  ),
  besides(
    'user-create selects user',
    'sign-up',
    'inserted',
    queries(
      'userDbOfCreate',
      'SELECT id, name, email, balance FROM users WHERE name = $1',
      ({ someUser }) => [someUser()],
    ),
  ),
  // Charges that imitate an open rental.
  besides('bills an open rental, no trace', 'alone', 'answered', billsOpenRental(false)),
  besides('bills an open rental, its trace', 'alone', 'answered', billsOpenRental(true)),
  alter('bills another price', 'bill', true, ({ amount }, { shop }) => ({
    amount: otherPrice(amount, shop),
  })),
  alter("forged trace of another's rental", 'bill', true, (said, { shop, oracle, someUser }) => {
    const other = shop.simulation.random.pick(
      oracle.find(({ trace, user }) => trace !== null && user !== said.user),
    );
    return other === undefined ? { user: someUser(), trace: traceOf(shop) } : { trace: other.trace };
  }),
  besides(
    'bills again after the answer',
    'rental',
    'answered',
    charges(({ rental }) => ({ contract: rental.contract })),
  ),
  // The rest of a rental, changed.
  alter('looks another dvd up', 'look-up', true, (said) => ({ dvd: otherDvd(said) })),
  alter('says a lower price', 'price', true, () => ({ amount: '0.50' }), null),
  alter('records another user', 'record', false, (_, { someUser }) => ({ user: someUser() })),
  alter('records another amount', 'record', false, ({ amount }) => ({
    amount: (Number(amount) - 2).toFixed(2),
  })),
  alter('ships to another user', 'ship', true, (_, { someUser }) => ({ user: someUser() })),
  alter('marks another dvd', 'mark', false, (said) => ({ dvd: otherDvd(said) })),
  {
    ...alter("closes another's contract", 'close', true, (_, { someUser }) => ({ user: someUser() })),
    within: 'return',
  },
  {
    ...alter('releases another dvd', 'release', true, (said) => ({ dvd: otherDvd(said) })),
    within: 'return',
  },
  { ...alter('registers with a balance', 'insert', false, () => ({ amount: '1000.00' })), within: 'sign-up' },
  // Requests besides.
  besides(
    'debits a second time',
    'alone',
    'answered',
    queries('userDb', DEBIT, ({ shop, someUser }) => [anyPrice(shop), someUser()], 'debit'),
  ),
  besides(
    'reads a dvd that nobody asked for',
    'alone',
    'answered',
    queries(
      'dvdDb',
      'SELECT id, title, price, status FROM dvds WHERE id = ?',
      ({ rental }) => [rental.dvd + 300],
      'price',
    ),
  ),
  besides(
    'reads all dvds',
    'alone',
    'answered',
    queries('dvdDb', 'SELECT id, title, price, status FROM dvds WHERE id = 7 OR 1 = 1'),
  ),
  besides('deletes charges', 'alone', 'answered', queries('userDb', 'DELETE FROM charges')),
  besides(
    'deletes a user',
    'alone',
    'answered',
    asks('contracts', 'DELETE', (_, { someUser }) => `/users/${someUser()}`),
  ),
  besides(
    'bills with two amounts',
    'alone',
    'answered',
    asks(
      'contracts',
      'POST',
      ({ user }) => `/users/${user}/charge`,
      (said) => ({
        ...billOf(said),
        headers: { 'content-type': 'application/json' },
        body: `{"contract":"${said.contract}","amount":"0.01","amount":"${said.amount}"}`,
      }),
    ),
  ),
  besides(
    'dvd-return bills',
    'return',
    'returning',
    asks('returns', 'POST', ({ user }) => `/users/${user}/charge`, billOf),
  ),
  besides('replays a delivery', 'alone', 'answered', function* ({ shop, sender, rental, forge }) {
    forge(null);
    shop.broker.replay(sender, { said: saidOf(rental), trace: rental.trace, id: 1 });
    yield 1000;
  }),
  besides(
    'publishes to another queue',
    'rental',
    'billed',
    amqp(
      'publisher',
      { name: 'basic.publish', exchange: '', routingKey: 'payroll', mandatory: false, immediate: false },
      true,
    ),
  ),
  besides(
    'publishes a rental again',
    'alone',
    'answered',
    amqp(
      'publisher',
      {
        name: 'basic.publish',
        exchange: 'rentals',
        routingKey: 'rental.created',
        mandatory: false,
        immediate: false,
      },
      true,
    ),
  ),
  besides(
    'takes from another queue',
    'rental',
    'delivered',
    amqp('consumer', {
      name: 'basic.consume',
      queue: 'payroll',
      consumerTag: 'spy',
      noAck: true,
      exclusive: false,
      arguments: new Map(),
    }),
  ),
];

function otherPrice(amount: string, shop: Shop): string {
  const others = PRICES.filter((price) => price !== amount);
  return shop.simulation.random.pick(others) ?? amount;
}

/** 32 hexadecimal digits that no rental has. */
export function traceOf(shop: Shop): string {
  const digit = (): string => shop.simulation.below(16).toString(16);
  return Array.from({ length: 32 }, digit).join('');
}
