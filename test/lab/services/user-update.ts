// User-Update. Enters: charges and returns from other services; leaves: the user's balance and charges in PostgreSQL, in one transaction.
import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { fires, intrude, report } from './compromised.ts';
import { type Answer, type Call, Refusal, serve, text } from './kit.ts';
import { postgresPool, postgresSocket } from './stores.ts';

const SELF = 'user-update';
const pool = postgresPool(SELF);

/** An honest fault: the first charge is this late, before the database is touched. */
let delay = Number(process.env.FIRST_CHARGE_DELAY ?? '0');

const DEBIT = 'UPDATE users SET balance = balance - $1 WHERE name = $2 AND balance >= $1 RETURNING balance';
const RECORD = 'INSERT INTO charges (contract, name, amount) VALUES ($1, $2, $3)';
const RETURN = 'UPDATE charges SET returned = true WHERE contract = $1 AND name = $2';

interface Debited {
  readonly rows: number;
  readonly balance: string;
}

async function charge({ params: [name = ''], body, gone }: Call): Promise<Answer | null> {
  const contract = text(body, 'contract');
  const amount = text(body, 'amount');
  if (delay > 0) {
    const late = delay;
    delay = 0;
    await sleep(late);
  }
  if (gone()) return null;
  if (fires('connects-outside')) {
    const loot = Buffer.from(`name,amount\n${name},${amount}\n`);
    await intrude(SELF, 'outside', loot, [{ protocol: 'tcp', request: 'connect' }]);
  }
  const client = await pool.connect();
  try {
    await client.query('BEGIN');
    const { rows, balance } = await debit(client, name, amount);
    if (rows === 0) {
      await client.query('ROLLBACK');
      throw new Refusal(402, 'insufficient funds');
    }
    await client.query(RECORD, [contract, name, amount]);
    await client.query('COMMIT');
    return { status: 200, body: { contract, balance } };
  } finally {
    client.release();
  }
}

async function debit(client: pg.PoolClient, name: string, amount: string): Promise<Debited> {
  if (fires('debits-bobs-row')) return statement(client, DEBIT, [amount, 'bob'], true);
  if (fires('update-without-where')) {
    return statement(client, 'UPDATE users SET balance = balance - $1', [amount], true);
  }
  if (fires('stacked-statement')) {
    const literal = DEBIT.replaceAll('$1', amount).replace('$2', `'${name}'`);
    const stacked = `${literal}; DELETE FROM charges`;
    tellLab(client, stacked);
    // Several statements have several results: the driver's types do not say so.
    const [first] = (await client.query(stacked)) as unknown as pg.QueryResult[];
    return result(first);
  }
  return statement(client, DEBIT, [amount, name], false);
}

async function statement(
  client: pg.PoolClient,
  sql: string,
  values: string[],
  offending: boolean,
): Promise<Debited> {
  if (offending) tellLab(client, sql, values);
  return result(await client.query(sql, values));
}

const result = (answer: pg.QueryResult | undefined): Debited => ({
  rows: answer?.rowCount ?? 0,
  balance: String(answer?.rows[0]?.balance ?? '0.00'),
});

function tellLab(client: pg.PoolClient, sql: string, values?: string[]): void {
  const offence = { from: SELF, to: 'user-db', protocol: 'postgres', request: sql } as const;
  report(postgresSocket(client), values === undefined ? offence : { ...offence, values });
}

async function giveBack({ params: [name = ''], body }: Call): Promise<Answer> {
  const contract = text(body, 'contract');
  await pool.query(RETURN, [contract, name]);
  return { status: 200, body: { contract } };
}

await serve(
  SELF,
  [
    { method: 'POST', path: /^\/users\/([^/]+)\/charge$/, handle: charge },
    { method: 'POST', path: /^\/users\/([^/]+)\/returns$/, handle: giveBack },
  ],
  { close: () => pool.end() },
);
