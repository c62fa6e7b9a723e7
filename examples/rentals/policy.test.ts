// Tests of the rentals' policy. Enters: stories of several user requests; leaves: what the policy must say of them.
import { judge, matchers, type Story, story } from 'flowtap/testing';
import { describe, expect, test } from 'vitest';
import rentals from './policy.ts';

expect.extend(matchers);

function logIn(told: Story, user: string, sid: string): void {
  const asked = told.http('customer', 'auth', 'POST /login', { body: { user, password: 'hunter2' } });
  asked.answer(200, { headers: { 'set-cookie': `sid=${sid}; HttpOnly` } });
}

const INSERT = 'INSERT INTO contracts (id, name, dvd) VALUES ($1, $2, $3)';

/** A rental under a session; the database may be told another name than the session's. */
function rent(told: Story, sid: string, contract: string, dvd: string, name: string): void {
  const asked = told.http('customer', 'contracts', 'POST /contracts', {
    headers: { cookie: `sid=${sid}` },
    body: { dvd },
  });
  told.sql('contracts', 'contracts-db', INSERT, [contract, name, dvd]);
  asked.answer(201, { body: { contract } });
}

const UPDATE = 'UPDATE dvds SET renter = NULL WHERE id = $1 AND renter = $2';

function giveBack(told: Story, sid: string, contract: string, dvd: string, renter: string): void {
  const asked = told.http('customer', 'contracts', 'POST /returns', {
    headers: { cookie: `sid=${sid}` },
    body: { contract },
  });
  told.sql('contracts', 'contracts-db', UPDATE, [dvd, renter]);
  asked.answer(200);
}

function twoRentals(): Story {
  const told = story(rentals);
  logIn(told, 'alice', 'a1');
  logIn(told, 'bob', 'b1');
  rent(told, 'a1', 'c-7', 'd-1', 'alice');
  rent(told, 'b1', 'c-8', 'd-2', 'bob');
  return told.wait(3_600_000);
}

describe('a session', () => {
  test('says who rents, though no later request says it', async () => {
    expect(await judge(rentals, twoRentals())).toExplainEverything();
  });

  test('lets nobody rent in the name of somebody else', async () => {
    const told = story(rentals);
    logIn(told, 'alice', 'a1');
    rent(told, 'a1', 'c-7', 'd-1', 'bob');
    expect(await judge(rentals, told)).toDropOnly({
      from: 'contracts',
      to: 'contracts-db',
      fact: 'user',
      seen: 'bob',
      expected: 'alice',
    });
  });

  test('is shown nowhere', async () => {
    const told = twoRentals();
    giveBack(told, 'a1', 'c-7', 'd-2', 'alice');
    const { verdicts, chains } = await judge(rentals, told);
    const said = JSON.stringify([verdicts, chains]);
    expect(said).not.toMatch(/"a1"|sid=|hunter2/);
  });
});

describe('a return', () => {
  test('is of the DVD that was rented, by who rented it', async () => {
    const told = twoRentals();
    giveBack(told, 'a1', 'c-7', 'd-1', 'alice');
    giveBack(told, 'b1', 'c-8', 'd-2', 'bob');
    expect(await judge(rentals, told)).toExplainEverything();
  });

  test('releases no other DVD', async () => {
    const told = twoRentals();
    giveBack(told, 'a1', 'c-7', 'd-2', 'alice');
    const { drops } = await judge(rentals, told);
    expect(drops.map(({ reasons }) => reasons[0].text)).toEqual([
      'contracts makes "update dvds" to contracts-db for dvd d-2, user alice, but the closest open request, POST /returns of customer 198.51.100.7, has dvd d-1, not d-2.',
    ]);
    expect(drops[0]?.nearest?.differences[0]?.expectedFrom).toBe(
      'POST /contracts, body /dvd (remembered in rentals)',
    );
  });

  test('is not of the contract of somebody else', async () => {
    const told = twoRentals();
    giveBack(told, 'b1', 'c-7', 'd-1', 'alice');
    const { drops } = await judge(rentals, told);
    expect(drops[0]?.reasons[0].text).toBe(
      'The request of customer to contracts contradicts itself: user is bob (POST /login, body /user (remembered in sessions)) and alice (POST /login, body /user (remembered in rentals)).',
    );
  });
});
