// AMQP through the gate. Enters: frames of clients and a broker; leaves: assertions on what each end gets.
import { beforeEach, describe, expect, it } from 'vitest';
import * as a from '../support/amqp-bytes.ts';
import { Path, type Talk } from '../support/gate.ts';
import { AT, shopPolicy } from '../support/gate-policy.ts';

const text = (...bytes: readonly Uint8Array[]): string => Buffer.concat(bytes).toString('latin1');
const BODY = '{"item":"tea"}';
const BUY = `POST /buy HTTP/1.1\r\nhost: x\r\nx-user: ann\r\ncontent-type: application/json\r\ncontent-length: ${BODY.length}\r\n\r\n${BODY}`;
const TABLE = a.table();
const message = (user: string): string => JSON.stringify({ user, item: 'tea' });
/** contentHeader with a content type. */
const json = (channel: number, size: number): Buffer =>
  a.contentHeader(channel, size, 1 << 15, a.shortString('application/json'));
const content = (channel: number, body: string): Buffer =>
  Buffer.concat([json(channel, body.length), a.body(channel, body)]);
const publish = (channel: number, user: string): Buffer =>
  Buffer.concat([
    a.method(channel, 60, 40, a.short(0), a.shortString('shop'), a.shortString('bought'), a.octet(0)),
    content(channel, message(user)),
  ]);
const deliver = (channel: number, tag: bigint, user: string): Buffer =>
  Buffer.concat([
    a.method(
      channel,
      60,
      60,
      a.shortString('t'),
      a.longlong(tag),
      a.octet(0),
      a.shortString('shop'),
      a.shortString('bought'),
    ),
    content(channel, message(user)),
  ]);
const close = (channel: number, code: number, why: string, classId: number, methodId: number): Buffer =>
  a.method(channel, 20, 40, a.short(code), a.shortString(why), a.short(classId), a.short(methodId));
const closeOk = (channel: number): Buffer => a.method(channel, 20, 41);
const open = (channel: number): Buffer => a.method(channel, 20, 10, a.shortString(''));
const openOk = (channel: number): Buffer => a.method(channel, 20, 11, a.longString(''));
const reject = (channel: number, tag: bigint): Buffer =>
  a.method(channel, 60, 90, a.longlong(tag), a.octet(0));
const consume = (noAck = false): Buffer =>
  a.method(
    1,
    60,
    20,
    a.short(0),
    a.shortString('bought'),
    a.shortString('t'),
    a.octet(noAck ? 0b10 : 0),
    TABLE,
  );
const OURS = close(1, 200, 'closed', 0, 0);
const REFUSED = close(1, 403, 'ACCESS_REFUSED - refused by policy', 60, 40);

describe('AMQP through the gate', () => {
  let path: Path;
  let shop: Talk;
  let worker: Talk;

  beforeEach(async () => {
    path = await Path.of(shopPolicy());
    path.connect(AT.user, `${AT.shop}:8080`).client(BUY);
    shop = path.connect(AT.shop, `${AT.broker}:5672`);
    worker = path.connect(AT.worker, `${AT.broker}:5672`);
    for (const talk of [shop, worker]) {
      const start = Buffer.concat([a.PROTOCOL_HEADER, open(1), open(2)]);
      expect(talk.client(start)).toBe(text(start));
      talk.server(openOk(1), openOk(2));
    }
  });

  const since = (talk: Talk): { server: () => string; client: () => string } => {
    const [sent, got] = [talk.atServer.length, talk.atClient.length];
    return { server: () => talk.atServer.slice(sent), client: () => talk.atClient.slice(got) };
  };

  it('passes an explained publish on when its content is whole', () => {
    const seen = since(shop);
    const bytes = publish(1, 'ann');
    shop.client(bytes.subarray(0, bytes.length - 1));
    expect(seen.server()).toBe('');
    shop.client(bytes.subarray(bytes.length - 1));
    expect(seen.server()).toBe(text(bytes));
  });

  it('closes the channel of a denied publish towards both ends, and no other', () => {
    const seen = since(shop);
    shop.client(publish(1, 'bob'));
    path.wait(20_000);
    expect(seen.server()).toBe(text(OURS));
    expect(seen.client()).toBe(text(REFUSED));
    shop.client(publish(2, 'ann'));
    expect(seen.server()).toBe(text(OURS, publish(2, 'ann')));
    expect(path.refused).toEqual(['answer']);
  });

  it('lets the channel be opened again, after both ends have agreed that it is closed', () => {
    shop.client(publish(1, 'bob'));
    path.wait(20_000);
    const seen = since(shop);
    shop.client(publish(1, 'ann'), closeOk(1), open(1), publish(1, 'ann'));
    expect(seen.server()).toBe(text(open(1), publish(1, 'ann')));
    shop.server(deliver(1, 9n, 'ann'), closeOk(1), openOk(1));
    expect(seen.client()).toBe(text(openOk(1)));
  });

  it('judges nothing that is said on a channel that it closes', () => {
    shop.client(publish(1, 'bob'));
    path.wait(20_000);
    const before = path.verdicts.length;
    shop.client(publish(1, 'ann'), publish(1, 'eve'));
    path.wait(20_000);
    expect(path.verdicts.length).toBe(before);
  });

  it('answers a client that closes the channel at the same moment', () => {
    shop.client(publish(1, 'bob'));
    path.wait(20_000);
    const seen = since(shop);
    shop.client(close(1, 200, '', 0, 0));
    expect(seen.client()).toBe(text(closeOk(1)));
    expect(seen.server()).toBe('');
  });

  it('waits with the refusal until the broker has ended the frame that it is in', () => {
    const seen = since(shop);
    const half = a.method(2, 60, 11);
    shop.server(half.subarray(0, 5));
    shop.client(publish(1, 'bob'));
    path.wait(20_000);
    expect(seen.client()).toBe('');
    shop.server(half.subarray(5));
    expect(seen.client()).toBe(text(half, REFUSED));
  });

  it('refuses a content that is longer than what is read of it, and drops the rest as it comes', async () => {
    const small = await Path.of(shopPolicy(), { limits: { body: 20 } });
    const talk = small.connect(AT.shop, `${AT.broker}:5672`);
    talk.client(a.PROTOCOL_HEADER, open(1));
    talk.server(openOk(1));
    const seen = since(talk);
    const long = publish(1, 'a user with a long name').subarray(0, -1);
    talk.client(long.subarray(0, -10));
    expect(seen.client()).toBe(text(REFUSED));
    talk.client(publish(1, 'a user with a long name').subarray(long.length - 10), closeOk(1), open(1));
    expect(seen.server()).toBe(text(OURS, open(1)));
    expect(small.gate.statistics.heldBytes).toBe(0);
  });

  it('refuses one of two publishes whose frames are woven', () => {
    const [bad, good] = [publish(1, 'bob'), publish(2, 'ann')];
    const cut = (bytes: Buffer): Buffer[] => {
      const first = 8 + bytes.readUInt32BE(3);
      const second = first + 8 + bytes.readUInt32BE(first + 3);
      return [bytes.subarray(0, first), bytes.subarray(first, second), bytes.subarray(second)];
    };
    const seen = since(shop);
    const [b, g] = [cut(bad), cut(good)];
    shop.client(...[0, 1, 2].flatMap((i) => [b[i] ?? '', g[i] ?? '']));
    path.wait(20_000);
    expect(seen.server()).toBe(text(OURS, good));
  });

  it('gives a denied delivery back to the broker, and the consumer never hears of it', () => {
    worker.client(consume());
    worker.server(a.method(1, 60, 21, a.shortString('t')));
    const seen = since(worker);
    worker.server(deliver(1, 1n, 'bob'));
    path.wait(20_000);
    expect(seen.client()).toBe('');
    expect(seen.server()).toBe(text(reject(1, 1n)));
    shop.client(publish(1, 'ann'));
    worker.server(deliver(1, 2n, 'ann'));
    expect(seen.client()).toBe(text(deliver(1, 2n, 'ann')));
  });

  it('says nothing to a broker that awaits no acknowledgement', () => {
    worker.client(consume(true));
    worker.server(a.method(1, 60, 21, a.shortString('t')));
    const seen = since(worker);
    worker.server(deliver(1, 1n, 'bob'));
    path.wait(20_000);
    expect(seen.client() + seen.server()).toBe('');
    expect(worker.wasReset).toBe(false);
  });

  it('does not put a reject into the middle of a content of its channel', () => {
    worker.client(consume());
    worker.server(a.method(1, 60, 21, a.shortString('t')));
    worker.server(deliver(1, 1n, 'bob'));
    const seen = since(worker);
    const heartbeat = a.frame(8, 0, Buffer.alloc(0));
    worker.client(heartbeat);
    path.wait(20_000);
    expect(seen.server()).toBe(text(heartbeat, reject(1, 1n)));
  });

  it('resets what is no AMQP, and what is denied on no channel', () => {
    shop.client(a.frame(7, 0, Buffer.from('x')));
    expect(shop.wasReset).toBe(true);
  });
});
