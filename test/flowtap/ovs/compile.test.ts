// Contracts as flows, frame by frame. Enters: random contracts and frames; leaves: each frame goes where the contracts say, once.
import { describe, expect, it } from 'vitest';
import type { Action } from '../../../src/flowtap/contract.ts';
import { makeContract } from '../../../src/flowtap/contract.ts';
import { ContractBook, type GrantedContract } from '../../../src/flowtap/contracts.ts';
import { baseFlows, compileContracts, type WantedFlow } from '../../../src/flowtap/ovs/compile.ts';
import { DEFAULT_LAYOUT, runOf } from '../../../src/flowtap/ovs/layout.ts';
import type { PortName, PortPlace } from '../../../src/flowtap/port.ts';
import { anyPacket } from '../../../src/flowtap/syntax/space.ts';
import { parseFlowSyntax } from '../../../src/flowtap/syntax/syntax.ts';
import {
  answer,
  type Frame,
  type Random,
  randomFrame,
  randomFrom,
  randomSyntax,
} from '../../support/frames.ts';
import { type Outcome, process } from '../../support/pipeline.ts';

const RUN = runOf('test', 1);
const NUMBER: Readonly<Record<string, number>> = { a: 1, b: 2, c: 3, ids: 8, gate: 9 };
const places = new Map(
  Object.entries(NUMBER).map(([name, number]): [PortName, PortPlace] => [
    name as PortName,
    { number, mac: `00:00:00:00:00:0${number}` },
  ]),
);

interface Made {
  readonly contract: GrantedContract;
  readonly covers: (frame: Frame) => boolean;
}

/** Contracts of all three ports, as many as do not overlap. */
function contracts(random: Random): readonly Made[] {
  const book = new ContractBook();
  const made: Made[] = [];
  for (let i = 0; i < 6; i++) {
    const { text, matches, pinned } = randomSyntax(random);
    if (pinned || anyPacket(parseFlowSyntax(text)) === null) continue;
    const source = ['a', 'b', 'c'][random(3)] ?? 'a';
    const [destination, action] = [
      ['ids', 'gate'][random(2)] ?? 'ids',
      ['forward', 'redirect'][random(2)] ?? 'forward',
    ];
    const grant = book.ask(makeContract(source, destination, text, action), { by: 'test', at: 0, why: '' });
    if (grant.kind !== 'granted') continue;
    made.push({ contract: grant.contract, covers: (frame) => matches(frame) || matches(answer(frame)) });
  }
  return made;
}

function compile(made: readonly Made[]): readonly WantedFlow[] {
  const { flows, waiting } = compileContracts(
    made.map(({ contract }) => contract),
    places,
    RUN,
    DEFAULT_LAYOUT,
  );
  expect([...waiting]).toEqual([]);
  return [...baseFlows(DEFAULT_LAYOUT), ...flows];
}

/** The oldest contract of a port that covers a frame. */
function find(made: readonly Made[], port: string, frame: Frame): { to: number; action: Action } | null {
  const found = made.find(({ contract, covers }) => contract.source === port && covers(frame))?.contract;
  return found === undefined ? null : { to: NUMBER[found.destination] ?? 0, action: found.action };
}

/** What the paper asks for: copies go on, what is redirected does not; no security VM gets a packet twice. */
function expected(made: readonly Made[], frame: Frame): Outcome {
  const from = NUMBER[frame.inPort] ?? 0;
  const receiver = ['a', 'b', 'c'].find((name) => NUMBER[name] === frame.mac.dst);
  const sent = find(made, frame.inPort, frame);
  const got = receiver === undefined ? null : find(made, receiver, frame);
  const out = new Set<number>();
  for (const each of [sent, got]) {
    if (each === null) continue;
    out.add(each.to);
    if (each.action === 'redirect') return { out: [...out], normal: [] };
  }
  return { out: [...out], normal: [from] };
}

describe('the flows of contracts', () => {
  it('deliver each frame as the contracts say, once, and let go on what is only copied', () => {
    const random = randomFrom(1955);
    let delivered = 0;
    for (let round = 0; round < 400; round++) {
      const made = contracts(random);
      const flows = compile(made);
      for (let i = 0; i < 60; i++) {
        const drawn = randomFrame(random);
        const from = NUMBER[drawn.inPort] ?? 0;
        const frame = { ...drawn, table: 0, mac: { ...drawn.mac, src: from } };
        const outcome = process(flows, frame, from);
        expect({ made: made.map(({ contract }) => contract.id), frame, ...outcome }).toMatchObject(
          expected(made, frame),
        );
        if (outcome.out.length > 0) delivered++;
      }
    }
    expect(delivered).toBeGreaterThan(2000);
  });

  it('let what a security VM in the path sends back go on as from its sender, and never back to it', () => {
    const random = randomFrom(1956);
    let returned = 0;
    for (let round = 0; round < 400; round++) {
      const made = contracts(random);
      const flows = compile(made);
      for (let i = 0; i < 60; i++) {
        const drawn = randomFrame(random);
        const from = NUMBER[drawn.inPort] ?? 0;
        const frame = { ...drawn, table: 0, mac: { ...drawn.mac, src: from } };
        const there = process(flows, frame, from);
        const gate = there.normal.length === 0 ? (there.out.at(-1) ?? 0) : 0;
        if (gate === 0) continue;
        returned++;
        const { out, normal } = process(flows, frame, gate);
        expect(out).not.toContain(gate);
        // It arrives, or another security VM holds it; as if it came from its sender, when the switch decides.
        expect(normal.every((port) => port === from)).toBe(true);
        expect(out.length + normal.length).toBeGreaterThan(0);
      }
    }
    expect(returned).toBeGreaterThan(500);
  });

  it('keep a security VM in the path from saying anything else', () => {
    const random = randomFrom(1957);
    const contract = makeContract('a', 'gate', 'tcp,tp_dst=2', 'redirect');
    const book = new ContractBook();
    const grant = book.ask(contract, { by: 'test', at: 0, why: '' });
    if (grant.kind !== 'granted') throw new Error(grant.kind);
    const flows = compile([{ contract: grant.contract, covers: () => true }]);
    for (let i = 0; i < 2000; i++) {
      const frame = randomFrame(random);
      const isOfContract =
        frame.type === 0x0800 &&
        frame.protocol === 6 &&
        (frame.transport.dst === 2 || frame.transport.src === 2);
      if (isOfContract && (frame.mac.src === 1 || frame.mac.dst === 1)) continue;
      expect(process(flows, frame, 9)).toEqual({ out: [], normal: [] });
    }
  });

  it('of a redirect hold what they should when the security VM is gone; those of a forward let it pass', () => {
    const away = new Map([...places].filter(([name]) => name !== 'gate'));
    const frame = { ...randomFrame(randomFrom(1)), type: 0x0800, table: 0, mac: { src: 1, dst: 2 } };
    for (const [action, normal] of [
      ['redirect', []],
      ['forward', [1]],
    ] as const) {
      const grant = new ContractBook().ask(makeContract('a', 'gate', 'ip', action), {
        by: 'test',
        at: 0,
        why: '',
      });
      if (grant.kind !== 'granted') throw new Error(grant.kind);
      const { flows } = compileContracts([grant.contract], away, RUN, DEFAULT_LAYOUT);
      expect(process([...baseFlows(DEFAULT_LAYOUT), ...flows], frame, 1)).toEqual({ out: [], normal });
    }
  });

  it.each([
    ['reg3=1', 'before anything sets reg3'],
    ['metadata=1', 'before anything sets metadata'],
    ['vlan_tci=0x3000/0x3000', 'a VLAN priority whole or not at all'],
    ['in_port=nobody', 'port nobody is not on this bridge'],
  ])('with "%s" are none, and the contract says why', (text, why) => {
    const grant = new ContractBook().ask(makeContract('a', 'ids', text, 'forward'), {
      by: 'test',
      at: 0,
      why: '',
    });
    if (grant.kind !== 'granted') throw new Error(grant.kind);
    const { flows, waiting } = compileContracts([grant.contract], places, RUN, DEFAULT_LAYOUT);
    expect(flows).toEqual([]);
    expect(waiting.get(grant.contract.id)).toContain(why);
  });
});
