// The overlap of contracts against brute force. Enters: random pairs and frames; leaves: agreement in both directions.
import { describe, expect, it } from 'vitest';
import { commonFlow, describePacket, type Packet } from '../../../src/flowtap/syntax/space.ts';
import { type FlowSyntax, parseFlowSyntax } from '../../../src/flowtap/syntax/syntax.ts';
import {
  answer,
  type Frame,
  type Random,
  randomFrame,
  randomFrom,
  randomSyntax,
} from '../../support/frames.ts';

const PAIRS = 100_000;
/** Frames that every pair is tried on. */
const FRAMES = 256;

/** The frame that a packet of ours describes. */
function frameOf({ inPort, bits }: Packet): Frame {
  const bit = (name: Parameters<typeof bits.get>[0], mask = 0xffffffffn): number =>
    Number((bits.get(name) ?? 0n) & mask);
  const type = bit('dl_type');
  const tci = bit('vlan_tci');
  const end = (which: 'src' | 'dst'): number =>
    type === 0x86dd ? bit(`ipv6_${which}`, 0xffn) : bit(`nw_${which}`, 0xffn);
  return {
    inPort: inPort ?? 'a',
    table: bit('table'),
    mac: { src: bit('dl_src'), dst: bit('dl_dst') },
    vlan: tci === 0 ? null : { id: tci & 0xfff, priority: tci >> 13 },
    type,
    address: { src: end('src'), dst: end('dst') },
    protocol: bit('nw_proto'),
    tos: bit('nw_tos'),
    ttl: bit('nw_ttl'),
    fragment: (['no', 'first', 'no', 'later'] as const)[bit('ip_frag')] ?? 'no',
    transport: { src: bit('tp_src'), dst: bit('tp_dst') },
    register: bit('reg3'),
  };
}

interface Made {
  readonly text: string;
  readonly syntax: FlowSyntax;
  readonly requests: (frame: Frame) => boolean;
  /** Null when the syntax says how packets come in. */
  readonly answers: ((frame: Frame) => boolean) | null;
}

function make(random: Random): Made {
  const { text, matches, pinned } = randomSyntax(random);
  const answers = pinned ? null : (frame: Frame): boolean => matches(answer(frame));
  return { text, syntax: parseFlowSyntax(text), requests: matches, answers };
}

/** How `found` is wrong, or null; `met` is told whether one of the frames is a request of both. */
function judge(
  a: Made,
  b: Made,
  found: Packet | null,
  frames: readonly Frame[],
): { met: boolean; wrong: boolean } {
  const met = frames.some((frame) => a.requests(frame) && b.requests(frame));
  if (found === null) return { met, wrong: met };
  const frame = frameOf(found);
  if (a.requests(frame) && b.requests(frame)) return { met, wrong: false };
  // Then all flows of one must be flows of the other, turned around.
  const same = [[a, b] as const, [b, a] as const].some(([one, { answers }]) => {
    if (answers === null || !one.requests(frame) || !answers(frame)) return false;
    const inside = frames.every((each) => !one.requests(each) || answers(each));
    return inside || frames.every((each) => one.requests(each) || !answers(each));
  });
  return { met, wrong: met || !same };
}

describe('a hundred thousand random pairs of contracts on one port', () => {
  it('overlap exactly where a frame exists that is a request of both', () => {
    const random = randomFrom(20150815);
    const frames = Array.from({ length: 20_000 }, () => randomFrame(random));
    const wrong: string[] = [];
    let overlapping = 0;
    let meeting = 0;
    for (let pair = 0; pair < PAIRS; pair++) {
      const [a, b] = [make(random), make(random)];
      const found = commonFlow(a.syntax, b.syntax);
      const offset = random(frames.length - FRAMES);
      const verdict = judge(a, b, found, frames.slice(offset, offset + FRAMES));
      if (found !== null) overlapping++;
      if (verdict.met) meeting++;
      if (verdict.wrong)
        wrong.push(`${a.text} | ${b.text}: ${found === null ? 'none' : describePacket(found)}`);
    }
    expect(wrong.slice(0, 5)).toEqual([]);
    // So that neither answer is rare: a check that always says the same would not pass.
    expect(overlapping / PAIRS).toBeGreaterThan(0.05);
    expect(overlapping / PAIRS).toBeLessThan(0.6);
    // Brute force finds a good part of what is there, so it would find what we miss.
    expect(meeting / overlapping).toBeGreaterThan(0.3);
  });

  it.each([
    ['tcp,tp_dst=80', 'tcp,tp_dst=443', false],
    ['tcp,tp_dst=80', 'tcp,tp_src=80', true],
    ['tcp,tp_dst=80', 'tcp,tp_src=80,nw_src=10.0.0.1', true],
    ['tcp,nw_src=10.0.0.1,tp_dst=80', 'tcp,nw_src=10.0.0.2,nw_dst=10.0.0.1,tp_src=80', true],
    ['tcp,tp_dst=80', 'tcp6,tp_dst=80', false],
    ['tcp,nw_src=10.0.0.0/8', 'tcp,nw_dst=10.1.0.0/16', true],
    ['tcp,nw_src=10.0.0.0/8,tp_dst=80', 'tcp,nw_dst=10.1.0.0/16,tp_dst=5672', false],
    ['in_port=a,tcp', 'in_port=b,tcp', false],
    ['in_port=a,tcp,tp_dst=80', 'tcp,tp_src=80', true],
    ['dl_vlan=5', 'dl_vlan=0xffff', false],
    ['dl_vlan=5', 'vlan_tci=0x1000/0x1000', true],
    ['dl_vlan=5', 'vlan_tci=0x0002/0x0002', false],
    ['ip_frag=later,ip', 'tcp,tp_dst=80', false],
    ['ip_frag=yes,ip', 'tcp,tp_dst=80', true],
    ['icmp,icmp_type=8', 'icmp,icmp_type=0', false],
    ['ip,nw_tos=4', 'ip,nw_ecn=3', true],
    ['table=1', '', false],
    ['ipv6,ipv6_label=0x1/0x1', 'ipv6,ipv6_label=0x2/0x3', false],
    ['icmp6,icmp_type=135,icmp_code=0,nd_target=fd00::1', 'icmp6,icmp_type=136,icmp_code=0', false],
    ['arp,nw_src=10.0.0.1', 'ip,nw_src=10.0.0.1', false],
  ])('"%s" and "%s": %s', (a, b, overlap) => {
    const [one, other] = [parseFlowSyntax(a), parseFlowSyntax(b)];
    expect(commonFlow(one, other) !== null).toBe(overlap);
    expect(commonFlow(other, one) !== null).toBe(overlap);
  });
});
