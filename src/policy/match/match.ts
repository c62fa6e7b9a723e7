// What matching a request against its declarations gives. Enters: nothing; leaves: types and the shared checks.
import type { FactReading } from '../../chain/scope.ts';
import type { LostCause } from '../../events/lost.ts';
import type { Evidence } from '../../flow.ts';
import type { FactDeclaration, FactSource, Normaliser, Reshaping } from '../fact.ts';
import { normalise, reshape } from '../normalise.ts';
import { joinValues, MOST_VALUES } from '../relations/values.ts';
import { describeSource } from '../source.ts';

/** Which declared request this is and what it says, or why it is none. */
export type Match =
  | { readonly kind: 'matched'; readonly id: string; readonly facts: readonly FactReading[] }
  /** No declaration between these two fits. */
  | { readonly kind: 'undeclared'; readonly why: string }
  /** One fits, but a value that it asks for is not there or cannot be read. */
  | { readonly kind: 'lacking'; readonly id: string; readonly fact: string; readonly why: string }
  /** Two values in the same request contradict each other. */
  | {
      readonly kind: 'contradiction';
      readonly id: string;
      readonly first: FactReading;
      readonly second: FactReading;
    }
  /** It cannot be told. */
  | {
      readonly kind: 'cannot-read';
      readonly cause: Exclude<LostCause, 'other-protocol'> | 'body';
      readonly why: string;
    };

/** How each fact of the application is made comparable. */
export type Normalisers = ReadonlyMap<string, Normaliser>;

/** One value found where a fact stands: absent, unreadable, or there. */
export type Found =
  | { readonly kind: 'value'; readonly value: string }
  /** All values of a place, where all are asked for. */
  | { readonly kind: 'values'; readonly values: readonly string[] }
  | { readonly kind: 'absent' }
  | { readonly kind: 'unreadable'; readonly why: string }
  | { readonly kind: 'body-unseen'; readonly why: string };

/** Reshapes and normalises a value into a reading; null when it is not of the fact's kind. */
export function reading(
  normalisers: Normalisers,
  { fact, ...reshaping }: Reshaping & { readonly fact: string },
  value: string,
  source: string,
  evidence: FactReading['evidence'],
): FactReading | null {
  const plain = reshape(value, reshaping);
  const normal = plain === null ? null : normalise(plain, normalisers.get(fact) ?? 'text');
  return normal === null ? null : { fact, value: normal, source, evidence };
}

/** All values as one, each normalised; null when one of them is not of the fact's kind, or they are too many. */
function listReading(
  normalisers: Normalisers,
  declaration: FactDeclaration,
  values: readonly string[],
  source: string,
  evidence: FactReading['evidence'],
): FactReading | null {
  if (values.length > MOST_VALUES) return null;
  const read = values.map((value) => reading(normalisers, declaration, value, source, evidence));
  const normal = read.flatMap((each) => (each === null ? [] : [each.value]));
  const value = normal.length < read.length ? null : joinValues(normal);
  return value === null ? null : { fact: declaration.fact, value, source, evidence };
}

/** A match, unless two readings of one fact differ. */
export function matched(id: string, facts: readonly FactReading[]): Match {
  if (facts.length < 2) return { kind: 'matched', id, facts };
  const seen = new Map<string, FactReading>();
  for (const read of facts) {
    const first = seen.get(read.fact);
    if (first !== undefined && first.value !== read.value)
      return { kind: 'contradiction', id, first, second: read };
    seen.set(read.fact, read);
  }
  return { kind: 'matched', id, facts: [...seen.values()] };
}

/** Reads the facts that a declaration takes from a message. A value that it asks for and that is not clearly there is lacking. */
export function readFacts(
  id: string,
  facts: readonly FactDeclaration[],
  normalisers: Normalisers,
  evidence: Evidence,
  find: (source: FactSource, all: boolean) => Found,
): Match {
  const readings: FactReading[] = [];
  for (const declaration of facts) {
    const { fact, source, optional } = declaration;
    const where = placeOf(declaration);
    const found = find(source, declaration.all === true);
    if (found.kind === 'body-unseen') return { kind: 'cannot-read', cause: 'body', why: found.why };
    if (found.kind === 'absent' && optional) continue;
    if (found.kind !== 'value' && found.kind !== 'values') {
      const why = found.kind === 'absent' ? 'it is not there' : found.why;
      return { kind: 'lacking', id, fact, why: `${where}: ${why}` };
    }
    const text = sourceText(declaration, id, where);
    const read =
      found.kind === 'value'
        ? reading(normalisers, declaration, found.value, text, evidence)
        : listReading(normalisers, declaration, found.values, text, evidence);
    if (read === null) return { kind: 'lacking', id, fact, why: `${where}: not of the fact's kind` };
    readings.push(read);
  }
  return matched(id, readings);
}

const PLACES = new WeakMap<FactDeclaration, string>();

function placeOf(declaration: FactDeclaration): string {
  const known = PLACES.get(declaration) ?? describeSource(declaration.source);
  PLACES.set(declaration, known);
  return known;
}

const SOURCES = new WeakMap<object, Map<string, string>>();

/** `request, place`: one text for all readings of a declaration, since open chains keep it. */
export function sourceText(declaration: object, id: string, where: string): string {
  let texts = SOURCES.get(declaration);
  if (texts === undefined) {
    texts = new Map();
    SOURCES.set(declaration, texts);
  }
  let text = texts.get(where);
  if (text === undefined) {
    text = `${id}, ${where}`;
    texts.set(where, text);
  }
  return text;
}
