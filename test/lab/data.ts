// The rows that every story starts with. Enters: nothing; leaves: SQL for the two databases.
import { address, DATABASE, type HostName, login } from './topology.ts';

const DVD_COUNT = 400;
/** Every DVD has its own price, so that an amount names its DVD; number 7 costs 3.50. */
const price = (dvd: number): string => ((315 + 5 * dvd) / 100).toFixed(2);

/** Bob is the victim: he has an account and never rents where he is attacked. */
const RICH = [
  'alice',
  'bob',
  'carol',
  ...Array.from({ length: 20 }, (_, i) => `u${String(i + 1).padStart(2, '0')}`),
];
const USERS: readonly (readonly [name: string, balance: string])[] = [
  ...RICH.map((name) => [name, '1000.00'] as const),
  ['poor', '1.00'],
];

const quoted = (service: HostName): { user: string; password: string } => {
  const { user, password } = login(service);
  return { user, password: `'${password}'` };
};
const create = quoted('user-create');
const update = quoted('user-update');
const dvds = quoted('dvd-update');

export const postgresTables = {
  // The grants are as broad as one finds them: the database would let each attack of the stories through.
  schema: `
    CREATE TABLE users (id serial PRIMARY KEY, name text UNIQUE NOT NULL, email text NOT NULL,
      balance numeric(10,2) NOT NULL);
    CREATE TABLE charges (id serial PRIMARY KEY, contract text NOT NULL, name text NOT NULL,
      amount numeric(10,2) NOT NULL, returned boolean NOT NULL DEFAULT false);
    CREATE INDEX ON charges (contract);
    CREATE ROLE ${create.user} LOGIN PASSWORD ${create.password};
    CREATE ROLE ${update.user} LOGIN PASSWORD ${update.password};
    GRANT SELECT, INSERT ON users TO ${create.user};
    GRANT USAGE ON users_id_seq TO ${create.user};
    GRANT SELECT, UPDATE ON users TO ${update.user};
    GRANT SELECT, INSERT, UPDATE, DELETE ON charges TO ${update.user};
    GRANT USAGE ON charges_id_seq TO ${update.user};`,
  rows: `
    TRUNCATE users, charges RESTART IDENTITY;
    INSERT INTO users (name, email, balance) VALUES
      ${USERS.map(([name, balance]) => `('${name}', '${name}@example.com', ${balance})`).join(', ')};
    ANALYZE;`,
};

const FIRST = [
  'Silent',
  'Crimson',
  'Last',
  'Hidden',
  'Golden',
  'Broken',
  'Distant',
  'Winter',
  'Paper',
  'Electric',
];
const SECOND = [
  'Harbour',
  'Garden',
  'Letter',
  'Orchard',
  'Signal',
  'Station',
  'Mirror',
  'River',
  'Summer',
  'Witness',
];
const title = (dvd: number): string =>
  [FIRST[dvd % 10], SECOND[Math.floor(dvd / 10) % 10], Math.floor(dvd / 100) + 1].join(' ');

export const mariadbTables = {
  schema: `
    CREATE DATABASE ${DATABASE};
    CREATE TABLE ${DATABASE}.dvds (id int PRIMARY KEY, title varchar(100) NOT NULL, price decimal(6,2) NOT NULL,
      status varchar(10) NOT NULL, renter varchar(50));
    CREATE USER ${dvds.user}@'${address('dvd-update').replace(/\d+$/, '%')}' IDENTIFIED BY ${dvds.password};
    GRANT SELECT, UPDATE ON ${DATABASE}.dvds TO ${dvds.user}@'${address('dvd-update').replace(/\d+$/, '%')}';`,
  rows: `
    TRUNCATE ${DATABASE}.dvds;
    INSERT INTO ${DATABASE}.dvds VALUES
      ${Array.from({ length: DVD_COUNT }, (_, i) => `(${i + 1}, '${title(i + 1)}', ${price(i + 1)}, 'available', NULL)`).join(', ')};`,
};
