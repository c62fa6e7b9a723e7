// Every captured story through the gate, cut into random pieces. Enters: pcaps; leaves: assertions on what was passed on.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import dvdRental from '../../policies/dvd-rental.ts';
import { type FlowId, formatEndpoint, type Side } from '../../src/flow.ts';
import { Path, type Talk } from '../support/gate.ts';
import { type Move, movesOf } from '../support/streams.ts';

const ROOT = new URL('../..', import.meta.url).pathname;
const captures = readdirSync(join(ROOT, 'pcaps')).filter((name) => name.endsWith('.pcap.gz'));

interface Passed {
  readonly path: Path;
  readonly talks: ReadonlyMap<FlowId, Talk>;
  /** What each side of the capture said, and what of it was passed on. */
  readonly said: ReadonlyMap<string, Buffer>;
  readonly got: ReadonlyMap<string, Buffer>;
}

/** Plays the moves; `lengths` say how long the pieces are, in turn. */
async function play(
  moves: readonly Move[],
  policy: typeof dvdRental,
  lengths: readonly number[],
): Promise<Passed> {
  const path = await Path.of(policy);
  const talks = new Map<FlowId, Talk>();
  const said = new Map<string, Buffer[]>();
  let turn = 0;
  for (const move of moves) {
    path.wait(Math.max(0, move.ts - path.now));
    if (move.kind === 'connect') {
      talks.set(move.flow.id, path.connect(move.flow.orig.ip, formatEndpoint(move.flow.resp)));
      continue;
    }
    const talk = talks.get(move.flow);
    if (talk === undefined) throw new Error('bytes of a flow that did not begin');
    if (move.kind === 'end') {
      if (move.how === 'fin') talk.connection.end(move.side);
      else talk.connection.broken();
      continue;
    }
    const key = `${move.flow} ${move.side}`;
    said.set(key, [...(said.get(key) ?? []), Buffer.from(move.bytes)]);
    for (let at = 0; at < move.bytes.length; ) {
      const length = lengths[turn++ % lengths.length] ?? 1;
      const piece = move.bytes.slice(at, at + length);
      at += length;
      if (move.side === 'orig') talk.client(piece);
      else talk.server(piece);
    }
  }
  path.wait(60_000);
  const sides: readonly Side[] = ['orig', 'resp'];
  const got = [...talks].flatMap(([id, talk]) =>
    sides.map((side): [string, Buffer] => {
      const bytes = side === 'orig' ? talk.atServer : talk.atClient;
      return [`${id} ${side}`, Buffer.from(bytes, 'latin1')];
    }),
  );
  return {
    path,
    talks,
    said: new Map([...said].map(([key, parts]) => [key, Buffer.concat(parts)])),
    got: new Map(got),
  };
}

const pieces = fc.array(fc.oneof(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 41, max: 4000 })), {
  minLength: 1,
  maxLength: 20,
});

describe.each(captures.filter((name) => name.startsWith('honest')))('%s', (capture) => {
  test('arrives byte by byte as it was sent, however it is cut', async () => {
    const moves = await movesOf(join(ROOT, 'pcaps', capture));
    await fc.assert(
      fc.asyncProperty(pieces, async (lengths) => {
        const { path, said, got } = await play(moves, dvdRental, lengths);
        expect(path.refused).toEqual([]);
        for (const [key, bytes] of said) expect(got.get(key)?.equals(bytes), key).toBe(true);
      }),
      { numRuns: capture.includes('200') ? 1 : 4, endOnFailure: true },
    );
  }, 60_000);
});

// What is of no protocol that we read is not in these streams: http.test.ts has it.
const attacks = captures.filter((name) => !/^honest|other-protocol/.test(name));

describe.each(attacks)('%s', (capture) => {
  test('has no byte of a denied request arrive, and nothing behind it', async () => {
    const moves = await movesOf(join(ROOT, 'pcaps', capture));
    await fc.assert(
      fc.asyncProperty(pieces, async (lengths) => {
        const { path, said, got, talks } = await play(moves, dvdRental, lengths);
        const denied = path.verdicts.filter(({ action }) => action === 'block');
        expect(denied.length).toBeGreaterThan(0);
        for (const { subject, effect, evidence } of denied) {
          const talk = [...talks].find(([, { connection }]) => connection.flow === subject.flow);
          const [at] = evidence;
          if (talk === undefined || at === undefined) throw new Error(formatEndpoint(subject.flow.resp));
          const arrived = got.get(`${talk[0]} ${at.side}`)?.length ?? 0;
          expect(effect).toBe(subject.what === 'obligation' ? 'detected' : 'prevented');
          if (subject.what !== 'obligation') expect(arrived).toBeLessThanOrEqual(at.start);
          expect(talk[1].wasReset).toBe(true);
        }
        // What did arrive is what was sent, from its beginning.
        for (const [key, bytes] of got)
          expect(said.get(key)?.subarray(0, bytes.length).equals(bytes) ?? bytes.length === 0, key).toBe(
            true,
          );
      }),
      { numRuns: 2, endOnFailure: true },
    );
  }, 60_000);
});
