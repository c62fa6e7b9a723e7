// Desired blocks against a scripted data plane. Enters: block instructions; leaves: assertions on states and bundles.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Flow, FlowId } from '../../src/flow.ts';
import { Blocks } from '../../src/flowtap/blocks.ts';
import type { Acceptance, BlockId, Change, Driver, Report } from '../../src/flowtap/driver.ts';
import { MemoryDriver, type Script } from '../../src/flowtap/memory.ts';
import type { BlockInstruction, VerdictId } from '../../src/verdict.ts';

const HOUR = 3_600_000_000;

function flow(given: Partial<Flow> = {}): Flow {
  return {
    id: 'f1' as FlowId,
    orig: { ip: '10.1.0.11', port: 40000 },
    resp: { ip: '10.1.0.12', port: 8080 },
    vlans: [],
    seenAt: 'eth0',
    midstream: false,
    ...given,
  };
}

function port(orig: number): Flow {
  return flow({ orig: { ip: '10.1.0.11', port: orig } });
}

function instruction(given: Partial<BlockInstruction> = {}): BlockInstruction {
  return {
    flow: flow(),
    verdict: 'v1' as VerdictId,
    cause: 'It bills bob.',
    owner: 'dvd-rental',
    from: 1000,
    lifetime: HOUR,
    ...given,
  };
}

function blocks(script: Script = {}, capacity?: number): { blocks: Blocks; driver: MemoryDriver } {
  const driver = new MemoryDriver(script);
  return { blocks: new Blocks({ driver, run: 7, ...(capacity === undefined ? {} : { capacity }) }), driver };
}

/** A switch that answers later: accepts, and reports when the test says so. */
class SlowDriver implements Driver {
  readonly name = 'slow';
  readonly expires = false;
  readonly bundles: (readonly Change[])[] = [];
  acceptance: Acceptance = { kind: 'accepted' };
  /** Null: it is away. */
  holds: BlockId[] | null = [];
  report: (report: Report) => void = () => {};

  listen(report: (report: Report) => void): void {
    this.report = report;
  }

  apply(bundle: readonly Change[]): Acceptance {
    this.bundles.push(bundle);
    return this.acceptance;
  }

  async held(): Promise<readonly BlockId[] | null> {
    return this.holds;
  }
}

describe('a block', () => {
  it('cuts both directions of its flow, under the cookie of this run', () => {
    const driver = new SlowDriver();
    new Blocks({ driver, run: 7 }).block(instruction());
    expect(driver.bundles).toEqual([
      [
        {
          kind: 'set',
          rule: {
            block: 'b1',
            cookie: { run: 7, block: 1 },
            where: 'eth0',
            until: 1000 + HOUR,
            matches: [
              { ip: 4, vlans: [], source: flow().orig, destination: flow().resp },
              { ip: 4, vlans: [], source: flow().resp, destination: flow().orig },
            ],
          },
        },
      ],
    ]);
  });

  it('names its cause, its owner and its expiry', () => {
    expect(blocks().blocks.block(instruction())).toMatchObject({
      id: 'b1',
      causes: [{ verdict: 'v1', text: 'It bills bob.', owner: 'dvd-rental', at: 1000 }],
      from: 1000,
      until: 1000 + HOUR,
    });
  });

  it('rises from accepted over installed and effective to confirmed, with a receipt', () => {
    const driver = new SlowDriver();
    const book = new Blocks({ driver, run: 7 });
    const { id: block } = book.block(instruction());
    const state = (): unknown => book.list()[0]?.state;
    expect(state()).toBe('accepted');
    driver.report({ kind: 'installed', block, at: 1001 });
    expect(state()).toBe('installed');
    driver.report({ kind: 'effective', block, at: 1002 });
    expect(state()).toBe('effective');
    const receipt = { passed: { packets: 2, bytes: 90 }, dropped: { packets: 1, bytes: 60 } };
    driver.report({ kind: 'confirmed', block, at: 1003, receipt });
    expect(book.list()[0]).toMatchObject({
      state: 'confirmed',
      receipt,
      reached: { wanted: 1000, accepted: 1000, installed: 1001, effective: 1002, confirmed: 1003 },
    });
  });

  it('has its receipt as soon as it is counted, also when it is never confirmed', () => {
    const driver = new SlowDriver();
    const book = new Blocks({ driver, run: 7 });
    const { id: block } = book.block(instruction());
    driver.report({ kind: 'effective', block, at: 1002 });
    book.takeChanges();
    const receipt = { passed: { packets: 2, bytes: 90 }, dropped: { packets: 0, bytes: 0 } };
    driver.report({ kind: 'counted', block, at: 1003, receipt });
    expect(book.takeChanges()).toMatchObject([{ id: block, state: 'effective', receipt }]);
  });

  it('does not fall back when reports come late or twice', () => {
    const driver = new SlowDriver();
    const book = new Blocks({ driver, run: 7 });
    const { id: block } = book.block(instruction());
    driver.report({ kind: 'effective', block, at: 1002 });
    driver.report({ kind: 'installed', block, at: 1003 });
    driver.report({ kind: 'effective', block, at: 1004 });
    expect(book.list()[0]).toMatchObject({ state: 'effective', reached: { effective: 1002 } });
  });

  it('that the data plane cannot express is unsupported, and says why', () => {
    const why = 'no VLAN matches on this bridge';
    const { blocks: book } = blocks({ accept: () => ({ kind: 'unsupported', why }) });
    expect(book.block(instruction())).toMatchObject({ state: 'unsupported', why });
  });

  it('waits for a data plane that is away, and is set when that is back', async () => {
    const driver = new SlowDriver();
    driver.acceptance = { kind: 'unavailable', why: 'not connected' };
    const book = new Blocks({ driver, run: 7 });
    expect(book.block(instruction())).toMatchObject({ state: 'wanted', why: 'not connected' });
    driver.acceptance = { kind: 'accepted' };
    await book.reconcile(2000);
    expect(book.list()[0]).toMatchObject({ state: 'accepted', why: null, reached: { accepted: 2000 } });
  });

  it('that failed is tried again when its flow offends again', () => {
    let works = false;
    const { blocks: book } = blocks({ behave: () => (works ? 'works' : 'fails') });
    expect(book.block(instruction()).state).toBe('failed');
    works = true;
    expect(book.block(instruction({ verdict: 'v2' as VerdictId })).state).toBe('effective');
  });

  it('that was there without us is left there when it expires', () => {
    const { blocks: book } = blocks({ behave: () => 'exists' });
    expect(book.block(instruction()).state).toBe('exists');
    book.advance(1000 + HOUR);
    expect(book.list()).toEqual([]);
    expect(book.takeChanges().at(-1)).toMatchObject({ state: 'removed', why: 'expired' });
  });
});

describe('the same flow', () => {
  it('is one block, with every verdict as a cause and the latest expiry', () => {
    const { blocks: book } = blocks();
    book.block(instruction());
    const later = instruction({ verdict: 'v2' as VerdictId, from: 5000, owner: 'other' });
    expect(book.block(later)).toMatchObject({ id: 'b1', causeCount: 2, until: 5000 + HOUR });
    expect(book.list()).toHaveLength(1);
    expect(book.list()[0]?.causes.map(({ verdict }) => verdict)).toEqual(['v1', 'v2']);
  });

  it('is the same in the other direction, and as a new connection on the same ports', () => {
    const { blocks: book } = blocks();
    book.block(instruction());
    book.block(instruction({ flow: flow({ id: 'f2' as FlowId, orig: flow().resp, resp: flow().orig }) }));
    expect(book.list()).toHaveLength(1);
  });

  it('is another one on another VLAN or at another place', () => {
    const { blocks: book } = blocks();
    book.block(instruction());
    book.block(instruction({ flow: flow({ vlans: [7] }) }));
    book.block(instruction({ flow: flow({ seenAt: 'eth1' }) }));
    expect(book.list()).toHaveLength(3);
  });

  it('keeps a bounded number of causes, and counts the others', () => {
    const { blocks: book } = blocks();
    for (let i = 0; i < 100; i++) book.block(instruction({ verdict: `v${i}` as VerdictId }));
    expect(book.list()[0]?.causes).toHaveLength(32);
    expect(book.list()[0]?.causeCount).toBe(100);
  });
});

describe('the end of a block', () => {
  it('comes with the time of the traffic', () => {
    const { blocks: book, driver } = blocks();
    book.block(instruction());
    book.advance(999 + HOUR);
    expect(book.list()).toHaveLength(1);
    book.advance(1000 + HOUR);
    expect(book.list()).toEqual([]);
    const packet = { where: 'eth0', vlans: [], source: flow().orig, destination: flow().resp, bytes: 60 };
    expect(driver.offer(packet, 1000 + HOUR)).toBe('pass');
  });

  it('comes when it is released, once', () => {
    const { blocks: book } = blocks();
    const { id } = book.block(instruction());
    expect(book.release(id, 2000)).toBe(true);
    expect(book.release(id, 2001)).toBe(false);
    expect(book.takeChanges()).toMatchObject([{ id, state: 'removed', why: 'released' }]);
  });

  it('waits for the report that the rule is gone', async () => {
    const driver = new SlowDriver();
    const book = new Blocks({ driver, run: 7 });
    const { id: block } = book.block(instruction());
    driver.acceptance = { kind: 'unavailable', why: 'not connected' };
    book.release(block, 2000);
    expect(book.list()).toMatchObject([{ state: 'removing' }]);
    driver.acceptance = { kind: 'accepted' };
    driver.holds = [block];
    await book.reconcile(3000);
    expect(driver.bundles.at(-1)).toEqual([{ kind: 'remove', block, cookie: { run: 7, block: 1 } }]);
    driver.report({ kind: 'removed', block, at: 3001, receipt: null });
    expect(book.list()).toEqual([]);
  });

  it('is not taken for granted while the data plane is away: what is not seen is not missing', async () => {
    const driver = new SlowDriver();
    const book = new Blocks({ driver, run: 7 });
    const { id } = book.block(instruction());
    book.release(id, 2000);
    book.block(instruction({ flow: port(2) }));
    driver.holds = null;
    const asked = driver.bundles.length;
    await book.reconcile(3000);
    expect(book.list().map(({ state }) => state)).toEqual(['removing', 'accepted']);
    expect(driver.bundles).toHaveLength(asked);
  });

  it('makes room when there are too many: the one that expires first goes, and is counted', () => {
    const { blocks: book } = blocks({}, 2);
    book.block(instruction({ flow: port(1), lifetime: 2 * HOUR }));
    book.block(instruction({ flow: port(2), lifetime: HOUR }));
    book.block(instruction({ flow: port(3), lifetime: HOUR }));
    expect(book.list().map(({ flow: { orig } }) => orig.port)).toEqual([1, 3]);
    expect(book.evicted).toBe(1);
  });

  it('comes from a data plane that ends its rules itself, when their time is over', () => {
    const driver = new SlowDriver();
    const book = new Blocks({ driver, run: 7 });
    const { id: block } = book.block(instruction());
    const receipt = { passed: null, dropped: { packets: 1, bytes: 60 } };
    driver.report({ kind: 'removed', block, at: 1000 + HOUR, receipt });
    expect(book.list()).toEqual([]);
    expect(book.takeChanges()).toMatchObject([{ state: 'removed', why: 'expired', receipt }]);
    // The same flow is blocked anew when it offends again.
    expect(book.block(instruction({ from: 2000 + HOUR })).id).toBe('b2');
  });

  it('does not come from the data plane alone: a rule that vanished is set again', async () => {
    const driver = new SlowDriver();
    const book = new Blocks({ driver, run: 7 });
    const { id: block } = book.block(instruction());
    driver.report({ kind: 'effective', block, at: 1001 });
    driver.report({ kind: 'removed', block, at: 1500, receipt: null });
    expect(book.list()).toMatchObject([{ state: 'wanted' }]);
    await book.reconcile(2000);
    expect(driver.bundles.at(-1)).toMatchObject([{ kind: 'set', rule: { block } }]);
  });
});

describe('the memory twin', () => {
  const packet = { where: 'eth0', vlans: [], source: flow().orig, destination: flow().resp, bytes: 60 };

  it('drops both directions of a blocked flow, and nothing else', () => {
    const { blocks: book, driver } = blocks();
    book.block(instruction());
    expect(driver.offer(packet, 2000)).toBe('drop');
    expect(driver.offer({ ...packet, source: flow().resp, destination: flow().orig }, 2000)).toBe('drop');
    expect(driver.offer({ ...packet, vlans: [7] }, 2000)).toBe('pass');
    expect(driver.offer({ ...packet, where: 'eth1' }, 2000)).toBe('pass');
    expect(driver.offer({ ...packet, source: { ip: '10.1.0.11', port: 1 } }, 2000)).toBe('pass');
  });

  it('confirms a block with its first dropped packet', () => {
    const { blocks: book, driver } = blocks();
    book.block(instruction());
    driver.offer(packet, 2000);
    expect(book.list()[0]).toMatchObject({
      state: 'confirmed',
      receipt: { dropped: { packets: 1, bytes: 60 } },
    });
  });

  it('gives the final counts when a block goes', () => {
    const { blocks: book, driver } = blocks();
    const { id } = book.block(instruction());
    driver.offer(packet, 2000);
    driver.offer(packet, 2001);
    book.release(id, 2002);
    expect(book.takeChanges().at(-1)?.receipt).toEqual({
      passed: { packets: 0, bytes: 0 },
      dropped: { packets: 2, bytes: 120 },
    });
  });
});

describe('any sequence of requests, time and releases', () => {
  it('leaves exactly the blocks that are neither expired nor released, all effective', () => {
    const step = fc.oneof(
      fc.record({
        kind: fc.constant('block' as const),
        port: fc.integer({ min: 1, max: 6 }),
        lifetime: fc.integer({ min: 1, max: 50 }),
      }),
      fc.record({ kind: fc.constant('advance' as const), by: fc.integer({ min: 0, max: 40 }) }),
      fc.record({ kind: fc.constant('release' as const), port: fc.integer({ min: 1, max: 6 }) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const { blocks: book, driver } = blocks();
        const until = new Map<number, number>();
        let now = 0;
        for (const each of steps) {
          if (each.kind === 'block') {
            book.block(instruction({ flow: port(each.port), from: now, lifetime: each.lifetime }));
            until.set(each.port, Math.max(until.get(each.port) ?? 0, now + each.lifetime));
          } else if (each.kind === 'advance') {
            now += each.by;
            book.advance(now);
            for (const [number, end] of until) if (end <= now) until.delete(number);
          } else {
            const found = book.list().find(({ flow: { orig } }) => orig.port === each.port);
            expect(found !== undefined && book.release(found.id, now)).toBe(until.delete(each.port));
          }
        }
        expect(book.list().map((block) => [block.flow.orig.port, block.until, block.state])).toEqual(
          expect.arrayContaining([...until].map(([number, end]) => [number, end, 'effective'])),
        );
        expect(book.list()).toHaveLength(until.size);
        for (let number = 1; number <= 6; number++) {
          const ends = { source: port(number).orig, destination: port(number).resp };
          const passes = driver.offer({ where: 'eth0', vlans: [], bytes: 60, ...ends }, now);
          expect(passes).toBe(until.has(number) ? 'drop' : 'pass');
        }
      }),
    );
  });
});
