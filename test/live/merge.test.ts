// The events of several Zeeks in one order. Enters: events with the times of traffic and of arrival; leaves: assertions on what comes when.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Event } from '../../src/events/event.ts';
import { type Lane, Merge } from '../../src/live/merge.ts';

const MS = 1000;
const NOON = 1_795_521_600_000_000;

/** A merge whose clocks a test moves; `at` counts milliseconds from noon, for traffic and arrival alike. */
class Bench {
  readonly said: string[] = [];
  readonly merge: Merge;
  now = 0;

  constructor(most = 100) {
    this.merge = new Merge({
      waitMs: 100,
      aheadMs: 1000,
      lateMs: 5000,
      most,
      onNext: (ts, event) => {
        const at = (ts - NOON) / MS;
        this.said.push(event?.kind === 'source-end' ? `${event.source}@${at}` : `time@${at}`);
      },
    });
  }

  get wall(): number {
    return NOON + this.now * MS;
  }

  /** An event, as a Zeek says it: with its time. */
  event(lane: Lane, name: string, at: number): void {
    const event: Event = { kind: 'source-end', ts: NOON + at * MS, source: name };
    this.merge.offer(lane, event, this.now, this.wall);
    this.merge.heard(lane, event.ts, this.now, this.wall);
  }

  heartbeat(lane: Lane, at: number): void {
    this.merge.heard(lane, NOON + at * MS, this.now, this.wall);
  }

  /** Events only. */
  get events(): readonly string[] {
    return this.said.filter((line) => !line.startsWith('time'));
  }
}

describe('a merge', () => {
  it('lets the events of a single Zeek through as they come', () => {
    const bench = new Bench();
    const only = bench.merge.add();
    bench.event(only, 'a', 0);
    bench.event(only, 'b', 1);
    expect(bench.events).toEqual(['a@0', 'b@1']);
  });

  it('puts the events of two Zeeks into the order of the traffic, once both have said so much', () => {
    const bench = new Bench();
    const [one, two] = [bench.merge.add(), bench.merge.add()];
    bench.heartbeat(one, 0);
    bench.heartbeat(two, 0);
    bench.event(one, 'late', 20);
    expect(bench.events).toEqual([]);
    bench.event(two, 'early', 10);
    expect(bench.events).toEqual(['early@10']);
    bench.heartbeat(two, 30);
    expect(bench.events).toEqual(['early@10', 'late@20']);
  });

  it('lets time pass by the heartbeats of idle Zeeks', () => {
    const bench = new Bench();
    const [one, two] = [bench.merge.add(), bench.merge.add()];
    bench.heartbeat(one, 5);
    bench.heartbeat(two, 7);
    bench.heartbeat(one, 8);
    expect(bench.said).toEqual(['time@5', 'time@7']);
  });

  it('waits for a Zeek that is behind for so long and no longer', () => {
    const bench = new Bench();
    const [one, two] = [bench.merge.add(), bench.merge.add()];
    bench.heartbeat(two, 0);
    bench.event(one, 'waits', 50);
    bench.now = 99;
    bench.merge.flow(bench.now);
    expect(bench.events).toEqual([]);
    expect(bench.merge.next(bench.now)).toBe(1);
    bench.now = 100;
    bench.merge.flow(bench.now);
    expect(bench.events).toEqual(['waits@50']);
    expect(bench.merge.next(bench.now)).toBe(null);
  });

  it('does not wait for a Zeek that is out of reach, or was silent for long', () => {
    const bench = new Bench();
    const [one, two, three] = [bench.merge.add(), bench.merge.add(), bench.merge.add()];
    bench.heartbeat(two, 0);
    bench.heartbeat(three, 0);
    bench.now = 5001;
    bench.event(one, 'a', 5001);
    expect(bench.events).toEqual(['a@5001']);
    bench.heartbeat(two, 5001);
    bench.event(one, 'b', 5002);
    expect(bench.events).toEqual(['a@5001']);
    bench.merge.absent(two, bench.now);
    expect(bench.events).toEqual(['a@5001', 'b@5002']);
  });

  it('does not wait for a Zeek whose clock is far behind, and takes what it says', () => {
    const bench = new Bench();
    const [one, two] = [bench.merge.add(), bench.merge.add()];
    bench.heartbeat(two, -3_600_000);
    expect(two.clock).toBe('behind');
    bench.event(one, 'a', 0);
    bench.event(two, 'old', -3_599_999);
    expect(bench.events).toEqual(['a@0', 'old@-3599999']);
  });

  it('takes a time that is ahead of this machine as just now, so that it misleads nobody', () => {
    const bench = new Bench();
    const [one, two] = [bench.merge.add(), bench.merge.add()];
    bench.event(two, 'hasty', 3_600_000);
    bench.event(one, 'right', 1);
    expect(two.clock).toBe('ahead');
    expect(bench.events).toEqual(['hasty@0']);
    bench.now = 100;
    bench.merge.flow(bench.now);
    expect(bench.events).toEqual(['hasty@0', 'right@1']);
    expect(bench.merge.restamped).toBe(1);
    bench.heartbeat(two, 100);
    expect(two.clock).toBe('right');
  });

  it('does not take what is said about a Zeek that is gone for a sign of life', () => {
    const bench = new Bench();
    const [one, two] = [bench.merge.add(), bench.merge.add()];
    bench.heartbeat(two, 0);
    bench.merge.absent(two, 0);
    bench.now = 6000;
    bench.merge.offer(two, { kind: 'source-end', ts: NOON, source: 'unseen' }, bench.now, bench.wall);
    bench.event(one, 'a', 6000);
    expect(two).toMatchObject({ heard: null, clock: 'right' });
    expect(bench.events).toEqual(['unseen@0', 'a@6000']);
  });

  it('holds no more than it may, and counts what went early', () => {
    const bench = new Bench(3);
    const [one, two] = [bench.merge.add(), bench.merge.add()];
    bench.heartbeat(two, 0);
    for (const at of [1, 2, 3, 4, 5]) {
      const event: Event = { kind: 'source-end', ts: NOON + at * MS, source: 'e' };
      bench.merge.offer(one, event, bench.now, bench.wall);
    }
    expect(bench.events).toEqual(['e@1', 'e@2']);
    expect(bench.merge).toMatchObject({ waiting: 3, early: 2 });
    bench.merge.finish();
    expect(bench.events).toHaveLength(5);
  });

  it('loses nothing, keeps the order of each Zeek, and is in order where all are in time', () => {
    const step = fc.record({ lane: fc.nat({ max: 2 }), later: fc.nat({ max: 30 }) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const bench = new Bench();
        const lanes = [bench.merge.add(), bench.merge.add(), bench.merge.add()];
        for (const lane of lanes) bench.heartbeat(lane, 0);
        for (const [index, { lane, later }] of steps.entries()) {
          bench.now += later;
          // A Zeek says its events up to 50 ms late, which is less than others wait.
          const at = bench.now - ((index * 17) % 50);
          const of = lanes[lane];
          if (of === undefined || NOON + at * MS < of.frontier) continue;
          bench.event(of, `${lane}`, at);
        }
        bench.now += 100;
        bench.merge.finish();
        const times = bench.events.map((line) => Number(line.split('@')[1]));
        expect(times).toEqual([...times].sort((a, b) => a - b));
        expect(bench.merge.waiting).toBe(0);
      }),
      { numRuns: 200 },
    );
  });
});
