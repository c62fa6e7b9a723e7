// What is done about one Zeek. Enters: items, notices, time; leaves: assertions on reports, blindness and state.
import { describe, expect, it } from 'vitest';
import type { StreamItem } from '../../src/broker/item.ts';
import { DEFAULT_POSTURES, type Postures } from '../../src/config/postures.ts';
import { type Load, Watch } from '../../src/live/watch.ts';
import type { ZeekNotice } from '../../src/zeek/source.ts';

const EVENT: StreamItem = { kind: 'event', topic: 't', name: 'n', args: [], metadata: [] };
const IDLE: Load = { paused: false, pauses: 0, queuedFrames: 0 };

function hello(epoch: string, again = false): ZeekNotice {
  return { kind: 'hello', node: 'a', version: '8.2.2', epoch, schema: 1, again };
}

function lost(message: string): StreamItem {
  return { kind: 'lost', loss: { code: 'broker-transport', message, closeCode: null }, unconfirmed: 0 };
}

function watching(on: Partial<Postures> = {}) {
  /** Reports and blindness, in their order. */
  const said: string[] = [];
  const watch = new Watch(
    {
      on: { ...DEFAULT_POSTURES, ...on },
      blind: (cause) => said.push(`blind: ${cause}`),
      onReport: ({ change, response, text }) => said.push(`${change}/${response}: ${text}`),
    },
    0,
  );
  return { watch, said };
}

describe('a Zeek', () => {
  it('that says hello once more is no news', () => {
    const { watch, said } = watching();
    watch.notice(hello('E1'));
    watch.notice(hello('E1'));
    expect(said).toEqual(['connected/none: Zeek 8.2.2 as a']);
    expect(watch.view).toMatchObject({ state: 'connected', epoch: 'E1', node: 'a', why: '' });
  });

  it('that is lost and comes back in time is no reason to be blind', () => {
    const { watch, said } = watching();
    watch.notice(hello('E1'));
    watch.item(lost('closed with 1011 Ping timeout'), 100);
    watch.notice({ kind: 'lost', why: 'the same, from the source' });
    watch.tick(5000, IDLE, 'right');
    expect(watch.view).toMatchObject({ state: 'lost', why: 'the same, from the source' });
    watch.notice(hello('E1'));
    expect(said).toEqual([
      'connected/none: Zeek 8.2.2 as a',
      'lost/none: closed with 1011 Ping timeout',
      'connected/none: Zeek 8.2.2 as a',
    ]);
  });

  it('that stays away for as long as it may is gone, once', () => {
    const { watch, said } = watching({ gone: { does: 'unseen', afterMs: 2000 } });
    watch.notice(hello('E1'));
    watch.item(EVENT, 1000);
    watch.item(lost('reset'), 1500);
    watch.tick(2999, IDLE, 'right');
    expect(watch.view.state).toBe('lost');
    watch.tick(3000, IDLE, 'right');
    watch.tick(4000, IDLE, 'right');
    expect(said.slice(2)).toEqual([
      'blind: nothing was heard for 2000 ms: reset',
      'gone/blinded: nothing was heard for 2000 ms: reset',
    ]);
  });

  it('that was never reached is gone, too, and the last attempt says why', () => {
    const { watch, said } = watching({ gone: { does: 'pass', afterMs: 2000 } });
    const loss = { code: 'broker-no-ack', message: 'no ack came', closeCode: null } as const;
    watch.item({ kind: 'reconnecting', attempt: 1, inMs: 100, loss }, 50);
    watch.tick(2000, IDLE, 'right');
    expect(said).toEqual(['gone/none: nothing was heard for 2000 ms: no ack came']);
  });

  it('that is connected and silent is gone until it is heard again', () => {
    const { watch, said } = watching({ gone: { does: 'pass', afterMs: 2000 } });
    watch.notice(hello('E1'));
    watch.tick(2000, IDLE, 'right');
    expect(watch.view).toMatchObject({ state: 'gone', why: 'it is connected, but says nothing' });
    watch.item(EVENT, 2500);
    expect(watch.view).toMatchObject({ state: 'connected', why: '' });
    expect(said.at(-1)).toBe('connected/none: it is heard again');
  });

  it('that was restarted makes its flows unseen before anything of the new run is taken', () => {
    const { watch, said } = watching();
    watch.notice(hello('E1'));
    watch.notice(hello('E2', true));
    expect(said.slice(1)).toEqual([
      'blind: it was restarted',
      'restarted/blinded: it was restarted: Zeek 8.2.2 as a',
    ]);
    expect(watch.view).toMatchObject({ state: 'connected', epoch: 'E2' });
  });

  it('whose restart is only noted blinds nobody', () => {
    const { watch, said } = watching({ restarted: 'note', skipped: 'note' });
    watch.notice(hello('E1'));
    watch.notice(hello('E2', true));
    watch.notice({ kind: 'skipped', from: 3n, to: 18_446_744_073_709_551_615n });
    expect(said.slice(1)).toEqual([
      'restarted/none: it was restarted: Zeek 8.2.2 as a',
      'skipped/none: events 3 to 18446744073709551615 never came',
    ]);
  });

  it('that is slow is so once, until it has caught up; and silence is no wonder then', () => {
    const { watch, said } = watching({ gone: { does: 'unseen', afterMs: 1000 } });
    watch.notice(hello('E1'));
    watch.tick(900, { paused: true, pauses: 1, queuedFrames: 64 }, 'right');
    watch.tick(1900, { paused: false, pauses: 3, queuedFrames: 10 }, 'right');
    watch.tick(2500, { paused: false, pauses: 3, queuedFrames: 5 }, 'right');
    expect(said.slice(1)).toEqual([
      'slow/paused: its events come faster than they are judged: 64 wait',
      'caught-up/none: its events are judged as they come again',
    ]);
    expect(watch.view).toMatchObject({ state: 'connected', slow: false });
  });

  it('whose events were dropped is slow, with their number', () => {
    const { watch, said } = watching();
    watch.item({ kind: 'gap', reason: 'overflow', dropped: 12 }, 0);
    expect(said).toEqual([
      'slow/dropped: 12 events were dropped, since they came faster than they are judged',
    ]);
    expect(watch.view.slow).toBe(true);
  });

  it('that speaks another schema is refused, though it is heard', () => {
    const { watch, said } = watching();
    watch.notice({ kind: 'refused', why: 'schema 2 instead of 1' });
    watch.item(EVENT, 9000);
    watch.tick(10_000, IDLE, 'right');
    expect(watch.view).toMatchObject({ state: 'refused', why: 'schema 2 instead of 1' });
    expect(said).toEqual(['refused/none: schema 2 instead of 1']);
  });

  it('that refuses an event of ours, loses packets, or cannot be read, is said to', () => {
    const { watch, said } = watching();
    watch.item({ kind: 'error', code: 'deserialization_failed', context: 'failed to create Zeek event' }, 0);
    watch.notice({ kind: 'dropped-packets', packets: 5 });
    watch.notice({ kind: 'unfollowed', connections: 3 });
    watch.notice({ kind: 'malformed', why: 'not JSON at byte 7' });
    expect(said).toEqual([
      'refused/none: it refused an event of ours: deserialization_failed, failed to create Zeek event',
      'packets-dropped/none: it lost 5 packets before it could read them',
      'unfollowed/none: 3 connections were more than it follows',
      'malformed/none: it said what cannot be read: not JSON at byte 7',
    ]);
    expect([...watch.view.changes]).toEqual([
      ['refused', 1],
      ['packets-dropped', 1],
      ['unfollowed', 1],
      ['malformed', 1],
    ]);
  });

  it('whose clock is wrong is said to be, and to be right again', () => {
    const { watch, said } = watching();
    watch.notice(hello('E1'));
    watch.tick(1, IDLE, 'ahead');
    watch.tick(2, IDLE, 'ahead');
    watch.tick(3, IDLE, 'right');
    expect(said.slice(1)).toEqual([
      "clock-wrong/none: its time is ahead of this machine's clock",
      "clock-right/none: its time agrees with this machine's clock",
    ]);
  });

  it('whose process ended is lost, and is started again', () => {
    const { watch, said } = watching();
    watch.notice(hello('E1'));
    watch.exited('Zeek ended with code 1: fatal error', 750);
    expect(said.slice(1)).toEqual([
      'exited/restarting: Zeek ended with code 1: fatal error; it is started again in 750 ms',
      'lost/none: Zeek ended with code 1: fatal error',
    ]);
    expect(watch.view.state).toBe('lost');
  });
});
