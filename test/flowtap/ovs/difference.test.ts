// What is changed in a switch, and what never. Enters: random wanted and listed flows; leaves: only our own stale flows removed.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { slotOf, type WantedFlow } from '../../../src/flowtap/ovs/compile.ts';
import { difference } from '../../../src/flowtap/ovs/difference.ts';
import {
  BASE_COOKIE,
  blockCookie,
  contractCookie,
  contractOf,
  DEFAULT_LAYOUT,
  isOwn,
  runOf,
} from '../../../src/flowtap/ovs/layout.ts';
import type { WireMatch } from '../../../src/flowtap/ovs/openflow/match.ts';
import type { FlowEntry } from '../../../src/flowtap/ovs/openflow/message.ts';

const OLD = runOf('engine', 1);
const RUN = runOf('engine', 2);
const OTHER = runOf('operator', 2);

const place = fc.record({
  table: fc.constantFrom(0, 200, 201, 202, 203),
  priority: fc.integer({ min: 0, max: 3 }),
  match: fc.constantFrom({ inPort: null, cells: new Map() }, { inPort: 1, cells: new Map() }),
});
const actions = fc.constantFrom([], [{ kind: 'output' as const, port: 1 }]);
const mine = fc.constantFrom(blockCookie(RUN, 1), contractCookie(RUN, 1), BASE_COOKIE);
const any = fc.oneof(
  mine,
  fc.constantFrom(blockCookie(OLD, 1), contractCookie(OLD, 7), blockCookie(OTHER, 1), 0n, 7n),
);
const wanted: fc.Arbitrary<WantedFlow> = fc
  .tuple(place, actions, mine)
  .map(([at, does, cookie]) => ({ ...at, actions: does, cookie, until: null, notify: false }));
const listed: fc.Arbitrary<FlowEntry & { readonly match: WireMatch }> = fc
  .tuple(place, actions, any)
  .map(([at, does, cookie]) => ({
    ...at,
    actions: does,
    cookie,
    hardTimeout: 0,
    seconds: 0,
    packets: 0n,
    bytes: 0n,
  }));
const unique = <T extends Parameters<typeof slotOf>[0]>(flows: readonly T[]): T[] => [
  ...new Map(flows.map((flow) => [slotOf(flow), flow])).values(),
];

describe('the difference between a switch and what it shall hold', () => {
  it('once applied, leaves all that is wanted, all of others, and of ours nothing else', () => {
    fc.assert(
      fc.property(
        fc.array(wanted, { maxLength: 12 }),
        fc.array(listed, { maxLength: 20 }),
        (wants, holds) => {
          // Only base flows of ours are in table 0, and only those are listed there.
          const table = unique(
            holds.filter(({ table: number, cookie }) => number !== 0 || cookie === BASE_COOKIE),
          );
          const wish = new Map(unique(wants).map((flow) => [slotOf(flow), flow]));
          const { changes, occupied, strangers } = difference(wish, table, RUN, DEFAULT_LAYOUT, 0);
          const after = new Map(table.map((flow) => [slotOf(flow), flow.cookie]));
          for (const change of changes) {
            if (change.command === 'add') after.set(slotOf(change), change.cookie);
            else if (after.get(slotOf(change)) === change.cookie) after.delete(slotOf(change));
          }
          const foreign = ({ cookie }: { cookie: bigint }): boolean =>
            cookie !== BASE_COOKIE && !isOwn(cookie, RUN);
          for (const flow of table.filter(foreign)) expect(after.get(slotOf(flow))).toBe(flow.cookie);
          expect(strangers).toHaveLength(table.filter(foreign).length);
          const taken = new Set(occupied.map(({ wanted: flow }) => slotOf(flow)));
          for (const [slot, flow] of wish) if (!taken.has(slot)) expect(after.get(slot)).toBe(flow.cookie);
          for (const [slot, cookie] of after)
            if (!wish.has(slot)) expect(cookie === BASE_COOKIE || !isOwn(cookie, RUN)).toBe(true);
          // A second look finds nothing left to do.
          const now = [...after].flatMap(([slot, cookie]) => {
            const held = table.find((flow) => slotOf(flow) === slot && flow.cookie === cookie);
            const set = changes.find((change) => change.command === 'add' && slotOf(change) === slot);
            const from = set ?? held;
            if (from === undefined) return [];
            const counts = { seconds: 0, packets: 0n, bytes: 0n, hardTimeout: 0 };
            const { table: number, priority, match, actions: does } = from;
            return [{ table: number, priority, match, actions: does, cookie, ...counts }];
          });
          expect(difference(wish, now, RUN, DEFAULT_LAYOUT, 0).changes).toEqual([]);
        },
      ),
      { numRuns: 1000 },
    );
  });

  it('spares what may yet be wanted', () => {
    const flow = { table: 201, priority: 1, match: { inPort: null, cells: new Map() }, actions: [] } as const;
    const counts = { seconds: 0, packets: 0n, bytes: 0n, hardTimeout: 0 };
    const old = { ...flow, ...counts, cookie: contractCookie(OLD, 7) };
    const spares = (cookie: bigint): boolean => contractOf(cookie) !== null;
    expect(difference(new Map(), [old], RUN, DEFAULT_LAYOUT, 0, spares).changes).toEqual([]);
    expect(difference(new Map(), [old], RUN, DEFAULT_LAYOUT, 0).changes).toHaveLength(1);
  });
});

describe('a cookie', () => {
  it('says whose it is, whichever run, and what it is for', () => {
    expect(isOwn(blockCookie(OLD, 5), RUN)).toBe(true);
    expect(isOwn(blockCookie(OTHER, 5), RUN)).toBe(false);
    expect(isOwn(BASE_COOKIE, RUN)).toBe(false);
    expect(contractOf(contractCookie(RUN, 25_000))).toBe(25_000);
    expect(contractOf(blockCookie(RUN, 0x7fffffff))).toBeNull();
  });
});
