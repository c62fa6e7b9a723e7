// The statements that the lab's services send. Enters: their texts; leaves: readings without anything unknown.
import { beforeAll, expect, it } from 'vitest';
import { loadSqlParsers, readSql } from '../../src/sql/read.ts';

beforeAll(loadSqlParsers);

const POSTGRES = [
  'BEGIN',
  'COMMIT',
  'ROLLBACK',
  "SET application_name = 'user-update'",
  'UPDATE users SET balance = balance - $1 WHERE name = $2 AND balance >= $1 RETURNING balance',
  'INSERT INTO charges (contract, name, amount) VALUES ($1, $2, $3)',
  'UPDATE charges SET returned = true WHERE contract = $1 AND name = $2',
  'INSERT INTO users (name, email, balance) VALUES ($1, $2, $3) RETURNING id',
  'SELECT id, name, email, balance FROM users WHERE name = $1',
  'UPDATE users SET balance = balance - $1',
];

const MYSQL = [
  'SELECT id, title, price, status FROM dvds WHERE id = ?',
  "UPDATE dvds SET status = 'rented', renter = ? WHERE id = ?",
  "UPDATE dvds SET status = 'available', renter = NULL WHERE id = ?",
  'SET NAMES utf8mb4',
  'SELECT @@max_allowed_packet',
  'SET autocommit=1',
];

it.each(POSTGRES)('reads what a service sends to PostgreSQL: %s', (text) => {
  const reading = readSql('postgres', text, []);
  expect(reading).toMatchObject({ kind: 'read', statements: [{ features: [], functions: [] }] });
});

it.each(MYSQL)('reads what a service sends to MySQL: %s', (text) => {
  const reading = readSql('mysql', text, []);
  expect(reading).toMatchObject({ kind: 'read', statements: [{ functions: [] }] });
});
