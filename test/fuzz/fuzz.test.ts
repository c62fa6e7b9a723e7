// The fuzz targets on some inputs each, so that they do not rot. Enters: a fixed seed; leaves: nothing found.
import { describe, expect, it } from 'vitest';
import { Fuzzer } from './fuzzer.ts';
import { decodeInput, encodeInput, type Input, keep, sizeOf, unkeep } from './input.ts';
import { minimise } from './minimise.ts';
import { halvesOf, isProportional } from './pace.ts';
import type { Target } from './target.ts';
import { loadTarget, TARGETS } from './targets.ts';
import { weigh } from './weigh.ts';

/** Batches of a few inputs; the engine's are long. */
const BATCHES: Readonly<Record<string, number>> = { engine: 1, capture: 10, zeek: 8 };

describe('fuzzing', () => {
  it.each(Object.keys(TARGETS))('finds nothing in %s within some inputs', async (name) => {
    const target = await loadTarget(name);
    // Time stands still: whether an input is slow is for the long run.
    const fuzzer = new Fuzzer({
      target: { ...target, seeds: target.seeds.slice(0, 12) },
      seed: 3,
      coverage: null,
      clock: () => 0n,
    });
    const findings = [...(await fuzzer.begin())];
    for (let batch = 0; batch < (BATCHES[name] ?? 15); batch++) findings.push(...(await fuzzer.step()));
    expect(findings).toEqual([]);
    expect(fuzzer.executions).toBeGreaterThan(8);
  });
});

/** A target that fails in ways that are known. */
function broken(run: (text: string) => number): Target {
  const seeds = [[{ tag: 0, bytes: Buffer.from('GET /a HTTP/1.1') }]];
  return {
    name: 'broken',
    covers: [],
    tags: 1,
    longest: 4000,
    expansion: 1,
    dictionary: ['!'],
    seeds,
    run: (input) => run(textOf(input)),
  };
}

const textOf = (input: Input): string =>
  input.map(({ bytes }) => Buffer.from(bytes).toString('latin1')).join('|');

async function fuzz(
  target: Target,
  clock: () => bigint = () => 0n,
): Promise<readonly (readonly [string, string])[]> {
  const fuzzer = new Fuzzer({ target, seed: 1, coverage: null, clock });
  const findings = [...(await fuzzer.begin())];
  for (let batch = 0; batch < 100; batch++) findings.push(...(await fuzzer.step()));
  return findings.map(({ kind, input }) => [kind, textOf(input)] as const);
}

describe('the fuzzer', () => {
  it('finds what is thrown, once for each place, and makes the input small', async () => {
    const target = broken((text) => {
      if (text.includes('!!')) throw new TypeError(`two marks at ${text.indexOf('!!')}`);
      return 0;
    });
    expect(await fuzz(target)).toEqual([['crash', '!!']]);
  });

  it('finds output that is far larger than its input', async () => {
    expect(await fuzz(broken((text) => (text.includes('!') ? 100_000 : 0)))).toEqual([['output', '!']]);
  });

  it('finds inputs that take longer for their size than others of the run', async () => {
    let now = 0n;
    let runs = 0;
    const target = broken((text) => {
      // Only once the run knows how long its inputs take.
      now += text.length > 300 && ++runs > 20 ? 60_000_000_000n : 1_000_000n;
      return 0;
    });
    const [[kind, text] = ['', ''], ...others] = await fuzz(target, () => now);
    expect([kind, others]).toEqual(['slow', []]);
    expect(text.length).toBeGreaterThan(300);
  });

  it.each([
    ['in proportion to its length', 200, 1, true],
    ['as its square', 200, 2, false],
    ['in proportion to its length, and far too long', 5000, 1, false],
  ])('is told that a long input takes time %s', (_, whole, power, expected) => {
    const input: Input = [{ tag: 0, bytes: new Uint8Array(20_000) }];
    const halves = halvesOf(input).map((half) => whole * (sizeOf(half) / sizeOf(input)) ** power);
    expect(halves).toHaveLength(3);
    expect(isProportional(whole, sizeOf(input), halves)).toBe(expected);
  });

  it('makes the same inputs of the same seed', async () => {
    const seen: string[][] = [[], []];
    for (const texts of seen) await fuzz(broken((text) => texts.push(text) * 0));
    expect(seen[0]).toEqual(seen[1]);
    expect(new Set(seen[0]).size).toBeGreaterThan(500);
  });
});

describe('an input', () => {
  const input: Input = [
    { tag: 3, bytes: Uint8Array.of(0, 255, 10) },
    { tag: 0, bytes: new Uint8Array(0) },
  ];

  it('survives being handed to another process, and being kept', () => {
    expect(decodeInput(encodeInput(input)).map(({ tag, bytes }) => [tag, ...bytes])).toEqual([
      [3, 0, 255, 10],
      [0],
    ]);
    expect(unkeep(keep('http', 'crash', input))).toEqual({ target: 'http', what: 'crash', input });
  });

  it('is made as small as what still fails', async () => {
    const text = [
      { tag: 0, bytes: Buffer.from('abcXdefYghi') },
      { tag: 1, bytes: Buffer.from('rest') },
    ];
    const small = await minimise(text, async (each) => /X.*Y/.test(textOf(each)));
    expect(textOf(small)).toBe('XY');
  });

  it('weighs what it holds', () => {
    expect(weigh({ text: 'abc', flow: 'x'.repeat(1000) })).toBeLessThan(100);
    expect(weigh([new Map([['k', new Uint8Array(500)]]), 7n, null, true])).toBeGreaterThan(500);
  });
});
