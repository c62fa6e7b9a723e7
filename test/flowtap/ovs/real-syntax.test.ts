// Flow syntax against Open vSwitch's own reading of it. Enters: random flow syntaxes; leaves: equal matches, whoever wrote them.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BridgeLink } from '../../../src/flowtap/ovs/bridge-link.ts';
import { systemClock } from '../../../src/flowtap/ovs/clock.ts';
import { matchKey } from '../../../src/flowtap/ovs/openflow/match.ts';
import type { FlowMod } from '../../../src/flowtap/ovs/openflow/message.ts';
import { anyPacket, cellsOf } from '../../../src/flowtap/syntax/space.ts';
import { type FlowSyntax, printFlowSyntax } from '../../../src/flowtap/syntax/syntax.ts';
import { OpenVSwitch, whyNoSwitch } from '../../support/open-vswitch.ts';
import { flowSyntaxes } from '../../support/syntaxes.ts';

const why = whyNoSwitch();
const TABLE = 5;
let ovs: OpenVSwitch;
let link: BridgeLink;

beforeEach(async ({ skip }) => {
  if (why !== null) return skip(why);
  ovs = new OpenVSwitch();
  await ovs.start();
  await new Promise<void>((resolve) => {
    const handler = { up: () => resolve(), down: () => {}, said: () => {} };
    link = new BridgeLink(ovs.management, handler, systemClock, Math.random);
  });
}, 60_000);

afterEach(async () => {
  if (why !== null) return;
  link.stop();
  await ovs.stop();
}, 60_000);

/** Of a fixed seed, without ports (the switch has none) and tables (the test chooses). */
function samples(count: number): readonly FlowSyntax[] {
  return (
    fc
      .sample(flowSyntaxes, { numRuns: count, seed: 2015 })
      .filter((syntax) => !syntax.fields.has('table') && anyPacket(syntax) !== null)
      // Part of a VLAN priority cannot be said in OpenFlow 1.4; the driver refuses it.
      .filter(({ fields }) => [0n, 0xe000n].includes((fields.get('vlan_tci')?.mask ?? 0n) & 0xe000n))
      .map(({ fields }) => ({ inPort: null, fields }))
  );
}

function keyOf(syntax: FlowSyntax): string {
  return matchKey({ inPort: null, cells: cellsOf(syntax) ?? new Map() });
}

async function listed(): Promise<ReadonlyMap<number, string>> {
  const flows = (await link.list(TABLE)) ?? [];
  return new Map(
    flows.map(({ priority, match }) => [priority, match === null ? 'unknown' : matchKey(match)]),
  );
}

describe('flow syntax', () => {
  it('that ovs-ofctl reads is what we mean by it', async () => {
    // ovs-ofctl takes an IPv6 mask that begins with a digit for a prefix length, and stumbles over the rest.
    const syntaxes = samples(600).filter(
      (syntax) => !/:[\da-f:]*\/\d[\da-f]*:/.test(printFlowSyntax(syntax)),
    );
    expect(syntaxes.length).toBeGreaterThan(400);
    const file = join(ovs.folder, 'flows.txt');
    const lines = syntaxes.map((syntax, i) => {
      const text = printFlowSyntax(syntax);
      return `table=${TABLE},priority=${i + 1}${text === '' ? '' : `,${text}`},actions=drop`;
    });
    writeFileSync(file, lines.join('\n'));
    await ovs.ofctl('add-flows', file);
    const found = await listed();
    const different = syntaxes.flatMap((syntax, i) =>
      found.get(i + 1) === keyOf(syntax) ? [] : [`${printFlowSyntax(syntax)}: ${found.get(i + 1)}`],
    );
    expect(different).toEqual([]);
  });

  it('that we send comes back the same', async () => {
    const syntaxes = samples(600);
    const mods = syntaxes.map(
      (syntax, i): FlowMod => ({
        command: 'add',
        table: TABLE,
        priority: i + 1,
        cookie: 1n,
        cookieMask: 0n,
        hardTimeout: 0,
        notify: false,
        match: { inPort: null, cells: cellsOf(syntax) ?? new Map() },
        actions: [],
      }),
    );
    expect(await link.bundle(mods)).toBe('done');
    const found = await listed();
    const different = syntaxes.flatMap((syntax, i) =>
      found.get(i + 1) === keyOf(syntax) ? [] : [`${printFlowSyntax(syntax)}: ${found.get(i + 1)}`],
    );
    expect(different).toEqual([]);
    // Also as a flow that is to be deleted: that takes exactly the same words.
    const removals = mods.map((mod): FlowMod => ({ ...mod, command: 'delete-strict', cookieMask: 1n }));
    expect(await link.bundle(removals)).toBe('done');
    expect(await listed()).toEqual(new Map());
  });
});
