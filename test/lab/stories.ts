// The stories, each of which becomes one capture. Enters: a stage; leaves: what happens on it, and the words that go with it.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Switches } from './application.ts';
import { ATTACKS, type Attack } from './attacks.ts';
import type { Rental, Stage } from './stage.ts';

export interface Story {
  readonly name: string;
  readonly what: string;
  readonly consequences: string;
  readonly switches: Switches;
  /** Null: its truth must be empty. */
  readonly attack: Attack | null;
  readonly play: (stage: Stage) => Promise<void>;
}

const honest = (name: string, what: string, play: Story['play'], switches: Switches = {}): Story => ({
  name: `honest-${name}`,
  what,
  consequences: '',
  switches,
  attack: null,
  play,
});

async function rentAndReturn(stage: Stage, user: string, dvd: number): Promise<void> {
  const rental = await stage.rent(user, dvd);
  if (await stage.shipped(rental)) await stage.giveBack(user, rental);
}

const RENTALS = 200;
const CUSTOMERS = 20;
const EACH = RENTALS / CUSTOMERS;
const REGISTRATIONS = 10;

/** 20 customers at a time, each with one request open at a time; `halfway` happens when half the rentals are made. */
async function twoHundred(stage: Stage, halfway: () => void = () => undefined): Promise<void> {
  await stage.probe();
  let halved = false;
  const customer = async (number: number): Promise<void> => {
    const user = `u${String(number).padStart(2, '0')}`;
    let before: Rental | null = null;
    for (let round = 0; round < EACH; round++) {
      const rental: Rental = await stage.rent(user, (number - 1) * EACH + round + 1);
      if (!halved && stage.rentals >= RENTALS / 2) {
        halved = true;
        halfway();
      }
      // What was rented the time before comes back after this one: a customer has up to two at home.
      if (before !== null) await stage.giveBack(user, before);
      before = (await stage.shipped(rental)) ? rental : null;
      // Now and then somebody new signs up from the same household.
      if (round === 5 && number <= REGISTRATIONS) await stage.register(`${user}-guest`, user);
    }
    if (before !== null) await stage.giveBack(user, before);
  };
  await Promise.all(Array.from({ length: CUSTOMERS }, (_, i) => customer(i + 1)));
  await sleep(300);
  await stage.probe();
}

const HONEST: readonly Story[] = [
  honest(
    'rental-and-return',
    'Zoe registers; Alice rents DVD 7, it is shipped to her, and she returns it.',
    async (stage) => {
      await stage.probe();
      await stage.register('zoe');
      await rentAndReturn(stage, 'alice', 7);
      await stage.probe();
    },
  ),
  honest(
    '200-rentals',
    '20 customers make 200 rentals, 20 at a time, and return them all; 10 newcomers register.',
    (stage) => twoHundred(stage),
  ),
  honest(
    'failed-payment',
    'A customer without money is refused (402) and nothing else happens for her; then Alice rents the same DVD.',
    async (stage) => {
      await stage.failToPay('poor', 7);
      await rentAndReturn(stage, 'alice', 7);
    },
  ),
  honest(
    'retry-after-timeout',
    'User-Update is late with its first charge. Contract-Update gives up and closes the connection, User-Update notices and does not debit; the second try, on a new connection and for the same contract, works. Carol rents meanwhile.',
    async (stage) => {
      await stage.probe();
      const alice = stage.rent('alice', 7);
      await sleep(100);
      await rentAndReturn(stage, 'carol', 8);
      const rental = await alice;
      await stage.shipped(rental);
      // Long enough for the late charge to come to its end: it must not touch the database.
      await sleep(1_000);
      await stage.giveBack('alice', rental);
      await stage.probe();
    },
    { 'user-update': { FIRST_CHARGE_DELAY: '1200' }, 'contract-update': { CALL_TIMEOUT: '600' } },
  ),
  honest(
    'pooled-connections',
    'Six customers rent and return three DVDs each at the same time, over one connection of User-Update to PostgreSQL, one of DVD-Update to MariaDB, one AMQP channel on each side, and one HTTP connection between any two services.',
    async (stage) => {
      await stage.probe();
      const customer = async (user: string, first: number): Promise<void> => {
        for (let dvd = first; dvd < first + 3; dvd++) await rentAndReturn(stage, user, dvd);
      };
      const users = ['alice', 'bob', 'carol', 'u01', 'u02', 'u03'];
      await Promise.all(users.map((user, i) => customer(user, 10 * (i + 1))));
    },
    Object.fromEntries(
      ['contract-update', 'user-create', 'user-update', 'dvd-update', 'dvd-return'].map((s) => [
        s,
        { POOL: '1' },
      ]),
    ),
  ),
];

const compromised = (attack: Attack, nth: number): Switches => ({
  [attack.service]: { COMPROMISED: `${attack.name}:${nth}` },
});

async function aftermath(stage: Stage, attack: Attack): Promise<void> {
  if (attack.aftermath === undefined) return;
  await sleep(attack.aftermath);
  await stage.probe();
}

const alone = (attack: Attack): Story => ({
  name: `attack-${attack.name}`,
  what: attack.what,
  consequences: attack.consequences,
  switches: compromised(attack, 1),
  attack,
  play: async (stage) => {
    await stage.probe();
    if (attack.counts === 'registrations') await stage.register('zoe');
    await rentAndReturn(stage, 'alice', 7);
    if (attack.counts === 'nothing') {
      stage.attack(attack.service);
      await sleep(200);
    }
    await rentAndReturn(stage, 'carol', 8);
    await aftermath(stage, attack);
    await stage.probe();
  },
});

const MIDDLE = { rentals: RENTALS / 2, returns: RENTALS / 2, registrations: REGISTRATIONS / 2, nothing: 1 };

const hidden = (attack: Attack): Story => ({
  name: `hidden-${attack.name}`,
  what: `${attack.what} Once, in the middle of 200 rentals by 20 customers.`,
  consequences: attack.consequences,
  switches: compromised(attack, MIDDLE[attack.counts]),
  attack,
  play: async (stage) => {
    await twoHundred(stage, () => {
      if (attack.counts === 'nothing') stage.attack(attack.service);
    });
    await aftermath(stage, attack);
  },
});

export const STORIES: readonly Story[] = [...HONEST, ...ATTACKS.map(alone), ...ATTACKS.map(hidden)];
