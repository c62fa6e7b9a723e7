// Timestamps of pcapng in any resolution. Enters: if_tsresol, if_tsoffset and 64-bit units; leaves: microseconds.
import type { Micros } from '../../flow.ts';

/** Turns the two halves of a pcapng timestamp into microseconds since the epoch. */
export type Clock = (high: number, low: number) => Micros;

const TWO_32 = 4_294_967_296;

/**
 * The clock of an interface (draft-ietf-opsawg-pcapng section 4.2: if_tsresol, if_tsoffset).
 * @param resolution the option's byte: a negative power of ten, or of two with the top bit set
 * @param offset seconds to add
 */
export function pcapngClock(resolution: number, offset: bigint): Clock {
  const shift = Number(offset) * 1_000_000;
  const exponent = resolution & 0x7f;
  const binary = (resolution & 0x80) !== 0;
  if (!binary && exponent === 6) return (high, low) => high * TWO_32 + low + shift;
  if (!binary && exponent > 6 && exponent <= 12) {
    // Nanoseconds since 1970 do not fit a double: divide the halves apart, exactly.
    const units = 10 ** (exponent - 6);
    const quotient = Math.floor(TWO_32 / units);
    const rest = TWO_32 % units;
    return (high, low) => high * quotient + Math.floor((high * rest + low) / units) + shift;
  }
  const perSecond = binary ? 1n << BigInt(exponent) : 10n ** BigInt(exponent);
  return (high, low) => Number((((BigInt(high) << 32n) | BigInt(low)) * 1_000_000n) / perSecond) + shift;
}
