// SQL through the gate. Enters: messages of clients and servers; leaves: assertions on what each end gets.
import { beforeEach, describe, expect, it } from 'vitest';
import { Path, type Talk } from '../support/gate.ts';
import { AT, shopPolicy } from '../support/gate-policy.ts';
import * as my from '../support/mysql-bytes.ts';
import * as pg from '../support/postgres-bytes.ts';

const text = (...bytes: readonly Uint8Array[]): string => Buffer.concat(bytes).toString('latin1');
const BODY = '{"item":"tea"}';
const BUY = `POST /buy HTTP/1.1\r\nhost: x\r\nx-user: ann\r\ncontent-type: application/json\r\ncontent-length: ${BODY.length}\r\n\r\n${BODY}`;
const insert = (buyer: string): string => `insert into orders (buyer, item) values ('${buyer}', 'tea')`;
const BOUND = 'insert into orders (buyer, item) values ($1, $2)';
const REFUSED = text(
  pg.message(
    'E',
    pg.cstring('SERROR'),
    pg.cstring('VERROR'),
    pg.cstring('C42501'),
    pg.cstring('Mrefused by policy'),
    Buffer.of(0),
  ),
);
/** What a server says to a word that no grammar knows. */
const unknown = (word: string): Buffer =>
  pg.message(
    'E',
    pg.cstring('SERROR'),
    pg.cstring('C42601'),
    pg.cstring(`Msyntax error at or near "${word}"`),
    Buffer.of(0),
  );

describe('PostgreSQL through the gate', () => {
  let path: Path;
  let user: Talk;
  let db: Talk;
  let word: string;
  let before: string;

  beforeEach(async () => {
    path = await Path.of(shopPolicy());
    user = path.connect(AT.user, `${AT.shop}:8080`);
    user.client(BUY);
    db = path.connect(AT.shop, `${AT.postgres}:5432`);
    word = 'flowtap_refused_1';
    const start = pg.startup({ user: 'app', database: 'shop' });
    expect(db.client(start)).toBe(text(start));
    expect(db.server(pg.WELCOME)).toBe(text(pg.WELCOME));
    before = db.atServer;
  });

  const atServer = (): string => db.atServer.slice(before.length);
  const atClient = (): string => db.atClient.slice(pg.WELCOME.length);

  it('passes an explained statement on, and its answer', () => {
    const query = pg.query(insert('ann'));
    db.client(query);
    expect(atServer()).toBe(text(query));
    const done = [pg.complete('INSERT 0 1'), pg.ready()];
    db.server(...done);
    expect(atClient()).toBe(text(...done));
  });

  it('puts a statement that fails in the place of a denied one, and its own error in the place of that failure', () => {
    db.client(pg.query(insert('bob')));
    expect(atServer()).toBe('');
    path.wait(20_000);
    expect(atServer()).toBe(text(pg.query(word)));
    db.server(unknown(word), pg.ready());
    expect(atClient()).toBe(REFUSED + text(pg.ready()));
    db.client(pg.query(insert('ann')));
    expect(atServer()).toBe(text(pg.query(word), pg.query(insert('ann'))));
    expect(path.refused).toEqual(['answer']);
  });

  it('leaves a transaction to the server, which fails it', () => {
    db.client(pg.query('begin'));
    db.server(pg.complete('BEGIN'), pg.ready('T'));
    db.client(pg.query(insert('bob')));
    path.wait(20_000);
    db.server(unknown(word), pg.ready('E'));
    expect(atClient()).toBe(text(pg.complete('BEGIN'), pg.ready('T')) + REFUSED + text(pg.ready('E')));
  });

  it('holds a whole batch until it is judged: neither text nor values of a denied one arrive', () => {
    const batch = [pg.parse('', BOUND), pg.describe('S'), pg.bind({ values: ['bob', 'tea'] }), pg.execute()];
    db.client(...batch, pg.SYNC);
    path.wait(20_000);
    expect(atServer()).toBe(text(pg.message('P', Buffer.of(0), pg.cstring(word), Buffer.of(0, 0)), pg.SYNC));
    db.server(unknown(word), pg.ready());
    expect(atClient()).toBe(REFUSED + text(pg.ready()));
    const next = [pg.parse('', BOUND), pg.bind({ values: ['ann', 'tea'] }), pg.execute(), pg.SYNC];
    db.client(...next);
    expect(atServer()).toMatch(new RegExp(`${text(pg.SYNC)}P`));
    expect(atServer()).toContain(text(...next));
  });

  it('drops the rest of a batch up to its Sync without judging it', () => {
    const good = [pg.bind({ values: ['ann', 'tea'] }), pg.execute()];
    const bad = [pg.bind({ values: ['bob', 'tea'] }), pg.execute()];
    db.client(pg.parse('', BOUND), ...good, ...bad, ...good);
    path.wait(20_000);
    const failing = pg.message('P', Buffer.of(0), pg.cstring(word), Buffer.of(0, 0));
    expect(atServer()).toBe(text(pg.parse('', BOUND), ...good, failing));
    db.client(...good, pg.SYNC);
    expect(atServer()).toBe(text(pg.parse('', BOUND), ...good, failing, pg.SYNC));
    expect(path.verdicts.filter(({ step }) => step === 'insert orders')).toHaveLength(2);
    db.server(pg.PARSED, pg.BOUND, pg.complete('INSERT 0 1'), unknown(word), pg.ready());
    expect(atClient()).toBe(
      text(pg.PARSED, pg.BOUND, pg.complete('INSERT 0 1')) + REFUSED + text(pg.ready()),
    );
  });

  it('passes what was prepared and flushed on, since nothing is executed by that', () => {
    db.client(pg.parse('s', BOUND), pg.describe('S', 's'), pg.FLUSH);
    expect(atServer()).toBe(text(pg.parse('s', BOUND), pg.describe('S', 's'), pg.FLUSH));
    db.server(pg.PARSED, pg.parameters(25, 25), pg.NO_DATA);
    db.client(pg.bind({ statement: 's', values: ['bob', 'tea'] }), pg.execute(), pg.SYNC);
    path.wait(20_000);
    expect(atServer()).not.toContain('bob');
    expect(atServer().endsWith(text(pg.SYNC))).toBe(true);
  });

  it('keeps what a server says of another word', () => {
    db.client(pg.query(insert('bob')));
    path.wait(20_000);
    db.server(unknown('flowtap_refused_9'));
    expect(atClient()).toBe(text(unknown('flowtap_refused_9')));
  });

  it('resets a message that is too large to be judged', async () => {
    const small = await Path.of(shopPolicy(), { bounds: { connection: 1000 } });
    const talk = small.connect(AT.shop, `${AT.postgres}:5432`);
    talk.client(pg.startup({ user: 'app' }));
    talk.server(pg.WELCOME);
    talk.client(pg.query(`select '${'x'.repeat(5000)}'`).subarray(0, 2000));
    expect(talk.wasReset).toBe(true);
    expect(talk.atServer).not.toContain('xxx');
    expect(small.gate.statistics.heldBytes).toBe(0);
  });

  it('passes such a message on as it comes where the posture says so', async () => {
    const small = await Path.of(shopPolicy({ postures: { limit: 'pass' } }), {
      bounds: { connection: 1000 },
    });
    const talk = small.connect(AT.shop, `${AT.postgres}:5432`);
    talk.client(pg.startup({ user: 'app' }));
    talk.server(pg.WELCOME);
    const long = pg.query(`select '${'x'.repeat(5000)}'`);
    talk.client(long.subarray(0, 2000));
    expect(talk.atServer.endsWith('x'.repeat(1000))).toBe(true);
  });
});

describe('MySQL through the gate', () => {
  let path: Path;
  let db: Talk;
  const word = 'flowtap_refused_1';
  const refused = (sequence: number): string =>
    text(my.packet(sequence, Buffer.of(0xff), my.int16(1142), Buffer.from('#42000refused by policy')));
  const unknownDatabase = my.packet(
    1,
    Buffer.of(0xff),
    my.int16(1049),
    Buffer.from(`#42000Unknown database '${word}'`),
  );
  let asked: number;
  let said: number;

  beforeEach(async () => {
    path = await Path.of(shopPolicy());
    path.connect(AT.user, `${AT.shop}:8080`).client(BUY);
    db = path.connect(AT.shop, `${AT.mysql}:3306`);
    db.server(my.greeting());
    db.client(my.login());
    db.server(my.ok(2));
    asked = db.atServer.length;
    said = db.atClient.length;
    expect([asked, said]).toEqual([my.login().length, my.greeting().length + my.ok(2).length]);
  });

  const update = (item: string): Buffer => my.query(`update stock set taken = true where item = '${item}'`);

  it('passes an explained command on, and its answer', () => {
    db.client(update('tea'));
    expect(db.atServer.slice(asked)).toBe(text(update('tea')));
    db.server(my.ok(1));
    expect(db.atClient.slice(said)).toBe(text(my.ok(1)));
  });

  it('puts a command that fails in the place of a denied one, and its own error in the place of that failure', () => {
    db.client(update('rum'));
    path.wait(20_000);
    expect(db.atServer.slice(asked)).toBe(text(my.command(2, Buffer.from(word))));
    db.server(unknownDatabase);
    expect(db.atClient.slice(said)).toBe(refused(1));
    db.client(update('tea'));
    expect(db.atServer.endsWith(text(update('tea')))).toBe(true);
    expect(db.wasReset).toBe(false);
  });

  it('refuses the execution of a prepared statement', () => {
    db.client(my.prepare('update stock set taken = true where item = ?'));
    db.server(my.prepared(7, 1));
    const length = db.atServer.length;
    db.client(my.execute(7, [{ type: 253, bytes: Buffer.from([3, ...Buffer.from('rum')]) }]));
    path.wait(20_000);
    expect(db.atServer.slice(length)).toBe(text(my.command(2, Buffer.from(word))));
  });

  it('holds a result that says facts, and puts an error in the place of one that is denied', () => {
    db.client(my.query("select item from stock where item = 'tea'"));
    expect(db.atServer).toContain('select item');
    const [good, bad] = [my.resultSet(['item'], [['tea']]), my.resultSet(['item'], [['rum']])];
    db.server(bad.subarray(0, bad.length - 1));
    expect(db.atClient.length).toBe(said);
    db.server(bad.subarray(bad.length - 1));
    expect(db.atClient.slice(said)).toBe(refused(1));
    expect(good.length).toBe(bad.length);
  });

  it('passes a result that agrees on when it is whole', () => {
    db.client(my.query("select item from stock where item = 'tea'"));
    const good = my.resultSet(['item'], [['tea']]);
    db.server(good.subarray(0, 20));
    expect(db.atClient.length).toBe(said);
    db.server(good.subarray(20));
    expect(db.atClient.slice(said)).toBe(text(good));
  });

  it('resets a connection whose user is to be changed without leave', () => {
    db.client(my.command(0x11, Buffer.from('root\0\0\0')));
    path.wait(20_000);
    expect(db.wasReset).toBe(true);
    expect(db.atServer).not.toContain('root');
  });
});
