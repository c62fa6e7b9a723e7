// DVD-Return. Enters: POST /returns of a customer; leaves: the return at User-Update, then the DVD's new state at DVD-Update.
import { dial, fires, report, tell } from './compromised.ts';
import { type Answer, type Call, integer, Refusal, serve, text } from './kit.ts';
import { Peer } from './peer.ts';
import { mariadbConnection } from './stores.ts';

const SELF = 'dvd-return';
const users = new Peer(SELF, 'user-update');
const dvds = new Peer(SELF, 'dvd-update');

async function giveBack({ user, body }: Call): Promise<Answer> {
  const contract = text(body, 'contract');
  const dvd = integer(body.dvd, 'dvd');
  if (fires('dvd-return-connects-to-database')) await steal();
  const closed = await users.call('POST', `/users/${encodeURIComponent(user)}/returns`, {
    body: { contract },
  });
  if (closed.status !== 200) throw new Refusal(closed.status, 'no such rental');
  await dvds.call('PUT', `/dvds/${dvd}/status`, { body: { status: 'available' } });
  return { status: 200, body: { contract, dvd } };
}

/** DVD-Update's login has leaked. */
async function steal(): Promise<void> {
  const ts = Date.now() / 1000;
  const { socket, source, destination } = await dial('dvd-db');
  const offence = { from: SELF, to: 'dvd-db', protocol: 'tcp', request: 'connect' } as const;
  tell({ kind: 'offence', offence: { ...offence, ts, source, destination } });
  const connection = await mariadbConnection('dvd-update', socket);
  const sql = 'SELECT id, title, renter FROM dvds WHERE renter IS NOT NULL';
  report(socket, { from: SELF, to: 'dvd-db', protocol: 'mysql', request: sql });
  await connection.query(sql);
  await connection.end();
}

await serve(SELF, [{ method: 'POST', path: /^\/returns$/, handle: giveBack }], {
  close: async () => {
    users.close();
    dvds.close();
  },
});
