// Canonical forms of values. Enters: spellings; leaves: equal texts for equal values, null for what is no such value.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { NORMALISERS } from '../../src/policy/fact.ts';
import { normalise, reshape } from '../../src/policy/normalise.ts';

describe('decimal', () => {
  test.each([
    ['3.50', '3.5'],
    ['+003.500', '3.5'],
    ['3.', '3'],
    ['.5', '0.5'],
    ['-0', '0'],
    ['-0.00', '0'],
    ['35e-1', '3.5'],
    ['0.35E1', '3.5'],
    ['1e3', '1000'],
    ['12345678901234567890.10', '12345678901234567890.1'],
  ])('%s is %s', (value, canonical) => {
    expect(normalise(value, 'decimal')).toBe(canonical);
  });

  test.each([
    '',
    '.',
    '-',
    '1e9999',
    '0x10',
    '1_000',
    '1,5',
    ' 1',
    '1 ',
    'NaN',
    'Infinity',
    '1e',
    '--1',
    '١',
  ])('%j is no decimal', (value) => {
    expect(normalise(value, 'decimal')).toBeNull();
  });

  test('every spelling of an amount in cents has one form', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: -1e9, max: 1e9 }),
        fc.nat(4),
        fc.nat(4),
        (cents, zerosBefore, zerosBehind) => {
          const sign = cents < 0 ? '-' : '';
          const digits = String(Math.abs(cents)).padStart(3, '0');
          const plain = `${sign}${digits.slice(0, -2)}.${digits.slice(-2)}`;
          const padded = `${sign}${'0'.repeat(zerosBefore)}${digits.slice(0, -2)}.${digits.slice(-2)}${'0'.repeat(zerosBehind)}`;
          const exponent = `${sign}${Math.abs(cents)}e-2`;
          expect(normalise(padded, 'decimal')).toBe(normalise(plain, 'decimal'));
          expect(normalise(exponent, 'decimal')).toBe(normalise(plain, 'decimal'));
        },
      ),
    );
  });
});

test('integers lose signs and zeros that mean nothing, and nothing else', () => {
  expect(normalise('007', 'integer')).toBe('7');
  expect(normalise('-0', 'integer')).toBe('0');
  expect(normalise('7.0', 'integer')).toBeNull();
});

test('a value too long to be a fact is none, whatever it is compared as', () => {
  for (const as of NORMALISERS) expect(normalise('1'.repeat(5000), as)).toBeNull();
});

describe('uuid', () => {
  const CANONICAL = '9f0c1e1a-3b1d-4c2e-8a5f-0123456789ab';

  test.each([
    CANONICAL,
    CANONICAL.toUpperCase(),
    `{${CANONICAL}}`,
    `urn:uuid:${CANONICAL}`,
    CANONICAL.replaceAll('-', ''),
  ])('%s is one and the same', (value) => {
    expect(normalise(value, 'uuid')).toBe(CANONICAL);
  });

  test.each(['', `{${CANONICAL}`, `${CANONICAL}0`, CANONICAL.replace('9', 'g'), ` ${CANONICAL}`])(
    '%j is none',
    (value) => {
      expect(normalise(value, 'uuid')).toBeNull();
    },
  );
});

describe('instant', () => {
  test.each([
    ['2026-02-28T23:30:00Z', '2026-02-28T23:30:00Z'],
    ['2026-03-01t01:30:00+02:00', '2026-02-28T23:30:00Z'],
    ['2026-02-28 23:30:00.500+00', '2026-02-28T23:30:00.5Z'],
    ['2026-02-28T18:00:00-0530', '2026-02-28T23:30:00Z'],
    ['2024-02-29T00:00:00.123456789Z', '2024-02-29T00:00:00.123456789Z'],
  ])('%s is %s', (value, canonical) => {
    expect(normalise(value, 'instant')).toBe(canonical);
  });

  test.each([
    '2026-02-29T00:00:00Z',
    '2026-06-31T00:00:00Z',
    '2026-01-01T24:00:00Z',
    '2026-01-01T00:00:60Z',
    '2026-01-01T00:00:00',
    '2026-01-01T00:00:00+24:00',
    '2026-01-01',
    '0001-01-01T00:00:00Z',
  ])('%s is none', (value) => {
    expect(normalise(value, 'instant')).toBeNull();
  });
});

test('a secret is a digest that does not show it', () => {
  // The first 128 bits of the SHA-256 of "abc" (FIPS 180-4, example).
  expect(normalise('abc', 'secret')).toBe('ba7816bf8f01cfea414140de5dae2223');
});

describe('reshape', () => {
  test.each([
    ['350', { scale: -2 }, '3.5'],
    ['3.5', { scale: 2 }, '350'],
    ['35e1', { scale: -2 }, '3.5'],
    ['-7', { scale: -3 }, '-0.007'],
    [' a b ', { trim: true }, 'a b'],
    [' 350 ', { trim: true, scale: -2 }, '3.5'],
    [' a ', {}, ' a '],
  ] as const)('%j by %o is %j', (value, reshaping, expected) => {
    expect(reshape(value, reshaping)).toBe(expected);
  });

  test('what is no number cannot be scaled, and what is too long is nothing', () => {
    expect(reshape('many', { scale: 2 })).toBeNull();
    expect(reshape('1'.repeat(5000), { scale: 2 })).toBeNull();
  });

  test('property: scaling there and back changes nothing', () => {
    const digits = fc.integer({ min: -1e9, max: 1e9 });
    fc.assert(
      fc.property(digits, fc.integer({ min: -18, max: 18 }), (number, scale) => {
        const there = reshape(String(number), { scale }) ?? '';
        expect(reshape(there, { scale: -scale })).toBe(String(number));
      }),
    );
  });
});
