// Which places along a chain carry the same value. Enters: trees; leaves: facts with their places, names and normalisers.
import type { Normaliser } from '../../policy/fact.ts';
import { normalise } from '../../policy/normalise.ts';
import type { Instance } from './chains.ts';
import type { Kind } from './kind.ts';
import { nameFor, suggestion } from './names.ts';
import { keyOf, type Spot } from './spot.ts';

/** A place in a kind of request. */
export interface Position {
  readonly kind: Kind;
  readonly spot: Spot;
}

export interface LearntFact {
  readonly name: string;
  readonly as: Normaliser;
  readonly positions: readonly Position[];
}

/** What one place said, by the root of the chain that it said it in. */
interface Column extends Position {
  readonly values: Map<Instance, string>;
  /** It said two things in one chain: that is no fact of the chain. */
  varies: boolean;
}

/** The facts of all chains. Places that agree wherever they meet, and meet with values that differ, are one fact. */
export function factsOf(roots: readonly Instance[]): readonly LearntFact[] {
  const all = columnsOf(roots);
  const columns = all.filter(({ varies }) => !varies);
  const groups: Column[][] = [];
  for (const column of columns) {
    const fitting = groups.filter((group) => fits(column, group));
    const [best] = fitting.sort((a, b) => support(column, b) - support(column, a));
    if (best === undefined) groups.push([column]);
    else best.push(column);
  }
  const shared = joined(groups).filter((group) => group.length > 1 && isSettled(group));
  const known = new Set(shared.flat());
  // A parameter of a path is a fact in any case, and must not be taken for one of the others.
  const alone = all.filter((column) => column.spot.in === 'path' && !known.has(column));
  return named([...shared, ...alone.map((column) => [column])]);
}

function columnsOf(roots: readonly Instance[]): readonly Column[] {
  const columns = new Map<string, Column>();
  const visit = (instance: Instance): void => {
    for (const { spot, value } of instance.readings) {
      const key = `${instance.kind.id}\n${keyOf(spot)}`;
      const column = columns.get(key) ?? { kind: instance.kind, spot, values: new Map(), varies: false };
      columns.set(key, column);
      const before = column.values.get(instance.root);
      if (before !== undefined && !agree(before, value)) column.varies = true;
      column.values.set(instance.root, value);
    }
    for (const child of instance.children) visit(child);
  };
  for (const root of roots) visit(root);
  return [...columns.values()].filter(({ kind, spot }) => isParameter(kind, spot));
}

/** The literal segments of a path say nothing. */
function isParameter({ what }: Kind, spot: Spot): boolean {
  return spot.in !== 'path' || (what.kind === 'http' && what.segments[spot.segment - 1] === null);
}

/** Numbers agree by their value: `3.5` in a JSON body is `3.50` in a database. */
function agree(a: string, b: string): boolean {
  if (a === b) return true;
  const number = decimal(a);
  return number !== null && number === decimal(b);
}

function decimal(value: string): string | null {
  return /^[+-]?\d/.test(value) ? normalise(value, 'decimal') : null;
}

/** Agrees with each of them in every chain that has both, and is tied to one of them at least. */
function fits(column: Column, group: readonly Column[]): boolean {
  return group.every((other) => differing(column, other) === 0) && group.some((other) => tied(column, other));
}

function differing(a: Column, b: Column): number {
  let count = 0;
  for (const [root, value] of a.values) {
    const other = b.values.get(root);
    if (other !== undefined && !agree(value, other)) count++;
  }
  return count;
}

/** They meet with two values at least, or with one that nobody has by accident. */
function tied(a: Column, b: Column): boolean {
  const common = commonValues(a, b);
  const [only] = common;
  if (common.size !== 1 || only === undefined) return common.size > 1;
  if (isUnmistakable(only)) return true;
  // After a few chains a value that was always the same is a constant. Before, it may be the only user that there was.
  const chains = [...a.values.keys()].filter((root) => b.values.has(root)).length;
  return chains < ENOUGH && (isTelling(only) || subjectOf(a) === subjectOf(b));
}

const ENOUGH = 3;

function commonValues(a: Column, b: Column): ReadonlySet<string> {
  const values = [...a.values].filter(([root]) => b.values.has(root)).map(([, value]) => value);
  return new Set(values);
}

/** Ids, addresses, tokens. */
function isUnmistakable(value: string): boolean {
  return value.length >= 8 && /\d|@/.test(value);
}

/** Words, and amounts: not a small number, which may be anything. */
function isTelling(value: string): boolean {
  return (/[A-Za-z]{3}/.test(value) && value !== 'true' && value !== 'false') || /^\d+\.\d+$/.test(value);
}

/** `dvd` and `dvdId` are about the same thing. */
function subjectOf(position: Position): string | null {
  return suggestion(position)?.replace(/Id$/, '') ?? null;
}

function support(column: Column, group: readonly Column[]): number {
  return Math.max(0, ...group.map((other) => commonValues(column, other).size));
}

/** A place that was looked at late may tie two groups together. */
function joined(groups: readonly Column[][]): readonly Column[][] {
  const left = [...groups];
  const result: Column[][] = [];
  for (let group = left.shift(); group !== undefined; group = left.shift()) {
    for (let i = 0; i < left.length; i++) {
      const other = left[i] ?? [];
      const same =
        other.every((column) => (group ?? []).every((own) => differing(column, own) === 0)) &&
        other.some((column) => (group ?? []).some((own) => tied(column, own)));
      if (!same) continue;
      group = [...group, ...other];
      left.splice(i, 1);
      i = -1;
    }
    result.push(group);
  }
  return result;
}

/** Values of one statement alone would be compared with nothing. */
function isSettled(group: readonly Column[]): boolean {
  const kinds = new Set(group.map(({ kind }) => kind.id));
  return kinds.size > 1 || group.some(({ spot }) => spot.in !== 'where' && spot.in !== 'value');
}

/** Facts of one chain need names of their own; those of different chains may share one, if they are compared alike. */
function named(groups: readonly (readonly Column[])[]): readonly LearntFact[] {
  const taken: { readonly fact: LearntFact; readonly roots: ReadonlySet<Instance> }[] = [];
  for (const group of [...groups].sort((a, b) => b.length - a.length)) {
    const roots = new Set(group.flatMap(({ values }) => [...values.keys()]));
    const as = normaliserOf(group);
    const free = (name: string): boolean =>
      taken.every(
        ({ fact, roots: others }) =>
          fact.name !== name || (fact.as === as && [...others].every((root) => !roots.has(root))),
      );
    const positions = group.map(({ kind, spot }) => ({ kind, spot }));
    taken.push({ fact: { name: nameFor(group, free), as, positions }, roots });
  }
  return taken.map(({ fact }) => fact);
}

/** `decimal` where the same number is written in several ways. */
function normaliserOf(group: readonly Column[]): Normaliser {
  const first = new Map<Instance, string>();
  for (const { values } of group) {
    for (const [root, value] of values) {
      const known = first.get(root);
      if (known === undefined) first.set(root, value);
      else if (known !== value) return 'decimal';
    }
  }
  const fractional = [...first.values()].every((value) => /^[+-]?\d+\.\d+$/.test(value));
  return fractional ? 'decimal' : 'text';
}
