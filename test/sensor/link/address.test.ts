// Address text. Enters: 32-bit words; leaves: the canonical forms of RFC 5952.
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { formatIpv4, formatIpv6 } from '../../../src/sensor/link/address.ts';
import { pushVlan, vlanTags } from '../../../src/sensor/link/vlan.ts';
import { addressBytes } from '../../support/packets.ts';

function words(bytes: Uint8Array): number[] {
  const view = new DataView(bytes.buffer);
  return Array.from({ length: bytes.length / 4 }, (_, index) => view.getInt32(index * 4));
}

it('writes IPv4 dotted, also above 128.0.0.0', () => {
  for (const text of ['0.0.0.0', '10.1.0.11', '255.254.253.252']) {
    expect(formatIpv4(words(addressBytes(text))[0] ?? 0)).toBe(text);
  }
});

it('writes IPv6 as RFC 5952 has it', () => {
  const canonical = [
    '::',
    '::1',
    '1::',
    '2001:db8::1',
    '2001:db8:0:1:1:1:1:1',
    '2001:0:0:1::1',
    '2001:db8::1:0:0:1',
    'fe80::1:2:3',
    'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff',
  ];
  for (const text of canonical) {
    const [a = 0, b = 0, c = 0, d = 0] = words(addressBytes(text));
    expect(formatIpv6(a, b, c, d)).toBe(text);
  }
  expect(formatIpv6(0, 0, 0xffff, 0x0a01000b)).toBe('::ffff:10.1.0.11');
});

it('gives every stack of up to four VLAN tags its own number', () => {
  fc.assert(
    fc.property(fc.array(fc.nat({ max: 4095 }), { maxLength: 4 }), (tags) => {
      expect(vlanTags(tags.reduce(pushVlan, 0))).toEqual(tags);
    }),
  );
});
