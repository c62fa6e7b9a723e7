// What must hold of facts, whatever they are read from. Enters: texts and bytes; leaves: how much was read, or a mismatch.
import { isDeepStrictEqual } from 'node:util';
import type { Normaliser } from '../../../src/policy/fact.ts';
import { readJson, scalarAt } from '../../../src/policy/json-value.ts';
import { readPairs, readTarget } from '../../../src/policy/match/target.ts';
import { normalise } from '../../../src/policy/normalise.ts';
import { Mismatch } from '../target.ts';
import { weigh } from '../weigh.ts';

/** What was decoded is what its own plain form decodes to, and no segment means another place. */
export function checkTarget(text: string): number {
  const target = readTarget(text);
  if (target.kind === 'refused') return weigh(target);
  if (target.segments.some((each) => /^\.{1,2}$|[/\\\0]/.test(each)))
    throw new Mismatch('a segment that leads elsewhere');
  const again = readTarget(`/${target.segments.map(encodeURIComponent).join('/')}`);
  if (again.kind !== 'target' || !isDeepStrictEqual(again.segments, target.segments))
    throw new Mismatch('a path that is another when it is written anew');
  return weigh(target) + weigh(readPairs(text));
}

/** What we take for JSON, the platform's own reader takes for the same. */
export function checkJson(bytes: Uint8Array): number {
  const reading = readJson(bytes);
  if (reading.kind === 'unreadable') return weigh(reading);
  const value = scalarAt(reading.value, '/a')?.text ?? null;
  let other: unknown;
  try {
    other = JSON.parse(new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes));
  } catch (error) {
    if (error instanceof RangeError) return 0;
    throw new Mismatch('what is read is no JSON');
  }
  const mine =
    typeof other === 'object' && other !== null && Object.hasOwn(other, 'a')
      ? (other as { a: unknown }).a
      : null;
  if (typeof mine === 'string' && !Array.isArray(other) && mine !== value)
    throw new Mismatch('another text is read');
  if (typeof mine === 'number' && Number(value) !== mine) throw new Mismatch('another number is read');
  return weigh(reading.value);
}

/** A normal form is its own normal form, and of the same value. */
export function checkNormal(value: string, as: Normaliser): void {
  const normal = normalise(value, as);
  if (as === 'secret') return;
  if (normal === null || normal.length > 4096) return;
  if (normalise(normal, as) !== normal)
    throw new Mismatch(`the normal form as ${as} has another normal form`);
  if (as === 'decimal' && value.length < 15 && Number(normal) !== Number(value))
    throw new Mismatch('another number');
}
