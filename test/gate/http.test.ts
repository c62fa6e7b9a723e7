// HTTP through the gate. Enters: bytes of clients and servers; leaves: assertions on what each end gets.
import { beforeEach, describe, expect, it } from 'vitest';
import { Path, type Talk } from '../support/gate.ts';
import { AT, shopPolicy } from '../support/gate-policy.ts';

const post = (path: string, body: object, ...headers: string[]): string => {
  const text = JSON.stringify(body);
  const head = [
    `POST ${path} HTTP/1.1`,
    'host: x',
    'content-type: application/json',
    `content-length: ${text.length}`,
    ...headers,
  ];
  return `${head.join('\r\n')}\r\n\r\n${text}`;
};
const get = (path: string): string => `GET ${path} HTTP/1.1\r\nhost: x\r\n\r\n`;
const answer = (status: number, body = ''): string =>
  `HTTP/1.1 ${status} Fine\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
const BUY = post('/buy', { item: 'tea' }, 'x-user: ann');
const NOTE = post('/notes', { user: 'ann', item: 'tea' });
const FORGED = post('/notes', { user: 'bob', item: 'tea' });

describe('HTTP through the gate', () => {
  let path: Path;
  let user: Talk;
  let shop: Talk;

  beforeEach(async () => {
    path = await Path.of(shopPolicy());
    user = path.connect(AT.user, `${AT.shop}:8080`);
    shop = path.connect(AT.shop, `${AT.ledger}:8080`);
  });

  it('passes an explained request on when its last byte has come, and not a byte before', () => {
    expect(user.client(BUY.slice(0, -1))).toBe('');
    expect(user.client(BUY.slice(-1))).toBe(BUY);
    expect(user.server(answer(200, 'ok'))).toBe(answer(200, 'ok'));
  });

  it('answers a denied request with 403 on a connection that goes on', () => {
    user.client(BUY);
    shop.client(FORGED);
    path.wait(20_000);
    expect(shop.atServer).toBe('');
    expect(shop.atClient).toMatch(/^HTTP\/1\.1 403 Forbidden\r\n.*\r\n\r\nrefused by policy\n$/s);
    expect(shop.client(NOTE)).toBe(NOTE);
    expect(shop.wasReset).toBe(false);
    expect(path.refused).toEqual(['answer']);
    expect(path.verdicts.find(({ kind }) => kind === 'drop')).toMatchObject({
      kind: 'drop',
      action: 'refuse',
      effect: 'prevented',
    });
  });

  it('holds a request that something on its way may explain, until that has come', () => {
    expect(shop.client(NOTE)).toBe('');
    expect(user.client(BUY)).toBe(BUY);
    expect(shop.atServer).toBe(NOTE);
  });

  it.each([
    ['answers', {}, 'answer'],
    ['resets', { refuse: 'reset' as const }, 'reset'],
  ])(
    '%s a denied request also when the server is reached while that is undecided',
    async (_, settings, how) => {
      path = await Path.of(shopPolicy(settings));
      shop = path.dial(AT.shop, `${AT.ledger}:8080`);
      shop.client(FORGED);
      shop.connection.connected();
      path.wait(20_000);
      expect([path.refused, shop.atServer]).toEqual([[how], '']);
      expect(shop.wasReset).toBe(how === 'reset');
      if (how === 'answer') expect(shop.client(get('/health'))).toBe('');
    },
  );

  it('resets a denied request also when what cannot be read stands behind it', async () => {
    path = await Path.of(shopPolicy({ refuse: 'reset' }));
    shop = path.connect(AT.shop, `${AT.ledger}:8080`);
    shop.client(`${FORGED}\0\0 no request at all\r\n\r\n`);
    path.wait(20_000);
    expect([path.refused, shop.atServer, shop.wasReset]).toEqual([['reset'], '', true]);
  });

  it('reads no more of a client whose request is undecided', () => {
    shop.client(NOTE);
    expect(shop.paused.orig).toBe(true);
    user.client(BUY);
    expect(shop.paused.orig).toBe(false);
  });

  it('keeps the order of answers when pipelined requests are refused between others', () => {
    user.client(get('/health') + get('/secret') + get('/health'));
    path.wait(20_000);
    expect(user.atServer).toBe(get('/health'));
    user.server(answer(200, 'one'));
    expect(user.atServer).toBe(get('/health') + get('/health'));
    user.server(answer(200, 'two'));
    expect(user.atClient.match(/HTTP\/1\.1 \d+|one|two/g)).toEqual([
      'HTTP/1.1 200',
      'one',
      'HTTP/1.1 403',
      'HTTP/1.1 200',
      'two',
    ]);
  });

  it('judges nothing behind a refused request before that was answered', () => {
    user.client(get('/health') + get('/secret') + BUY);
    path.wait(20_000);
    expect(path.verdicts.filter(({ reasons }) => reasons[0].code === 'chain-opened')).toEqual([]);
    user.server(answer(200));
    expect(user.atServer).toBe(get('/health') + BUY);
  });

  it('closes after the 403 where the rest of the request has not come', async () => {
    const small = await Path.of(shopPolicy(), { limits: { body: 64 } });
    const talk = small.connect(AT.user, `${AT.shop}:8080`);
    talk.client(
      'POST /buy HTTP/1.1\r\nhost: x\r\nx-user: ann\r\ncontent-length: 1000\r\n\r\n',
      ' '.repeat(100),
    );
    expect(talk.wasClosed).toBe(true);
    expect(talk.atServer).toBe('');
    expect(talk.atClient).toContain('connection: close');
  });

  it('closes after the 403 where the client asked for that', () => {
    user.client('GET /secret HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n');
    expect(user.wasClosed).toBe(true);
    expect(user.atClient).toContain('403 Forbidden');
  });

  it('answers HEAD without a body', () => {
    user.client('HEAD /secret HTTP/1.1\r\nhost: x\r\n\r\n');
    expect(user.atClient).toMatch(/^HTTP\/1\.1 403 .*\r\n\r\n$/s);
    expect(user.client(get('/health'))).toBe(get('/health'));
  });

  it('resets a connection whose bytes can be read in two ways', () => {
    user.client(
      'POST /buy HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n',
    );
    expect(user.wasReset).toBe(true);
    expect(user.atServer + user.atClient).toBe('');
  });

  it('resets where the policy asks for that, and passes on nothing behind the request', async () => {
    const strict = await Path.of(shopPolicy({ refuse: 'reset' }));
    const talk = strict.connect(AT.user, `${AT.shop}:8080`);
    talk.client(get('/health') + get('/secret') + get('/health'));
    expect(talk.atServer).toBe(get('/health'));
    expect(talk.wasReset).toBe(true);
    expect(talk.client(get('/health'))).toBe(get('/health'));
    expect(strict.refused).toEqual(['reset']);
  });

  it('passes an upload on as it comes where the policy declares that it streams', () => {
    const head = 'PUT /upload HTTP/1.1\r\nhost: x\r\ncontent-length: 6\r\n\r\n';
    expect(user.client(head)).toBe(head);
    expect(user.client('abc')).toBe(`${head}abc`);
    expect(user.client('def', get('/health'))).toBe(`${head}abcdef${get('/health')}`);
  });

  it('closes behind an answer that refuses an upload under way, since what follows may be its body or not', () => {
    user.client('PUT /upload HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 500\r\n\r\n');
    // Whether the body is wanted is for the server to say, where it comes there at once.
    expect(user.atClient).toBe('');
    const before = user.atServer;
    user.server('HTTP/1.1 413 Too Large\r\ncontent-length: 2\r\n\r\nno');
    expect(user.atClient).toMatch(/413 Too Large.*no$/s);
    expect(user.wasClosed).toBe(true);
    expect(user.client(get('/secret'))).toBe(before);
  });

  it('takes a request within a body for a part of it, whatever the server has answered', () => {
    const head = 'PUT /upload HTTP/1.1\r\nhost: x\r\ncontent-length: 500\r\n\r\n';
    user.client(head);
    user.server(answer(200, 'early'));
    user.client(get('/secret').padEnd(500), get('/secret'));
    expect(user.atServer).toBe(head + get('/secret').padEnd(500));
    expect(user.atClient).toContain('403');
  });

  it('passes a chunked upload on as it comes, and reads what follows it', () => {
    const head = 'PUT /upload HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n';
    expect(user.client(head, '3\r\nab')).toBe(`${head}3\r\nab`);
    user.client('c\r\n0\r\n\r\n', get('/secret'));
    expect(user.atServer).toBe(`${head}3\r\nabc\r\n0\r\n\r\n`);
    user.server(answer(200));
    expect(user.atClient).toContain('403');
  });

  it('passes a body over the limit on as soon as it is judged without the rest', async () => {
    const small = await Path.of(shopPolicy(), { limits: { body: 64 } });
    const talk = small.connect(AT.user, `${AT.shop}:8080`);
    const head = 'POST /ping HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\n';
    expect(talk.client(head, 'x'.repeat(60))).toBe('');
    expect(talk.client('x'.repeat(60))).toBe(head + 'x'.repeat(120));
    expect(talk.client('x'.repeat(880), get('/health'))).toBe(head + 'x'.repeat(1000) + get('/health'));
  });

  it('gives leave to send a body that it has to hold', () => {
    user.client(
      'POST /buy HTTP/1.1\r\nhost: x\r\nx-user: ann\r\ncontent-type: application/json\r\nexpect: 100-continue\r\ncontent-length: 14\r\n\r\n',
    );
    expect(user.atClient).toBe('HTTP/1.1 100 Continue\r\n\r\n');
    expect(user.atServer).toBe('');
    expect(user.client('{"item":"tea"}')).toMatch(/\{"item":"tea"\}$/);
  });

  it('passes an answer that nothing can deny on as it comes', () => {
    user.client(get('/health'));
    expect(user.server('HTTP/1.1 200 Fine\r\ncontent-type: text/event-stream\r\n\r\n', 'data: 1\n')).toMatch(
      /data: 1\n$/,
    );
  });

  it('holds an answer that says facts until it is whole', () => {
    user.client(get('/price'));
    const whole = answer(200, '{"price":"3"}');
    expect(user.server(whole.slice(0, -1))).toBe('');
    expect(user.server(whole.slice(-1))).toBe(whole);
  });

  it('puts an error in the place of an answer that is denied', () => {
    user.client(get('/price'));
    user.server(answer(200, '{"cost":"3"}'));
    expect(user.atClient).toMatch(/^HTTP\/1\.1 502 Bad Gateway\r\n/);
    expect(user.atClient).not.toContain('cost');
    expect(user.client(get('/health'))).toBe(get('/price') + get('/health'));
  });

  it('passes interim answers on, and the final one behind them', () => {
    user.client(get('/health'));
    const early = 'HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n';
    expect(user.server(early)).toBe(early);
    expect(user.server(answer(204))).toBe(early + answer(204));
  });

  it('does not reach a server for who may not talk to it', () => {
    const stranger = path.connect(AT.ledger, `${AT.shop}:8080`);
    expect(stranger.reached).toBe(false);
    expect(stranger.wasReset).toBe(true);
  });

  it('passes on what no policy names, unread', () => {
    const foreign = path.connect('192.0.2.1', '192.0.2.2:8080');
    expect(foreign.client('whatever')).toBe('whatever');
  });

  it('cuts a connection that speaks a protocol that nobody declared', () => {
    user.client('SSH-2.0-OpenSSH_9.2\r\n');
    expect(user.wasReset).toBe(true);
    expect(user.atServer).toBe('');
  });

  it('cuts a connection that speaks another protocol', () => {
    user.client('\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03');
    expect(user.wasReset).toBe(true);
    expect(user.atServer).toBe('');
  });

  it('passes a tunnel on unread where the posture says so', async () => {
    const open = await Path.of(shopPolicy({ postures: { tunnel: 'pass' } }));
    const talk = open.connect(AT.user, `${AT.shop}:8080`);
    talk.client('GET /health HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n');
    talk.server('HTTP/1.1 101 Switching\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n\x81\x01a');
    expect(talk.atClient).toContain('\r\n\r\n\x81\x01a');
    expect(talk.client('\x81\x81abcd')).toContain('\r\n\r\n\x81\x81abcd');
  });

  it('passes nothing on unread that it has read: what stood before a tunnel is denied all the same', async () => {
    const open = await Path.of(shopPolicy({ refuse: 'reset', postures: { tunnel: 'pass' } }));
    const talk = open.connect(AT.user, `${AT.shop}:8080`);
    const upgrade = 'GET /health HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n';
    talk.client(upgrade + get('/secret'));
    talk.server('HTTP/1.1 101 Switching\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n');
    expect(talk.atServer).toBe(upgrade);
    open.wait(20_000);
    expect([talk.atServer, talk.wasReset, open.refused]).toEqual([upgrade, true, ['reset']]);
  });

  it('ends what has ended, in each direction for itself', () => {
    user.client(get('/health'));
    user.connection.end('orig');
    expect(user.ended).toEqual({ orig: true, resp: false });
    user.server('HTTP/1.1 200 Fine\r\n\r\nto the end');
    user.connection.end('resp');
    expect(user.ended).toEqual({ orig: true, resp: true });
    expect(user.atClient).toMatch(/to the end$/);
    expect(user.connection.over).toBe(true);
  });

  it('ends a connection on which nothing was said', () => {
    user.connection.end('orig');
    user.connection.end('resp');
    expect(user.connection.over).toBe(true);
    expect(user.wasReset).toBe(false);
  });
});
