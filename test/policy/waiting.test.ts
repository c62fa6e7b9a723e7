// Requests that wait, tried again and again. Enters: their times; leaves: them, each once, in the order of time, in little time.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DEFAULT_LIMITS } from '../../src/policy/defaults.ts';
import type { FlowRecord } from '../../src/policy/flows.ts';
import type { ObservedRequest } from '../../src/policy/observe/observation.ts';
import { WaitingRequests } from '../../src/policy/waiting.ts';

const RECORD = {} as FlowRecord;
const PATIENCE = DEFAULT_LIMITS.reorder + DEFAULT_LIMITS.skew;
/** Microseconds of the processor: in proportion it takes a tenth of that at most. */
const MOST = 5_000_000;

function requestOf(id: string, ts: number): ObservedRequest {
  return {
    kind: 'request',
    ts,
    evidence: { ts },
    match: { kind: 'matched', id },
  } as unknown as ObservedRequest;
}

type Act =
  | { readonly act: 'add'; readonly id: string; readonly ts: number }
  | { readonly act: 'again'; readonly id: string }
  | { readonly act: 'due'; readonly now: number };

describe('requests that wait', () => {
  it('leave in the order of time, and among equals in the order in which they came', () => {
    const id = fc.constantFrom('a', 'b', 'c');
    const ts = fc.nat({ max: 20 });
    const act: fc.Arbitrary<Act> = fc.oneof(
      fc.record({ act: fc.constant('add' as const), id, ts }),
      fc.record({ act: fc.constant('again' as const), id }),
      fc.record({ act: fc.constant('due' as const), now: ts }),
    );
    fc.assert(
      fc.property(fc.array(act, { maxLength: 400 }), (acts) => {
        const waiting = new WaitingRequests(DEFAULT_LIMITS);
        let model: ObservedRequest[] = [];
        const add = (observed: ObservedRequest): void => {
          waiting.add(RECORD, observed);
          // Stable, so that what came first stays first.
          model = [...model, observed].sort((one, other) => one.ts - other.ts);
        };
        for (const each of acts) {
          if (each.act === 'add') add(requestOf(each.id, each.ts));
          if (each.act === 'again') {
            const isKind = ({ match }: ObservedRequest): boolean =>
              match.kind === 'matched' && match.id === each.id;
            const taken = waiting.take(new Set([each.id])).map(({ observed }) => observed);
            expect(taken).toEqual(model.filter(isKind));
            model = model.filter((observed) => !isKind(observed));
            for (const observed of taken) add(observed);
          }
          if (each.act === 'due') {
            const due = waiting.takeDue(each.now + PATIENCE)?.observed;
            const [first] = model;
            expect(due).toBe(first !== undefined && first.ts < each.now ? first : undefined);
            if (due !== undefined) model = model.slice(1);
          }
        }
        for (const observed of model)
          expect(waiting.takeDue(Number.MAX_SAFE_INTEGER)?.observed).toBe(observed);
        expect(waiting.takeDue(Number.MAX_SAFE_INTEGER)).toBeUndefined();
      }),
    );
  });

  it('take time in proportion to how often they are tried again, not to its square', () => {
    const waiting = new WaitingRequests(DEFAULT_LIMITS);
    for (let ts = 0; ts < 300; ts++) waiting.add(RECORD, requestOf(ts === 0 ? 'first' : 'other', ts));
    const begun = process.cpuUsage().user;
    let tried = 0;
    for (let round = 0; round < 1000; round++) {
      for (const { observed } of waiting.take(new Set(['other']))) {
        waiting.add(RECORD, observed);
        tried++;
      }
    }
    expect(tried).toBe(299_000);
    expect(process.cpuUsage().user - begun).toBeLessThan(MOST);
    expect(waiting.takeDue(Number.MAX_SAFE_INTEGER)?.observed.ts).toBe(0);
  });
});
