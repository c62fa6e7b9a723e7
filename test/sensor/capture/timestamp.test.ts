// Clocks of pcapng interfaces. Enters: units in every resolution; leaves: exact microseconds.
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { pcapngClock } from '../../../src/sensor/capture/timestamp.ts';

it('turns every decimal resolution into the microseconds that exact arithmetic gives', () => {
  fc.assert(
    fc.property(fc.nat({ max: 15 }), fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }), (exponent, units) => {
      const exact = (units * 1_000_000n) / 10n ** BigInt(exponent);
      fc.pre(exact < BigInt(Number.MAX_SAFE_INTEGER));
      const clock = pcapngClock(exponent, 0n);
      expect(clock(Number(units >> 32n), Number(units & 0xffffffffn))).toBe(Number(exact));
    }),
  );
});

it('knows binary resolutions and offsets in seconds', () => {
  expect(pcapngClock(0x80 | 20, -2n)(0, 3 << 20)).toBe(1_000_000);
});
