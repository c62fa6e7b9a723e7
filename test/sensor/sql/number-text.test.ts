// Numbers as exact digits. Enters: doubles, singles, texts; leaves: plain decimals that mean the same.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { doubleText, expandExponent, floatText } from '../../../src/sensor/sql/number-text.ts';

describe('the digits of a number', () => {
  it('are plain, and give the same double again', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
        const text = doubleText(value);
        expect(text).toMatch(/^-?\d+(\.\d+)?$/);
        expect(Number(text)).toBe(value);
      }),
    );
  });

  it('are the shortest of a single-precision number', () => {
    fc.assert(
      fc.property(fc.float({ noNaN: true, noDefaultInfinity: true }), (value) => {
        expect(Math.fround(Number(floatText(value)))).toBe(value);
      }),
    );
    expect(floatText(Math.fround(0.1))).toBe('0.1');
  });

  it.each([
    ['1', '1'],
    ['+5', '+5'],
    ['3.50', '3.50'],
    ['1.5e3', '1500'],
    ['-1.25E-3', '-0.00125'],
    ['12e-1', '1.2'],
    ['0e5', '0'],
    ['1e401', null],
    ['1e99999999', null],
    ['0x10', null],
    ['', null],
    ['NaN', null],
    ['1 ', null],
  ])('%s is %s', (text, expected) => {
    expect(expandExponent(text)).toBe(expected);
  });
});
