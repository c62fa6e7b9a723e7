// Canonical forms of values. Enters: spellings; leaves: equal texts for equal values, null for what is no such value.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { normalise } from '../../src/policy/normalise.ts';

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
  for (const as of ['text', 'lower', 'integer', 'decimal'] as const)
    expect(normalise('1'.repeat(5000), as)).toBeNull();
});
