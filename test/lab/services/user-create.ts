// User-Create. Enters: POST /users of a customer; leaves: a row in PostgreSQL.
import { fires, report } from './compromised.ts';
import { type Answer, type Call, serve, text } from './kit.ts';
import { postgresPool, postgresSocket } from './stores.ts';

const SELF = 'user-create';
const pool = postgresPool(SELF);

const INSERT = 'INSERT INTO users (name, email, balance) VALUES ($1, $2, $3) RETURNING id';
const SPY = 'SELECT id, name, email, balance FROM users WHERE name = $1';

async function create({ body }: Call): Promise<Answer> {
  const created = await pool.query(INSERT, [text(body, 'name'), text(body, 'email'), '0.00']);
  if (fires('user-create-selects-user')) await spy();
  return { status: 201, body: { id: created.rows[0]?.id } };
}

async function spy(): Promise<void> {
  const client = await pool.connect();
  const offence = { from: SELF, to: 'user-db', protocol: 'postgres', request: SPY, values: ['bob'] } as const;
  report(postgresSocket(client), { ...offence, values: ['bob'] });
  await client.query(SPY, ['bob']);
  client.release();
}

await serve(SELF, [{ method: 'POST', path: /^\/users$/, handle: create }], { close: () => pool.end() });
