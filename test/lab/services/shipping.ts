// Shipping. Enters: POST /shipments of DVD-Update; leaves: the shipment's number.
import { randomBytes } from 'node:crypto';
import { DATABASE, login } from '../topology.ts';
import { fires, intrude } from './compromised.ts';
import { type Answer, type Call, integer, serve, text } from './kit.ts';

const SELF = 'shipping';

async function ship({ body }: Call): Promise<Answer> {
  text(body, 'contract');
  text(body, 'user');
  integer(body.dvd, 'dvd');
  if (fires('shipping-connects-to-database')) await knock();
  return { status: 201, body: { shipment: `s-${randomBytes(4).toString('hex')}` } };
}

/** PostgreSQL's startup message (protocol 3.0); the server asks for a password that Shipping does not have. */
async function knock(): Promise<void> {
  const { user } = login('user-update');
  const parameters = Buffer.from(`user\0${user}\0database\0${DATABASE}\0\0`);
  const head = Buffer.alloc(8);
  head.writeInt32BE(8 + parameters.length, 0);
  head.writeInt32BE(3 << 16, 4);
  await intrude(SELF, 'user-db', Buffer.concat([head, parameters]), [
    { protocol: 'tcp', request: 'connect' },
    { protocol: 'postgres', request: `startup user=${user} database=${DATABASE}` },
  ]);
}

await serve(SELF, [{ method: 'POST', path: /^\/shipments$/, handle: ship }]);
