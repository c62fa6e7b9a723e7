// What the gate does when it is full, or the engine slow. Enters: bytes and time; leaves: assertions on what is held and cut.
import { describe, expect, it } from 'vitest';
import { Path } from '../support/gate.ts';
import { AT, shopPolicy } from '../support/gate-policy.ts';

const HEALTH = 'GET /health HTTP/1.1\r\nhost: x\r\n\r\n';
const half = (length: number): string =>
  `POST /buy HTTP/1.1\r\nhost: x\r\nx-user: ann\r\ncontent-length: 100000\r\n\r\n${'x'.repeat(length)}`;

describe('a gate', () => {
  it('cuts off whoever brings more than may be held in all, and nobody else', async () => {
    const path = await Path.of(shopPolicy(), { bounds: { total: 10_000 } });
    const [first, second] = [1, 2].map(() => path.connect(AT.user, `${AT.shop}:8080`));
    first?.client(half(6000));
    second?.client(half(6000));
    expect([first?.wasReset, second?.wasReset]).toEqual([false, true]);
    expect(path.refused).toEqual(['full']);
    expect(path.gate.statistics.heldBytes).toBeLessThan(7000);
  });

  it('takes no more connections than it may', async () => {
    const path = await Path.of(shopPolicy(), { bounds: { connections: 1 } });
    const first = path.connect(AT.user, `${AT.shop}:8080`);
    expect(() => path.connect(AT.user, `${AT.shop}:8080`)).toThrow('too many');
    first.connection.end('orig');
    first.connection.end('resp');
    expect(path.connect(AT.user, `${AT.shop}:8080`).client(HEALTH)).toBe(HEALTH);
  });

  it('holds everything while the engine has not decided, and passes it on in order afterwards', async () => {
    const path = await Path.of(shopPolicy(), { slow: true });
    const talk = path.connect(AT.user, `${AT.shop}:8080`);
    talk.client(HEALTH, HEALTH);
    expect([talk.reached, talk.atServer]).toEqual([false, '']);
    path.think();
    expect([talk.reached, talk.atServer]).toEqual([true, HEALTH + HEALTH]);
    expect(path.gate.statistics).toMatchObject({ held: 0, heldBytes: 0 });
  });

  it('cuts what was held for too long', async () => {
    const path = await Path.of(shopPolicy(), { slow: true, bounds: { holdMs: 50 } });
    const talk = path.connect(AT.user, `${AT.shop}:8080`);
    path.think();
    talk.client(HEALTH);
    path.wait(40_000);
    expect(talk.wasReset).toBe(false);
    path.wait(20_000);
    expect(talk.wasReset).toBe(true);
    expect(talk.atServer).toBe('');
    expect(path.refused).toEqual(['late']);
  });

  it('passes on what was held for too long where it is told to, and cuts when a denial follows', async () => {
    const path = await Path.of(shopPolicy(), { slow: true, bounds: { holdMs: 50, late: 'pass' } });
    const talk = path.connect(AT.user, `${AT.shop}:8080`);
    path.think();
    const secret = HEALTH.replace('health', 'secret');
    talk.client(secret);
    path.wait(60_000);
    expect(talk.atServer).toBe(secret);
    path.think();
    expect(talk.wasReset).toBe(true);
  });

  it('lets nobody talk whose connection was not judged in time', async () => {
    const path = await Path.of(shopPolicy(), { slow: true, bounds: { holdMs: 50, late: 'pass' } });
    const talk = path.connect(AT.user, `${AT.shop}:8080`);
    path.wait(60_000);
    expect([talk.reached, talk.wasReset]).toEqual([false, true]);
  });

  it('cuts all connections off when it is closed', async () => {
    const path = await Path.of(shopPolicy());
    const talk = path.connect(AT.user, `${AT.shop}:8080`);
    talk.client(HEALTH);
    path.gate.close();
    expect(talk.wasReset).toBe(true);
    expect(path.gate.statistics.open).toBe(0);
  });

  it('counts what it refused, and how long it held', async () => {
    const path = await Path.of(shopPolicy());
    const talk = path.connect(AT.user, `${AT.shop}:8080`);
    talk.client(HEALTH.replace('health', 'secret'));
    path.wait(20_000);
    const { refused, decided, connections, open } = path.gate.statistics;
    expect([...refused]).toEqual([['http answer', 1]]);
    expect([connections, open]).toEqual([1, 1]);
    expect(decided).toBeGreaterThan(1);
  });

  it('stays linear when frames come in single bytes', async () => {
    const path = await Path.of(shopPolicy());
    const talk = path.connect(AT.user, `${AT.shop}:8080`);
    for (const byte of Buffer.from(half(50_000))) talk.connection.data('orig', Uint8Array.of(byte));
    expect(talk.atServer).toBe('');
    expect(path.gate.statistics.heldBytes).toBeGreaterThan(50_000);
  });
});
