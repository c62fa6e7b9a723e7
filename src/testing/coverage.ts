// Which parts of a policy sources exercise. Enters: a policy, sources; leaves: a row for each part, with what it explained and what it denied.
import { assertNever, type Place } from '../errors.ts';
import type { PolicyDocument, RequestDeclaration, StepDeclaration } from '../policy/document.ts';
import { factsByRequest } from '../policy/fact-names.ts';
import { describeRelation } from '../policy/relation.ts';
import { isAnswered } from '../policy/source.ts';
import type { ChainView, StepView, Verdict } from '../verdict.ts';
import { requireSound, runEngine } from './judge.ts';
import { nameOfBytes, Reader } from './reader.ts';
import { eventsOf, type Source } from './source.ts';

/** One part of a policy. */
export interface CoverageRow {
  readonly kind: 'request' | 'step' | 'cardinality' | 'order' | 'fact' | 'relation';
  /** For a person: `POST /orders > charge`, `user of charge`. */
  readonly what: string;
  readonly place: Place | null;
  /** How often honest traffic needed it; a fact counts where it was compared with another place of the same chain. */
  readonly explained: number;
  /** How often something was dropped because of it; null where it denies nothing. */
  readonly denied: number | null;
}

export interface CoverageReport {
  readonly application: string;
  readonly rows: readonly CoverageRow[];
  /** Parts that nothing exercised: of these, nobody knows whether they say what was meant. */
  readonly unexercised: readonly CoverageRow[];
  /** Parts that explained something and never had to deny anything: write the attack that they are for. */
  readonly untried: readonly CoverageRow[];
}

/**
 * What the sources, each judged by itself, exercise of a policy.
 * @throws InputError for a policy with errors or a capture that cannot be read
 */
export async function coverage(policy: PolicyDocument, sources: readonly Source[]): Promise<CoverageReport> {
  requireSound(policy);
  const seen = new Seen();
  for (const source of sources) await exercise(policy, source, seen);
  const rows = rowsOf(policy, seen);
  return {
    application: policy.application,
    rows,
    unexercised: rows.filter(({ explained }) => explained === 0),
    untried: rows.filter(({ explained, denied }) => explained > 0 && denied === 0),
  };
}

/** Counts by name. */
class Counts {
  readonly #counts = new Map<string, number>();
  add(name: string): void {
    this.#counts.set(name, this.of(name) + 1);
  }
  of(name: string): number {
    return this.#counts.get(name) ?? 0;
  }
}

class Seen {
  readonly explained = new Counts();
  readonly compared = new Counts();
  readonly differed = new Counts();
  readonly codes = new Counts();
  readonly unmet = new Counts();
  readonly steps = new Counts();
}

async function exercise(policy: PolicyDocument, source: Source, seen: Seen): Promise<void> {
  const events = await eventsOf(source, policy);
  /** Names of chains, by the bytes of the requests that they explain. */
  const chains = new Map<string, string>();
  await runEngine(policy, events, {}, (output, engine) => {
    if (output.kind === 'verdict') noteVerdict(output.verdict, seen, chains);
    if (output.kind === 'chain') {
      const view = engine.view(output.record.id);
      if (view !== null) noteChain(view, seen);
    }
  });
  const reader = new Reader(policy);
  /** By chain and fact, the places where the fact stood. */
  const places = new Map<string, Set<string>>();
  for (const said of events.flatMap((event) => reader.read(event))) {
    const chain = chains.get(nameOfBytes(said.about));
    if (chain === undefined) continue;
    for (const { fact } of said.facts) {
      const key = `${chain}\n${fact}`;
      const known = places.get(key) ?? new Set();
      places.set(key, known.add(factName(said.request, fact, said.kind)));
    }
  }
  for (const each of places.values()) if (each.size > 1) for (const name of each) seen.compared.add(name);
}

function noteVerdict(verdict: Verdict, seen: Seen, chains: Map<string, string>): void {
  const { kind, step, chain, evidence, reasons, nearest, unmet, subject } = verdict;
  const [own] = evidence;
  if (step === null || own === undefined) return;
  if (kind === 'pass') seen.explained.add(step);
  if (kind === 'pass' && chain !== null) chains.set(nameOfBytes(own), chain.id);
  if (kind !== 'drop') return;
  // An acknowledgement is a request of its own on the wire; for a chain it is the answer to a delivery.
  const answer = subject.what === 'response' || subject.request.startsWith('basic.ack');
  seen.codes.add(`${reasons[0].code}\n${step}${answer ? '\nanswer' : ''}`);
  if (unmet !== undefined) seen.unmet.add(`${step}\n${unmet.relation}`);
  for (const { fact } of nearest?.differences ?? []) seen.differed.add(factName(step, fact, 'request'));
}

function noteChain(view: ChainView, seen: Seen): void {
  const visit = (step: StepView, path: readonly string[]): void => {
    const here = [...path, step.step];
    const name = here.join('\n');
    for (const _ of step.seen) seen.steps.add(name);
    if (step.seen.length > 1) seen.steps.add(`${name}\nagain`);
    seen.steps.add(
      `${name}\n${step.seen.length === 0 ? 'none' : step.seen.length === 1 ? 'one' : 'several'}`,
    );
    if (step.children.filter(({ seen }) => seen.length > 0).length > 1) seen.steps.add(`${name}\nordered`);
    // What a request that never came would have caused was not left out.
    if (step.state === 'answered' || step.state === 'open')
      for (const child of step.children) visit(child, here);
  };
  visit(view.tree, []);
}

function factName(request: string, fact: string, kind: 'request' | 'answer'): string {
  return `${request}\n${fact}\n${kind}`;
}

function rowsOf(policy: PolicyDocument, seen: Seen): readonly CoverageRow[] {
  return [
    ...policy.requests.map(
      ({ id, place }): CoverageRow => ({
        kind: 'request',
        what: id,
        place,
        explained: seen.explained.of(id),
        denied: null,
      }),
    ),
    ...policy.chains.flatMap(({ root }) => stepRows(root, [], seen)),
    ...factRows(policy, seen),
    ...policy.requests.flatMap((request) => relationRows(request, seen)),
  ];
}

function stepRows(step: StepDeclaration, path: readonly string[], seen: Seen): readonly CoverageRow[] {
  const here = [...path, step.request];
  const name = here.join('\n');
  const parent = path.at(-1);
  const row = (
    kind: CoverageRow['kind'],
    said: string,
    ways: readonly string[],
    denied: number | null,
  ): CoverageRow => ({
    kind,
    what: `${here.join(' > ')}${said}`,
    place: step.place,
    explained: ways.reduce((sum, way) => sum + seen.steps.of(`${name}${way}`), 0),
    denied,
  });
  const codes = (code: string, requests: readonly string[]): number =>
    requests.reduce((sum, request) => sum + seen.codes.of(`${code}\n${request}`), 0);
  const rows = [row('step', '', [''], parent === undefined ? null : codes('no-open-chain', [step.request]))];
  if (parent !== undefined) {
    const [first, ...others] = cardinalities(step);
    const surplus = codes('already-done', [step.request]) + codes('overdue', [step.request]);
    const absent = step.cardinality === 'required' ? codes('out-of-order', [`${parent}\nanswer`]) : 0;
    if (first !== undefined) {
      const denied = step.cardinality === 'many' ? null : surplus + absent;
      rows.push(row('cardinality', `: ${first.said}`, first.ways, denied));
    }
    for (const { said, ways } of others) rows.push(row('cardinality', `: ${said}`, ways, null));
  }
  if (step.order === 'in-order' && step.children.length > 1) {
    const children = step.children.map(({ request }) => request);
    rows.push(row('order', ': in order', ['\nordered'], codes('out-of-order', children)));
  }
  return [...rows, ...step.children.flatMap((child) => stepRows(child, here, seen))];
}

interface Way {
  readonly said: string;
  readonly ways: readonly string[];
}

/** What can happen to a step, with the counts that show that it did; what has a limit comes first. */
function cardinalities({ cardinality, retries }: StepDeclaration): readonly Way[] {
  const came = ['\none', '\nseveral'];
  const again = retries > 0 ? [{ said: 'tried again', ways: ['\nagain'] }] : [];
  switch (cardinality) {
    case 'optional':
      return [
        { said: 'at most once, came', ways: came },
        { said: 'at most once, left out', ways: ['\nnone'] },
        ...again,
      ];
    case 'many':
      return [
        { said: 'any number, none', ways: ['\nnone'] },
        { said: 'any number, one', ways: ['\none'] },
        { said: 'any number, several', ways: ['\nseveral'] },
        ...again,
      ];
    case 'once':
      return [{ said: 'once', ways: came }, ...again];
    case 'required':
      return [{ said: 'once, before its parent is answered', ways: came }, ...again];
    case 'eventually':
      return [{ said: 'once, in time', ways: came }, ...again];
    default:
      return assertNever(cardinality);
  }
}

function factRows(policy: PolicyDocument, seen: Seen): readonly CoverageRow[] {
  // What is recalled stands in no place of the request.
  const carried = factsByRequest({ ...policy, memories: [] });
  const inChains = new Set(policy.chains.flatMap(({ root }) => requestsBelow(root)));
  // What begins a chain cannot differ from it.
  const below = new Set(
    policy.chains.flatMap(({ root }) => root.children.flatMap((child) => requestsBelow(child))),
  );
  return policy.requests
    .filter(({ id }) => inChains.has(id))
    .flatMap((request) => {
      const row = (fact: string, kind: 'request' | 'answer'): CoverageRow => ({
        kind: 'fact',
        what: `${fact} of ${request.id}${kind === 'answer' ? ', in its answer' : ''}`,
        place: request.place,
        explained: seen.compared.of(factName(request.id, fact, kind)),
        denied:
          kind === 'answer' || !below.has(request.id)
            ? null
            : seen.differed.of(factName(request.id, fact, kind)),
      });
      const asked = carried.get(request.id) ?? [];
      return [
        ...asked.map((fact) => row(fact, 'request')),
        ...answered(request).map((fact) => row(fact, 'answer')),
      ];
    });
}

/** A relation that was looked at held where the request passed. */
function relationRows({ id, place, requires = [] }: RequestDeclaration, seen: Seen): readonly CoverageRow[] {
  return requires.map(describeRelation).map((relation) => ({
    kind: 'relation',
    what: `${relation}, of ${id}`,
    place,
    explained: seen.explained.of(id),
    denied: seen.unmet.of(`${id}\n${relation}`),
  }));
}

function answered({ facts }: RequestDeclaration): readonly string[] {
  const names = facts.filter(({ source }) => isAnswered(source)).map(({ fact }) => fact);
  return [...new Set(names)];
}

function requestsBelow(step: StepDeclaration): readonly string[] {
  return [step.request, ...step.children.flatMap(requestsBelow)];
}
