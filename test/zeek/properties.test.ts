// Zeek's reports, whatever they hold and however bytes are cut. Enters: random values and cuts; leaves: nothing thrown, the same events.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  address,
  boolean,
  count,
  none,
  real,
  string,
  type Value,
  vector,
} from '../../src/broker/value/value.ts';
import type { Event } from '../../src/events/event.ts';
import { ArgumentError } from '../../src/zeek/arguments.ts';
import { readReport } from '../../src/zeek/report.ts';
import { ZeekSource } from '../../src/zeek/source.ts';
import { differences, normalise } from '../support/normalise.ts';
import { ReportWriter } from '../support/zeek-reports.ts';

const NAMES = [
  'hello',
  'heartbeat',
  'capture_end',
  'conn_new',
  'conn_established',
  'conn_flipped',
  'side_end',
  'conn_end',
  'ambiguity',
  'lost',
  'data',
] as const;

const scalar: fc.Arbitrary<Value> = fc.oneof(
  fc.constant(none),
  fc.boolean().map(boolean),
  fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map(count),
  fc.nat(5000).map(count),
  fc.double().map(real),
  fc.string().map((text) => string(Buffer.from(text))),
  fc.constantFrom('fin', 'rst', 'syn', 'other', 'tcp-overlap-conflict', '', 'QUJD', 'request').map(string),
  fc.constant(address('10.1.0.1')),
);
const value: fc.Arbitrary<Value> = fc.oneof(
  scalar,
  fc.array(scalar, { maxLength: 5 }).map((items) => vector(...items)),
);

function open(): { readonly source: ZeekSource; readonly events: Event[] } {
  const events: Event[] = [];
  const source = new ZeekSource({
    name: 'zeek',
    hints: new Map(),
    limits: { flows: 3 },
    onEvent: (event) => events.push(event),
    onNotice: () => {},
  });
  return { source, events };
}

describe('reports', () => {
  test('with any arguments are read, unreadable, or refused by their head, and nothing else', () => {
    fc.assert(
      fc.property(fc.constantFrom(...NAMES), fc.array(value, { maxLength: 9 }), (name, args) => {
        try {
          const report = readReport(`FlowTap::${name}`, args);
          expect(report?.head.uid).toBeTypeOf('string');
        } catch (error) {
          expect(error).toBeInstanceOf(ArgumentError);
        }
      }),
      { numRuns: 3000 },
    );
  });

  test('in any order, of connections that never began or that ended, throw nothing and stay within the limit', () => {
    const step = fc.record({
      name: fc.constantFrom(...NAMES),
      uid: fc.constantFrom('C1', 'C2', 'C3', 'C4', 'C5', ''),
      start: fc.nat(300),
      text: fc.string({ maxLength: 40 }),
      orig: fc.boolean(),
      first: fc.constantFrom('syn' as const, 'syn-ack' as const, 'other' as const),
      args: fc.array(value, { maxLength: 6 }),
      plain: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const { source, events } = open();
        const zeek = new ReportWriter();
        for (const { name, uid, start, text, orig, first, args, plain } of steps) {
          if (plain) source.take(zeek.report(name, uid, ...args));
          else if (name === 'conn_new') source.take(zeek.begin(uid, 8080, first));
          else if (name === 'lost') source.take(zeek.lost(uid, orig, start, text.length));
          else if (name === 'conn_end') source.take(zeek.end(uid));
          else source.take(zeek.data(uid, orig, start, text, { length: text.length + (start % 7) }));
        }
        source.end();
        expect(source.statistics.openFlows).toBe(0);
        const begun = events.filter(({ kind }) => kind === 'connection-attempt').length;
        expect(events.filter(({ kind }) => kind === 'connection-end')).toHaveLength(begun);
        expect(events.at(-1)?.kind).toBe('source-end');
      }),
      { numRuns: 1000 },
    );
  });
});

describe('bytes', () => {
  const requests = [
    'POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello',
    'GET /b HTTP/1.1\r\nHost: h\r\n\r\n',
    'POST /c HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nx: y\r\n\r\n',
  ].join('');

  function read(cuts: readonly number[], again: readonly number[]): readonly Event[] {
    const { source, events } = open();
    const zeek = new ReportWriter();
    source.take(zeek.begin('C1'));
    const places = [...new Set([0, ...cuts.map((cut) => cut % requests.length), requests.length])].sort(
      (a, b) => a - b,
    );
    for (const [i, from] of places.entries()) {
      const to = places[i + 1];
      if (to === undefined) break;
      // Pieces may overlap with what came before.
      const start = Math.max(0, from - ((again[i] ?? 0) % 10));
      source.take(zeek.data('C1', true, start, requests.slice(start, to)));
    }
    source.take(zeek.end('C1'));
    return events;
  }

  const timeless = (events: readonly Event[]) =>
    normalise(
      events.map((event) => ('at' in event ? { ...event, ts: 0, at: { ...event.at, ts: 0 } } : event)),
    );

  test('give the same requests however they are cut and whatever comes twice', () => {
    const whole = timeless(read([], []));
    fc.assert(
      fc.property(
        fc.array(fc.nat(), { maxLength: 20 }),
        fc.array(fc.nat(), { maxLength: 20 }),
        (cuts, again) => {
          expect(differences(whole, timeless(read(cuts, again)))).toEqual([]);
        },
      ),
      { numRuns: 500 },
    );
  });
});
