// Two data planes as one. Enters: blocks of two places; leaves: assertions on which driver has which.
import { describe, expect, test } from 'vitest';
import type { Flow, FlowId } from '../../src/flow.ts';
import { Blocks } from '../../src/flowtap/blocks.ts';
import type { BlockId } from '../../src/flowtap/driver.ts';
import { MemoryDriver } from '../../src/flowtap/memory.ts';
import { SplitDriver } from '../../src/flowtap/split.ts';
import type { VerdictId } from '../../src/verdict.ts';

const HOUR = 3_600_000_000;

function setUp(refuses = false) {
  const gate = new MemoryDriver();
  const bridge = new MemoryDriver(
    refuses ? { accept: () => ({ kind: 'unavailable', why: 'it is away' }) } : {},
  );
  const blocks = new Blocks({ driver: new SplitDriver(gate, bridge, (where) => where === 'gate'), run: 1 });
  const block = (seenAt: string, port: number, from = 0): BlockId => {
    const orig = { ip: '10.1.0.11', port };
    const resp = { ip: '10.1.0.12', port: 8080 };
    const flow: Flow = { id: `${seenAt}/${port}` as FlowId, orig, resp, vlans: [], seenAt, midstream: false };
    const asked = { flow, verdict: 'v1' as VerdictId, cause: 'a test', owner: 't', from, lifetime: HOUR };
    return blocks.block(asked).id;
  };
  const stateOf = (id: BlockId): string | undefined => blocks.list().find((each) => each.id === id)?.state;
  return { gate, bridge, blocks, block, stateOf };
}

describe('two drivers as one', () => {
  test('have each block at the place where its flow was seen', async () => {
    const { gate, bridge, block, stateOf } = setUp();
    const [held, copied] = [block('gate', 1), block('ids', 2)];
    expect([await gate.held(), await bridge.held()]).toEqual([[held], [copied]]);
    expect([stateOf(held), stateOf(copied)]).toEqual(['effective', 'effective']);
  });

  test('lose a block where it is, when it expires', async () => {
    const { gate, bridge, blocks, block } = setUp();
    block('gate', 1);
    const later = block('ids', 2, 1);
    blocks.advance(HOUR);
    expect([await gate.held(), await bridge.held()]).toEqual([[], [later]]);
    blocks.advance(HOUR + 1);
    expect([await bridge.held(), blocks.size]).toEqual([[], 0]);
  });

  test('miss nothing when all is compared', async () => {
    const { blocks, block, stateOf } = setUp();
    const [held, copied] = [block('gate', 1), block('ids', 2)];
    blocks.takeChanges();
    await blocks.reconcile(1);
    expect(blocks.takeChanges()).toEqual([]);
    expect([stateOf(held), stateOf(copied)]).toEqual(['effective', 'effective']);
  });

  test('do not wait for each other: what one has is cut while the other is away', async () => {
    const { gate, block, stateOf } = setUp(true);
    const [copied, held] = [block('ids', 2), block('gate', 1)];
    expect(await gate.held()).toEqual([held]);
    expect([stateOf(copied), stateOf(held)]).toEqual(['wanted', 'effective']);
  });
});
