// How a kind of user request is served: what it causes, how often, in which order. Enters: trees; leaves: one plan a kind of root.
import type { Micros } from '../../flow.ts';
import type { Instance } from './chains.ts';
import type { Kind } from './kind.ts';

export interface LearntStep {
  readonly kind: Kind;
  readonly cardinality: 'once' | 'optional' | 'many' | 'required';
  readonly retries: number;
  readonly order: 'any' | 'in-order';
  readonly children: readonly LearntStep[];
}

/** All attempts of one request, and what they caused together: a further attempt goes on where the one before stopped. */
interface Group {
  readonly attempts: readonly Instance[];
  /** True when it was answered with success, or is a message that was taken. */
  readonly ok: boolean;
  readonly began: Micros;
  readonly ended: Micros | null;
  /** By kind. */
  readonly children: ReadonlyMap<string, Group>;
}

/** The plan of user requests of one kind, from those that are beyond doubt. */
export function stepOf(roots: readonly Instance[]): LearntStep {
  return merge(
    roots.map((root) => groupOf([root])),
    null,
  );
}

function groupOf(attempts: readonly Instance[]): Group {
  const byKind = new Map<string, Instance[]>();
  for (const child of attempts.flatMap(({ children }) => children)) {
    const alike = byKind.get(child.kind.id);
    if (alike === undefined) byKind.set(child.kind.id, [child]);
    else alike.push(child);
  }
  const last = attempts.at(-1);
  return {
    attempts,
    ok: last !== undefined && (isMessage(last.kind) || last.exchange.ok === true),
    began: attempts[0]?.exchange.ts ?? 0,
    ended: last === undefined ? null : isMessage(last.kind) ? last.exchange.ts : last.exchange.ended,
    children: new Map([...byKind].map(([id, alike]) => [id, groupOf(alike)])),
  };
}

function isMessage({ what }: Kind): boolean {
  return what.kind === 'amqp' && what.action.kind === 'publish';
}

/** Merges groups of one kind; `parents` are those that could have caused them. */
function merge(groups: readonly Group[], parents: readonly Group[] | null): LearntStep {
  const kind = groups[0]?.attempts[0]?.kind;
  if (kind === undefined) throw new RangeError('no requests to learn from');
  const ids = inOrderOfTime(groups);
  const children = ids.map((id) =>
    merge(
      groups.flatMap((group) => group.children.get(id) ?? []),
      groups,
    ),
  );
  return {
    kind,
    ...(parents === null ? { cardinality: 'once', retries: 0 } : cardinalityOf(kind, groups, parents)),
    order: isOrdered(children, groups) ? 'in-order' : 'any',
    children,
  };
}

function cardinalityOf(
  kind: Kind,
  groups: readonly Group[],
  parents: readonly Group[],
): Pick<LearntStep, 'cardinality' | 'retries'> {
  // More than one went well: that is no retry. A redelivery is the broker's, and needs no word.
  const delivered = kind.what.kind === 'amqp' && kind.what.action.kind === 'deliver';
  const repeated = groups.some(({ attempts }) =>
    attempts.slice(0, -1).some(({ exchange }) => exchange.ok === true),
  );
  if (repeated && !delivered) return { cardinality: 'many', retries: 0 };
  const retries = delivered ? 0 : Math.max(...groups.map(({ attempts }) => attempts.length - 1));
  const done = parents.filter(({ ok }) => ok);
  const asynchronous = parents.some(({ attempts }) => attempts.some((each) => isMessage(each.kind)));
  // A message that was not delivered yet is no sign that it need not be.
  if (asynchronous) return { cardinality: 'once', retries };
  const absent = done.filter(({ children }) => !children.has(kind.id));
  if (absent.length > 0) return { cardinality: 'optional', retries };
  const before = done.every(({ children, ended }) => {
    const child = children.get(kind.id);
    return child?.ok === true && child.ended !== null && ended !== null && child.ended <= ended;
  });
  return { cardinality: done.length > 0 && before ? 'required' : 'once', retries };
}

/** Kinds of children by the place that they have on the average. */
function inOrderOfTime(groups: readonly Group[]): readonly string[] {
  const places = new Map<string, number[]>();
  for (const { children } of groups) {
    const sorted = [...children].sort(([, a], [, b]) => a.began - b.began);
    for (const [i, [id]] of sorted.entries()) places.set(id, [...(places.get(id) ?? []), i / sorted.length]);
  }
  const mean = (of: readonly number[]): number => of.reduce((sum, each) => sum + each, 0) / of.length;
  return [...places].sort(([, a], [, b]) => mean(a) - mean(b)).map(([id]) => id);
}

/** True when each came only after those before it went well, wherever both came, and neighbours did come together. */
function isOrdered(steps: readonly LearntStep[], groups: readonly Group[]): boolean {
  if (steps.length < 2) return false;
  return steps.every(({ kind }, i) => {
    const before = steps.slice(0, i);
    const neighbour = before.at(-1)?.kind.id;
    if (neighbour === undefined) return true;
    const own = groups.filter(({ children }) => children.has(kind.id));
    return (
      own.some(({ children }) => children.has(neighbour)) &&
      own.every((group) => before.every((other) => isDoneBefore(other, kind.id, group)))
    );
  });
}

function isDoneBefore(other: LearntStep, id: string, { children }: Group): boolean {
  const before = children.get(other.kind.id);
  const own = children.get(id);
  if (before === undefined) return other.cardinality === 'optional' || other.cardinality === 'many';
  return before.ok && before.ended !== null && own !== undefined && before.ended <= own.began;
}
