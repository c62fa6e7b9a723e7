// What two policy documents say differently. Enters: two documents; leaves: changes, each with its place in words.
import jsonPatch from 'fast-json-patch';
import type { Jwk, PolicyDocument, RequestDeclaration, StepDeclaration } from './document.ts';
import type { FactDeclaration } from './fact.ts';
import { describeRelation } from './relation.ts';

/** One part that was added, taken away, or changed. Places in the author's file are no part of a policy's meaning. */
export interface DocumentChange {
  readonly kind: 'added' | 'removed' | 'changed';
  /** From the outermost part: `requests`, `POST /orders`, `facts`, `amount (body)`, `as`. */
  readonly path: readonly string[];
  /** Null for what was added. */
  readonly before: unknown;
  /** Null for what was removed. */
  readonly after: unknown;
}

/** All changes, in the order of the parts of a document. Parts are told by their names, not by where they stand. */
export function differenceOf(before: PolicyDocument, after: PolicyDocument): readonly DocumentChange[] {
  const [old, young] = [byName(before), byName(after)];
  const changes = jsonPatch.compare(old, young).flatMap((operation): readonly DocumentChange[] => {
    const { path, op } = operation;
    const parts = path.split('/').slice(1).map(jsonPatch.unescapePathComponent);
    const values = { before: at(old, parts), after: at(young, parts) };
    // `compare` makes these three; the others are there for patches written by hand.
    if (op === 'add') return [{ kind: 'added', path: parts, ...values, before: null }];
    if (op === 'remove') return [{ kind: 'removed', path: parts, ...values, after: null }];
    return op === 'replace' ? [{ kind: 'changed', path: parts, ...values }] : [];
  });
  const order = Object.keys(old);
  const place = ({ path }: DocumentChange): number => order.indexOf(path[0] ?? '');
  const name = ({ path }: DocumentChange): string => path.join('\n');
  return changes.sort((a, b) => place(a) - place(b) || (name(a) < name(b) ? -1 : 1));
}

function at(root: unknown, path: readonly string[]): unknown {
  let here = root;
  for (const name of path)
    here = typeof here === 'object' && here !== null ? (here as Record<string, unknown>)[name] : undefined;
  return here ?? null;
}

/** The document as objects whose keys are names, so that what moved is not what changed. */
function byName(document: PolicyDocument): Record<string, unknown> {
  const {
    format,
    application,
    mode,
    services,
    requests,
    chains,
    outside,
    keys,
    postures,
    limits,
    memories,
    tokens,
  } = document;
  return {
    format,
    application,
    mode,
    services: Object.fromEntries(services.map(({ name, place: _, ...service }) => [name, service])),
    requests: Object.fromEntries(requests.map((request) => [request.id, requestByName(request)])),
    chains: Object.fromEntries(
      chains.map(({ root, every }) => [root.request, { every, ...stepByName(root) }]),
    ),
    outside: Object.fromEntries(outside.map((id) => [id, true])),
    keys: Object.fromEntries(
      keys.map(({ key, in: place, name, part }) => [`${key} (${place} ${name})`, part]),
    ),
    postures,
    limits,
    ...(memories === undefined
      ? {}
      : { memories: Object.fromEntries(memories.map(({ name, place: _, ...memory }) => [name, memory])) }),
    ...(tokens === undefined ? {} : { tokens: { ...tokens, keys: keysByName(tokens.keys) } }),
    refuse: document.refuse ?? 'reset',
  };
}

function requestByName({ id: _, place: __, facts, requires, ...request }: RequestDeclaration): object {
  const relations = requires?.map((relation) => [describeRelation(relation), relation] as const);
  return {
    ...request,
    facts: factsByName(facts),
    ...(relations === undefined ? {} : { requires: Object.fromEntries(relations) }),
  };
}

function factsByName(facts: readonly FactDeclaration[]): object {
  return Object.fromEntries(
    facts.map(({ fact, source, ...said }) => {
      const where = wordsOf(source).join(' ');
      return [`${fact} (${where})`, said];
    }),
  );
}

function keysByName(keys: readonly Jwk[]): object {
  return Object.fromEntries(
    keys.map((key, i) => [typeof key.kid === 'string' ? key.kid : `key ${i + 1}`, key]),
  );
}

function wordsOf(source: object): readonly string[] {
  return Object.values(source).flatMap((part: unknown) =>
    typeof part === 'object' && part !== null ? wordsOf(part) : [String(part)],
  );
}

function stepByName({ request: _, place: __, children, ...step }: StepDeclaration): object {
  const sequence = step.order === 'in-order' ? { sequence: children.map(({ request }) => request) } : {};
  return {
    ...step,
    ...sequence,
    steps: Object.fromEntries(children.map((child) => [child.request, stepByName(child)])),
  };
}
