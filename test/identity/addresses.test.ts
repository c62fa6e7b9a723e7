// Addresses and who has them. Enters: prefixes; leaves: principals.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  AddressBook,
  type Prefix,
  type Principal,
  parsePrefix,
  prefixesOverlap,
  UNKNOWN,
} from '../../src/identity/addresses.ts';

function prefix(text: string): Prefix {
  const parsed = parsePrefix(text);
  if (parsed === null) throw new Error(`no prefix: ${text}`);
  return parsed;
}

const who = (name: string): Principal => ({ kind: 'service', name });

describe('parsePrefix', () => {
  test.each([
    '10.1.0.11',
    '10.1.0.0/24',
    '0.0.0.0/0',
    'fd00::/8',
    '::',
    '::1',
    '::ffff:10.1.0.11',
    '1:2:3:4:5:6:7:8/128',
  ])('reads %s', (text) => {
    expect(parsePrefix(text)).not.toBeNull();
  });

  test.each([
    '',
    '10.1.0',
    '10.1.0.256',
    '10.1.0.0/33',
    '10.1.0.0/-1',
    '10.1.0.0/',
    '10.1.0.0/24/8',
    'fe80::1%eth0',
    'host',
    '::/129',
  ])('refuses %j', (text) => {
    expect(parsePrefix(text)).toBeNull();
  });

  test('all spellings of an IPv6 address are one value', () => {
    expect(prefix('fd00:0:0:0:0:0:0:1').value).toBe(prefix('fd00::1').value);
    expect(prefix('::ffff:a01:b').value).toBe(prefix('::ffff:10.1.0.11').value);
  });
});

describe('the address book', () => {
  test('gives the longest prefix, then whoever has the rest', () => {
    const book = new AddressBook(
      [
        [prefix('10.1.0.0/24'), who('network')],
        [prefix('10.1.0.11'), who('contract-update')],
        [prefix('fd00::/64'), who('six')],
      ],
      { kind: 'external', name: 'customer' },
    );
    expect(book.resolve('10.1.0.11').name).toBe('contract-update');
    expect(book.resolve('10.1.0.12').name).toBe('network');
    expect(book.resolve('198.51.100.7').name).toBe('customer');
    expect(book.resolve('fd00::7').name).toBe('six');
    expect(book.resolve('::ffff:10.1.0.11').name).toBe('customer');
    expect(book.resolve('not an address')).toBe(UNKNOWN);
  });

  test('agrees with a comparison bit by bit', () => {
    const ip = fc.tuple(fc.nat(255), fc.nat(3), fc.nat(3), fc.nat(255)).map((parts) => parts.join('.'));
    fc.assert(
      fc.property(ip, fc.nat(32), ip, (network, length, address) => {
        const bits = (text: string): string =>
          text
            .split('.')
            .map((part) => Number(part).toString(2).padStart(8, '0'))
            .join('')
            .slice(0, length);
        const inside = bits(network) === bits(address);
        expect(prefixesOverlap(prefix(`${network}/${length}`), prefix(address))).toBe(inside);
      }),
    );
  });
});
