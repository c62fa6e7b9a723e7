// Link layers. Enters: frames of every link type; leaves: the flow that the sensor sees, or why it ignores the frame.
import { describe, expect, it } from 'vitest';
import { CLIENT, concat, ETHERNET, ethernet, type Frame, ip, SERVER, tcp } from '../../support/packets.ts';
import { sense } from '../../support/sensing.ts';

const PACKET = ip(CLIENT, SERVER, tcp(CLIENT, SERVER, { seq: 1, flags: 'S' }));
const V6 = { ip: 'fd00::1', port: 1 };
const PACKET_V6 = ip(V6, { ...V6, ip: 'fd00::2' }, tcp(V6, V6, { seq: 1, flags: 'S' }));

function frame(bytes: Uint8Array, linkType: number): Frame {
  return { ts: 1, linkType, bytes, original: bytes.length };
}

/** The VLANs of the flow that a frame opened. */
function vlansOf(bytes: Uint8Array, linkType = ETHERNET): readonly number[] | string {
  const { events, statistics } = sense([frame(bytes, linkType)]);
  const [first] = events;
  if (first?.kind === 'connection-attempt') return first.flow.vlans;
  return Object.entries(statistics.ignored).find(([, packets]) => packets === 1)?.[0] ?? 'not counted';
}

describe('link layers that carry IP', () => {
  const sll = concat(new Uint8Array(14), Uint8Array.of(0x08, 0x00), PACKET);
  const sll2 = concat(Uint8Array.of(0x08, 0x00), new Uint8Array(18), PACKET);
  const label = (bottom: number): Uint8Array => Uint8Array.of(0, 1, 0x40 | bottom, 64);
  const cases: readonly (readonly [string, Uint8Array, number, readonly number[]])[] = [
    ['Ethernet', ethernet(PACKET), 1, []],
    ['Ethernet with IPv6', ethernet(PACKET_V6), 1, []],
    ['802.1Q', ethernet(PACKET, [42]), 1, [42]],
    ['802.1ad', ethernet(PACKET, [7, 4095]), 1, [7, 4095]],
    ['a priority tag, which names no VLAN', ethernet(PACKET, [0]), 1, []],
    ['four tags', ethernet(PACKET, [1, 2, 3, 4]), 1, [1, 2, 3, 4]],
    ['MPLS', ethernet(concat(label(0), label(1), PACKET), [], 0x8847), 1, []],
    ['MPLS in a VLAN', ethernet(concat(label(1), PACKET_V6), [9], 0x8848), 1, [9]],
    ['Linux cooked v1', sll, 113, []],
    ['Linux cooked v2', sll2, 276, []],
    ['BSD loopback, little-endian', concat(Uint8Array.of(2, 0, 0, 0), PACKET), 0, []],
    ['BSD loopback, big-endian, IPv6', concat(Uint8Array.of(0, 0, 0, 30), PACKET_V6), 0, []],
    ['OpenBSD loopback', concat(Uint8Array.of(0, 0, 0, 24), PACKET_V6), 108, []],
    ['raw IP', PACKET, 101, []],
    ['raw IP by its old number', PACKET_V6, 12, []],
    ["OpenBSD's raw IP", PACKET, 14, []],
    ['raw IPv4', PACKET, 228, []],
    ['raw IPv6', PACKET_V6, 229, []],
  ];
  for (const [name, bytes, linkType, vlans] of cases) {
    it(`finds IP in ${name}`, () => {
      expect(vlansOf(bytes, linkType)).toEqual(vlans);
    });
  }
  it('finds IP behind the number that QinQ had before 802.1ad', () => {
    const bytes = ethernet(PACKET, [5, 6]);
    bytes.set([0x91, 0x00], 12);
    expect(vlansOf(bytes)).toEqual([5, 6]);
  });
});

describe('what carries no IP', () => {
  const cases: readonly (readonly [string, Uint8Array, number, string])[] = [
    ['an unknown link type', PACKET, 147, 'link-type'],
    ['a frame shorter than its header', new Uint8Array(13), 1, 'link-header'],
    ['a frame that ends in a VLAN tag', ethernet(PACKET, [1]).subarray(0, 16), 1, 'link-header'],
    ['five tags', ethernet(PACKET, [1, 2, 3, 4, 5]), 1, 'link-header'],
    ['an MPLS stack without a bottom', ethernet(new Uint8Array(40), [], 0x8847), 1, 'link-header'],
    ['ARP', ethernet(new Uint8Array(28), [], 0x0806), 1, 'not-ip'],
    ['another address family', concat(Uint8Array.of(7, 0, 0, 0), PACKET), 0, 'not-ip'],
    ['nothing', new Uint8Array(0), 101, 'ip-header'],
  ];
  for (const [name, bytes, linkType, reason] of cases) {
    it(`counts ${name} as ${reason}`, () => {
      expect(vlansOf(bytes, linkType)).toBe(reason);
    });
  }
});
