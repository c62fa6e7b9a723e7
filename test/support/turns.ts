// Properties that every protocol parser must have. Enters: a conversation; leaves: the same events however it is cut, and no crash.
import fc from 'fast-check';
import { expect } from 'vitest';
import type { Side } from '../../src/flow.ts';
import type { ParserFactory, SensorLimits } from '../../src/sensor/parser.ts';
import { type Emitted, Parse } from './parse.ts';

/** What one side sends before the other goes on. */
export type Turn = readonly [side: Side, bytes: Uint8Array];

/** Sends the turns, each cut into pieces of the sizes given, over and over. */
export function play(
  factory: ParserFactory,
  turns: readonly Turn[],
  sizes: readonly number[] = [],
  options: { readonly midstream?: boolean; readonly limits?: Partial<SensorLimits> } = {},
): Emitted[] {
  const parse = new Parse(factory, options);
  let next = 0;
  for (const [side, bytes] of turns) {
    for (let at = 0; at < bytes.length; ) {
      const size = sizes[next % Math.max(sizes.length, 1)] ?? bytes.length;
      parse.send(side, bytes.subarray(at, at + size));
      at += size;
      next += 1;
    }
  }
  return parse.end();
}

/** However the bytes are cut, the events are the same. */
export function expectChunkingDoesNotMatter(factory: ParserFactory, turns: readonly Turn[]): void {
  const whole = play(factory, turns);
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 20 }), (sizes) => {
      expect(play(factory, turns, sizes)).toEqual(whole);
    }),
    { numRuns: 60, examples: [[[1]], [[2]], [[3, 1, 7]]] },
  );
}

/** Changed, dropped, repeated and made-up bytes, and losses, never throw; what is said stays in proportion to the bytes. */
export function expectNothingBreaks(factory: ParserFactory, turns: readonly Turn[]): void {
  const change = fc.record({
    turn: fc.nat({ max: turns.length - 1 }),
    at: fc.nat({ max: 400 }),
    byte: fc.nat({ max: 255 }),
    how: fc.constantFrom('set', 'drop', 'insert', 'lose'),
  });
  const limits = { statement: 2000, prepared: 8, pipeline: 16, rows: 3 };
  fc.assert(
    fc.property(fc.array(change, { maxLength: 6 }), fc.boolean(), (changes, midstream) => {
      const parse = new Parse(factory, { midstream, limits });
      let sent = 0;
      for (const [index, [side, bytes]] of turns.entries()) {
        const changed = [...bytes];
        let lost = 0;
        for (const { turn, at, byte, how } of changes) {
          if (turn !== index || at >= changed.length) continue;
          if (how === 'set') changed[at] = byte;
          else if (how === 'drop') changed.splice(at, 1 + (byte & 7));
          else if (how === 'insert') changed.splice(at, 0, ...Array<number>(1 + (byte & 31)).fill(byte));
          else lost = byte;
        }
        parse.send(side, Uint8Array.from(changed), 50);
        if (lost > 0) parse.lose(side, lost);
        sent += changed.length;
      }
      expect(parse.end().length).toBeLessThan(50 + sent);
    }),
    { numRuns: 400 },
  );
  const piece = fc.tuple(fc.constantFrom<Side>('orig', 'resp'), fc.uint8Array({ maxLength: 60 }));
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 20 }), fc.nat({ max: turns.length }), (pieces, after) => {
      expect(() => play(factory, [...turns.slice(0, after), ...pieces])).not.toThrow();
    }),
    { numRuns: 300 },
  );
}
