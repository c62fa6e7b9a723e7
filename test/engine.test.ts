// The stories of the DVD rental told as events. Enters: stories; leaves: the verdicts that they must have.
import { describe, expect, test } from 'vitest';
import policy from '../policies/dvd-rental.ts';
import { AT, DvdRental, rental, traceparent } from './support/dvd-rental.ts';
import { brief, judge } from './support/judge.ts';

const ALICE = rental({ trace: 'a'.repeat(32) });
const BOB = rental({ user: 'bob', dvd: 9, contract: 'c-2', amount: '4.25', trace: 'b'.repeat(32) });

describe('honest stories give no drop and nothing that cannot be told', () => {
  test('one rental is explained request by request and its chain is complete', async () => {
    const told = new DvdRental();
    told.rent(ALICE);
    const { verdicts, drops, indeterminate, chains } = await judge(policy, told.story.end());
    expect(brief(drops)).toEqual([]);
    expect(brief(indeterminate)).toEqual([]);
    expect(chains).toMatchObject([
      {
        outcome: 'complete',
        missing: [],
        requests: 10,
        facts: { user: 'alice', dvd: '7', contract: 'c-1', amount: '3.5' },
      },
    ]);
    expect(verdicts.filter(({ reasons }) => reasons[0].code === 'explained')).toHaveLength(9);
  });

  test('two customers at once are told apart by their facts, without any trace header', async () => {
    const told = new DvdRental();
    const alice = rental();
    const bob = { ...BOB, trace: null };
    const answers = [alice, bob].map((each) => told.ask(each));
    for (const each of [bob, alice]) told.lookUp(each);
    const billed = [alice, bob].map((each) => told.bill(each));
    for (const each of [bob, alice]) told.debit(each);
    for (const answer of billed) answer();
    for (const each of [bob, alice]) told.publish(each);
    for (const answer of answers) answer();
    for (const each of [alice, bob]) told.shipped(each);
    const { drops, indeterminate, chains, engine } = await judge(policy, told.story.end());
    expect(brief(drops)).toEqual([]);
    expect(brief(indeterminate)).toEqual([]);
    expect(chains.map(({ outcome, facts }) => [outcome, facts.user])).toEqual([
      ['complete', 'alice'],
      ['complete', 'bob'],
    ]);
    expect(engine.statistics.ambiguous).toBe(0);
  });

  test('a payment that fails ends its chain without a violation', async () => {
    const told = new DvdRental();
    const answer = told.ask(ALICE);
    told.lookUp(ALICE);
    told.bill(ALICE)(402);
    answer(402);
    const { drops, chains } = await judge(policy, told.story.end());
    expect(brief(drops)).toEqual([]);
    expect(chains).toMatchObject([{ outcome: 'failed' }]);
  });

  test('a bill that got no answer before its connection ended may be sent again', async () => {
    const told = new DvdRental();
    const answer = told.ask(ALICE);
    told.lookUp(ALICE);
    told.bill(ALICE);
    told.toUsers.close('rst');
    const billed = told.bill(ALICE, told.story.connect(AT.contracts, `${AT.users}:8080`));
    told.debit(ALICE);
    billed();
    told.publish(ALICE);
    answer();
    told.shipped(ALICE);
    const { drops, chains } = await judge(policy, told.story.end());
    expect(brief(drops)).toEqual([]);
    expect(chains).toMatchObject([{ outcome: 'complete' }]);
  });
});

describe('each attack is dropped at the offending request and nowhere else', () => {
  test('contract-update bills bob for the rental of alice', async () => {
    const told = new DvdRental();
    const answer = told.ask(ALICE);
    told.lookUp(ALICE);
    const billed = told.bill({ ...ALICE, user: 'bob' });
    told.debit({ ...ALICE, user: 'bob' });
    billed();
    told.publish(ALICE);
    answer();
    told.shipped(ALICE);
    const { drops, indeterminate, outputs } = await judge(policy, told.story.end());
    expect(brief(drops)).toEqual(['fact-differs: POST /users/bob/charge (contract-update to user-update)']);
    expect(drops[0]?.nearest?.differences).toMatchObject([{ fact: 'user', expected: 'alice', seen: 'bob' }]);
    expect(drops[0]).toMatchObject({ action: 'block', effect: 'detected', decidedBy: 'integrity' });
    expect(indeterminate.every(({ cannotTell }) => cannotTell?.code === 'consequence')).toBe(true);
    const blocks = outputs.flatMap((output) => (output.kind === 'block' ? [output.block] : []));
    expect(blocks).toMatchObject([{ flow: told.toUsers.flow, verdict: drops[0]?.id, owner: 'dvd-rental' }]);
  });

  test('in redirect the denied bill never arrived, so what user-update does about it is its own offence', async () => {
    const told = new DvdRental();
    told.ask(ALICE);
    told.lookUp(ALICE);
    told.bill({ ...ALICE, user: 'bob' });
    told.debit({ ...ALICE, user: 'bob' });
    const { drops } = await judge(policy, told.story.end(), 'redirect');
    expect(brief(drops)).toMatchObject([
      'fact-differs: POST /users/bob/charge (contract-update to user-update)',
      expect.stringContaining('UPDATE users'),
      expect.stringContaining('INSERT INTO charges'),
    ]);
    expect(drops.map(({ effect }) => effect)).toEqual(['prevented', 'prevented', 'prevented']);
  });

  test('user-update debits the row of bob', async () => {
    const told = new DvdRental();
    const answer = told.ask(ALICE);
    told.lookUp(ALICE);
    const billed = told.bill(ALICE);
    const text =
      'UPDATE users SET balance = balance - $1 WHERE name = $2 AND balance >= $1 RETURNING balance';
    told.toUserDb.sql('postgres', text, ['3.50', 'bob'])([{ balance: '1.00' }]);
    told.record(ALICE);
    billed();
    told.publish(ALICE);
    answer();
    told.shipped(ALICE);
    const { drops } = await judge(policy, told.story.end());
    expect(drops.map(({ reasons, step }) => [reasons[0].code, step])).toEqual([
      ['fact-differs', 'update users'],
    ]);
  });

  test('contract-update bills bob while no customer request is open', async () => {
    const told = new DvdRental();
    told.bill(BOB)();
    const { drops } = await judge(policy, told.story.end());
    expect(brief(drops)).toEqual(['no-open-chain: POST /users/bob/charge (contract-update to user-update)']);
  });

  test('contract-update bills twice', async () => {
    const told = new DvdRental();
    const answer = told.ask(ALICE);
    told.lookUp(ALICE);
    const billed = told.bill(ALICE);
    told.debit(ALICE);
    billed();
    const again = told.bill(ALICE);
    told.debit(ALICE);
    again();
    told.publish(ALICE);
    answer();
    told.shipped(ALICE);
    const { drops, indeterminate } = await judge(policy, told.story.end());
    expect(brief(drops)).toEqual(['already-done: POST /users/alice/charge (contract-update to user-update)']);
    expect(indeterminate).toHaveLength(2);
  });

  test('contract-update bills twice by hanging up after the first one was debited', async () => {
    const told = new DvdRental();
    const answer = told.ask(ALICE);
    told.lookUp(ALICE);
    told.bill(ALICE);
    told.debit(ALICE);
    told.toUsers.close('rst');
    const again = told.bill(ALICE, told.story.connect(AT.contracts, `${AT.users}:8080`));
    told.debit(ALICE);
    again();
    told.publish(ALICE);
    answer();
    told.shipped(ALICE);
    const { drops, chains } = await judge(policy, told.story.end());
    expect(drops.map(({ reasons, step }) => [reasons[0].code, step])).toEqual([
      ['already-done', 'update users'],
      ['already-done', 'insert charges'],
    ]);
    expect(chains).toMatchObject([{ outcome: 'complete' }]);
  });

  test('contract-update bills another amount than the price in the database', async () => {
    const told = new DvdRental();
    told.ask(ALICE);
    told.lookUp(ALICE);
    told.bill({ ...ALICE, amount: '35.00' })();
    const { drops } = await judge(policy, told.story.end());
    expect(brief(drops)).toEqual(['fact-differs: POST /users/alice/charge (contract-update to user-update)']);
    expect(drops[0]?.nearest?.differences).toMatchObject([{ fact: 'amount', expected: '3.5', seen: '35' }]);
  });

  test('contract-update bills under a trace id that no open request has', async () => {
    const told = new DvdRental();
    told.ask(ALICE);
    told.lookUp(ALICE);
    told.bill({ ...ALICE, trace: 'f'.repeat(32) })();
    const { drops } = await judge(policy, told.story.end());
    expect(brief(drops)).toEqual([
      'key-names-no-chain: POST /users/alice/charge (contract-update to user-update)',
    ]);
  });

  test('the trace id of another open request names that one, and its facts do not agree', async () => {
    const told = new DvdRental();
    for (const each of [ALICE, BOB]) {
      told.ask(each);
      told.lookUp(each);
    }
    told.bill({ ...ALICE, trace: BOB.trace })();
    const { drops } = await judge(policy, told.story.end());
    expect(brief(drops)).toEqual(['fact-differs: POST /users/alice/charge (contract-update to user-update)']);
    expect(drops[0]?.nearest?.facts.user).toBe('bob');
  });

  test('dvd-update acknowledges without shipping', async () => {
    const told = new DvdRental();
    const answer = told.ask(ALICE);
    told.lookUp(ALICE);
    const billed = told.bill(ALICE);
    told.debit(ALICE);
    billed();
    told.publish(ALICE);
    answer();
    told.ack(told.deliver(ALICE));
    const { drops, chains } = await judge(policy, told.story.end());
    expect(brief(drops)).toEqual(['out-of-order: basic.ack (dvd-update to queue)']);
    expect(chains).toMatchObject([{ outcome: 'incomplete', missing: ['POST /shipments', 'mark rented'] }]);
  });

  test('contract-update puts another DVD into the message', async () => {
    const told = new DvdRental();
    const answer = told.ask(ALICE);
    told.lookUp(ALICE);
    const billed = told.bill(ALICE);
    told.debit(ALICE);
    billed();
    const other = { ...ALICE, dvd: 300 };
    told.publish(other);
    answer();
    told.shipped(other);
    const { drops, indeterminate } = await judge(policy, told.story.end());
    expect(brief(drops)).toEqual([
      'fact-differs: basic.publish rentals/rental.created (contract-update to queue)',
    ]);
    expect(indeterminate).toHaveLength(3);
  });

  test('requests that no declaration has are dropped with what is wrong about them', async () => {
    const told = new DvdRental();
    const fromCreate = told.story.connect(AT.create, `${AT.userDb}:5432`);
    fromCreate.sql('postgres', 'SELECT id, name, email, balance FROM users WHERE name = $1', ['alice']);
    told.consumer.amqp('orig', { name: 'queue.purge', queue: 'rentals' });
    told.toUserDb.sql(
      'postgres',
      "UPDATE users SET balance = balance - 3.50 WHERE name = 'alice' AND balance >= 3.50 RETURNING balance; DELETE FROM charges",
    );
    told.toUserDb.sql('postgres', 'UPDATE users SET balance = balance - $1', ['3.50']);
    told.toUserDb.command('postgres', 'CancelRequest');
    const { drops } = await judge(policy, told.story.end());
    expect(drops.map(({ reasons }) => reasons[0].code)).toEqual(Array(5).fill('request-not-declared'));
    expect(drops.map(({ reasons }) => reasons[0].text).join('\n')).toContain('it stacks 2 statements');
    expect(drops.map(({ reasons }) => reasons[0].text).join('\n')).toContain('it has no WHERE');
  });

  test('a connection that no declared request needs is dropped at its first packet, and covers what follows', async () => {
    const told = new DvdRental();
    const stolen = told.story.connect(AT.shipping, `${AT.userDb}:5432`);
    stolen.sql('postgres', 'SELECT 1')([]);
    told.story.connect(AT.returns, `${AT.dvdDb}:3306`);
    told.story.connect(AT.users, '203.0.113.9:8443');
    told.story.connect(AT.contracts, `${AT.users}:22`);
    const { drops, engine } = await judge(policy, told.story.end());
    expect(brief(drops)).toEqual([
      'connection-not-declared: connect to port 5432 (shipping to user-db)',
      'connection-not-declared: connect to port 3306 (dvd-return to dvd-db)',
      'connection-not-declared: connect to port 8443 (user-update to customer)',
      'connection-not-declared: connect to port 22 (contract-update to user-update)',
    ]);
    expect(engine.statistics.covered).toBe(2);
  });

  test('bytes of another protocol on a declared port are dropped; TLS cannot be told and follows its posture', async () => {
    const told = new DvdRental();
    told.toUsers.lost('other-protocol');
    told.toDvds.lost('tls');
    told.toShipping.lost('gap');
    const { drops, indeterminate } = await judge(policy, told.story.end());
    expect(drops.map(({ reasons }) => reasons[0].code)).toEqual(['other-protocol']);
    expect(indeterminate.map(({ cannotTell, action }) => [cannotTell, action])).toEqual([
      [{ code: 'cannot-read', cause: 'tls' }, 'block'],
      [{ code: 'cannot-read', cause: 'gap' }, 'none'],
    ]);
  });

  test('reports of the sensor that were lost follow the posture of unseen, which lets pass by default', async () => {
    const told = new DvdRental();
    told.toUsers.lost('unseen');
    const events = told.story.end();
    const strict = { ...policy, postures: { ...policy.postures, unseen: 'drop' } } as const;
    const actions = await Promise.all(
      [policy, strict].map(async (document) =>
        (await judge(document, events)).indeterminate.map(({ cannotTell, action }) => [cannotTell, action]),
      ),
    );
    const cannotTell = { code: 'cannot-read', cause: 'unseen' };
    expect(actions).toEqual([[[cannotTell, 'none']], [[cannotTell, 'block']]]);
  });

  test('a request that readers could take differently explains nothing', async () => {
    const told = new DvdRental();
    told.ask(ALICE);
    told.lookUp(ALICE);
    told.toUsers.http('POST', '/users/alice/charge', {
      headers: { traceparent: traceparent(ALICE.trace ?? '') },
      body: '{"contract":"c-1","amount":"3.50","amount":"35.00"}',
    });
    told.toUsers.http('POST', '/users/alice/charge', {
      body: { contract: 'c-1', amount: '3.50' },
      ambiguities: [{ code: 'http-length-and-chunked', detail: 'both' }],
    });
    told.toUsers.http('POST', '/users/x/../alice/charge', { body: { contract: 'c-1', amount: '3.50' } });
    const { drops } = await judge(policy, told.story.end());
    expect(drops.map(({ reasons }) => reasons[0].code).sort()).toEqual([
      'ambiguous-bytes',
      'fact-missing',
      'request-not-declared',
    ]);
  });
});

describe('events out of order', () => {
  test('a request that overtakes what explains it waits for the reorder window', async () => {
    const told = new DvdRental();
    told.rent(ALICE);
    const events = told.story.end();
    const bill = events.findIndex(
      (event) => event.kind === 'http-request' && event.target === '/users/alice/charge',
    );
    const debit = events.findIndex(
      (event) => event.kind === 'sql-statement' && event.text?.startsWith('UPDATE users') === true,
    );
    const [moved] = events.splice(debit, 1);
    if (moved !== undefined) events.splice(bill, 0, moved);
    const { drops, chains } = await judge(policy, events);
    expect(brief(drops)).toEqual([]);
    expect(chains).toMatchObject([{ outcome: 'complete' }]);
  });
});
