// Changes of bytes that know what parsers trip over: lengths that lie, numbers too large, repetition. Enters: bytes; leaves: others.
import type { Random } from '../support/frames.ts';

export interface ByteMutating {
  readonly random: Random;
  readonly longest: number;
  readonly dictionary: readonly Uint8Array[];
}

type Change = (bytes: Uint8Array, donor: Uint8Array, mutating: ByteMutating) => Uint8Array;

const INTERESTING = [
  0, 1, 0x0a, 0x0d, 0x20, 0x22, 0x27, 0x2d, 0x3b, 0x5c, 0x7f, 0x80, 0xc3, 0xfb, 0xfe, 0xff,
];
const NUMBERS = [
  '0',
  '-1',
  '00',
  '1e999',
  '1e-999',
  '255',
  '256',
  '65535',
  '65536',
  '2147483647',
  '2147483648',
  '4294967295',
  '4294967296',
  '9007199254740993',
  '18446744073709551615',
  '18446744073709551616',
  '9'.repeat(400),
  '0x10',
  '+1',
  '1.5',
];

/** One change. @param donor where foreign bytes come from */
export function changeBytes(bytes: Uint8Array, donor: Uint8Array, mutating: ByteMutating): Uint8Array {
  const change = CHANGES[mutating.random(CHANGES.length)] as Change;
  return change(bytes, donor, mutating).subarray(0, mutating.longest);
}

function splice(bytes: Uint8Array, at: number, removed: number, added: Uint8Array): Uint8Array {
  return Buffer.concat([bytes.subarray(0, at), added, bytes.subarray(at + removed)]);
}

/** A range that is mostly short. */
function range(bytes: Uint8Array, random: Random): { at: number; length: number } {
  const at = random(bytes.length + 1);
  const longest = Math.min(bytes.length - at, 1 << random(12));
  return { at, length: longest === 0 ? 0 : 1 + random(longest) };
}

function set(bytes: Uint8Array, at: number, value: number): Uint8Array {
  const changed = Uint8Array.from(bytes);
  if (at < changed.length) changed[at] = value;
  return changed;
}

function writeNumber(
  bytes: Uint8Array,
  at: number,
  width: number,
  little: boolean,
  value: bigint,
): Uint8Array {
  const changed = Uint8Array.from(bytes);
  for (let index = 0; index < width; index++) {
    const shift = BigInt(8 * (little ? index : width - 1 - index));
    changed[at + index] = Number((value >> shift) & 0xffn);
  }
  return changed;
}

function readNumber(bytes: Uint8Array, at: number, width: number, little: boolean): bigint {
  let value = 0n;
  for (let index = 0; index < width; index++)
    value = (value << 8n) | BigInt(bytes[at + (little ? width - 1 - index : index)] ?? 0);
  return value;
}

const WIDTHS = [1, 2, 3, 4, 8] as const;

/** Finds what may be a length of the bytes behind it, and makes it lie. */
const lie: Change = (bytes, _, { random }) => {
  for (let tries = 0; tries < 32; tries++) {
    const width = WIDTHS[random(WIDTHS.length)] ?? 4;
    const little = random(2) === 0;
    const at = random(bytes.length);
    const left = bytes.length - at - width;
    if (left < 0) continue;
    const value = readNumber(bytes, at, width, little);
    if (value === 0n || value > BigInt(left + 4)) continue;
    const most = (1n << BigInt(8 * width)) - 1n;
    const lies = [
      value + 1n,
      value - 1n,
      0n,
      most,
      most >> 1n,
      (most >> 1n) + 1n,
      BigInt(left),
      value * 2n,
      value + 4n,
    ];
    return writeNumber(bytes, at, width, little, lies[random(lies.length)] ?? 0n);
  }
  return bytes;
};

/** Another number in place of digits. */
const renumber: Change = (bytes, _, { random }) => {
  const start = random(bytes.length + 1);
  const isDigit = (at: number): boolean => (bytes[at] ?? 0) >= 0x30 && (bytes[at] ?? 0) <= 0x39;
  for (let step = 0; step < Math.min(bytes.length, 2000); step++) {
    const at = (start + step) % bytes.length;
    if (!isDigit(at)) continue;
    let end = at;
    while (isDigit(end)) end++;
    return splice(bytes, at, end - at, Buffer.from(NUMBERS[random(NUMBERS.length)] ?? '0'));
  }
  return bytes;
};

const token = ({ random, dictionary }: ByteMutating): Uint8Array =>
  dictionary[random(Math.max(dictionary.length, 1))] ?? Uint8Array.of(random(256));

const CHANGES: readonly Change[] = [
  (bytes, _, { random }) => {
    const at = random(Math.max(bytes.length, 1));
    return set(bytes, at, (bytes[at] ?? 0) ^ (1 << random(8)));
  },
  (bytes, _, { random }) => set(bytes, random(bytes.length + 1), random(256)),
  (bytes, _, { random }) =>
    set(bytes, random(bytes.length + 1), INTERESTING[random(INTERESTING.length)] ?? 0),
  (bytes, _, { random }) => {
    const at = random(bytes.length + 1);
    return set(bytes, at, (bytes[at] ?? 0) + random(9) - 4);
  },
  (bytes, _, { random }) => {
    const width = WIDTHS[random(WIDTHS.length)] ?? 4;
    if (bytes.length < width) return bytes;
    const value = (1n << BigInt(random(8 * width + 1))) - BigInt(random(3));
    return writeNumber(bytes, random(bytes.length - width + 1), width, random(2) === 0, value);
  },
  lie,
  lie,
  renumber,
  (bytes, _, { random }) => {
    const { at, length } = range(bytes, random);
    return splice(bytes, at, length, new Uint8Array(0));
  },
  (bytes, _, { random }) => {
    const { at, length } = range(bytes, random);
    return splice(bytes, random(bytes.length + 1), 0, bytes.subarray(at, at + length));
  },
  // Repetition, which makes what is quadratic slow.
  (bytes, _, { random, longest }) => {
    const { at, length } = range(bytes, random);
    if (length === 0) return bytes;
    const times = Math.min(1 << random(14), Math.floor(longest / length));
    const repeated = new Uint8Array(times * length);
    for (let time = 0; time < times; time++) repeated.set(bytes.subarray(at, at + length), time * length);
    return splice(bytes, at, 0, repeated);
  },
  (bytes, donor, { random }) => {
    const { at, length } = range(donor, random);
    return splice(
      bytes,
      random(bytes.length + 1),
      random(3) === 0 ? length : 0,
      donor.subarray(at, at + length),
    );
  },
  (bytes, _, mutating) => splice(bytes, mutating.random(bytes.length + 1), 0, token(mutating)),
  (bytes, _, mutating) => {
    const added = token(mutating);
    return splice(bytes, mutating.random(bytes.length + 1), added.length, added);
  },
  (bytes, _, mutating) => {
    const added = token(mutating);
    const { random, longest } = mutating;
    const times = Math.min(1 << random(12), Math.floor(longest / Math.max(added.length, 1)));
    return splice(bytes, random(bytes.length + 1), 0, Buffer.alloc(times * added.length, added));
  },
  (bytes, _, { random }) =>
    splice(
      bytes,
      random(bytes.length + 1),
      0,
      Uint8Array.from({ length: 1 << random(7) }, () => random(256)),
    ),
  (bytes, _, { random }) => bytes.subarray(0, random(bytes.length + 1)),
];
