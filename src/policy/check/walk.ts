// Every step of every chain, with what can be known when it comes. Enters: a document; leaves: steps with their surroundings.
import type { ChainDeclaration, PolicyDocument, RequestDeclaration, StepDeclaration } from '../document.ts';
import { factsByRequest } from '../fact-names.ts';
import { scopesOf } from '../scopes.ts';
import { isAnswered } from '../source.ts';

/** A step in its place. */
export interface Placed {
  readonly chain: ChainDeclaration;
  readonly step: StepDeclaration;
  readonly request: RequestDeclaration;
  readonly parent: { readonly step: StepDeclaration; readonly request: RequestDeclaration } | null;
  /** Steps that must be done before it: those before it in `inOrder`. */
  readonly before: readonly StepDeclaration[];
  /** Facts that something may have settled when it comes. */
  readonly known: ReadonlySet<string>;
  /** Facts that it carries itself. */
  readonly carries: readonly string[];
  /** True when it, or what causes it, may be tried again: a further attempt says the same as the one before. */
  readonly repeated: boolean;
}

interface Surroundings {
  readonly parent: Placed['parent'];
  readonly before: readonly StepDeclaration[];
  readonly known: ReadonlySet<string>;
  /** Facts of answers that come after a synchronous child, but may come before a later one. */
  readonly late: ReadonlySet<string>;
  readonly repeated: boolean;
}

const NOTHING: ReadonlySet<string> = new Set();

/** Steps of all chains, each parent before its children. Steps whose request is not declared are left out. */
export function stepsOf(document: PolicyDocument): readonly Placed[] {
  const requests = new Map(document.requests.map((request) => [request.id, request]));
  const asked = factsByRequest(document);
  const answered = new Map(
    document.requests.map(({ id, facts }) => [
      id,
      facts.flatMap(({ fact, source }) => (isAnswered(source) ? [fact] : [])),
    ]),
  );
  const all = (step: StepDeclaration): readonly string[] => [
    ...(asked.get(step.request) ?? []),
    ...(answered.get(step.request) ?? []),
    ...step.children.flatMap(all),
  ];
  const found: Placed[] = [];
  let scopes: ReturnType<typeof scopesOf> = new Map();
  const walk = (chain: ChainDeclaration, step: StepDeclaration, around: Surroundings): void => {
    const request = requests.get(step.request);
    if (request === undefined) return;
    const own = scopes.get(step);
    const again = step.cardinality === 'many' || step.retries > 0;
    const known = new Set([
      ...around.known,
      // What is its own is settled anew each time.
      ...(again ? all(step).filter((fact) => own?.has(fact) !== true) : []),
      ...(step.cardinality === 'eventually' ? around.late : []),
    ]);
    const carries = asked.get(step.request) ?? [];
    const repeated = around.repeated || step.retries > 0;
    const { parent, before } = around;
    found.push({ chain, step, request, parent, before, known, carries, repeated });
    const late = new Set([...around.late, ...(answered.get(step.request) ?? [])]);
    const below = new Set([...known, ...carries, ...(isPublish(request) ? late : NOTHING)]);
    for (const [i, child] of step.children.entries()) {
      const earlier = step.children.slice(0, i);
      const others = step.order === 'any' ? step.children.filter((other) => other !== child) : earlier;
      walk(chain, child, {
        parent: { step, request },
        before: step.order === 'any' ? [] : earlier,
        known: new Set([...below, ...others.flatMap(all)]),
        late,
        repeated,
      });
    }
  };
  for (const chain of document.chains) {
    scopes = scopesOf(chain.root, requests, document.memories);
    walk(chain, chain.root, { parent: null, before: [], known: NOTHING, late: NOTHING, repeated: false });
  }
  return found;
}

export function isPublish(request: RequestDeclaration): boolean {
  return request.protocol === 'amqp' && request.action.kind === 'publish';
}

export function isDelivery(request: RequestDeclaration): boolean {
  return request.protocol === 'amqp' && request.action.kind === 'deliver';
}

/** AMQP's methods have no answer that is followed; only a delivery has one, and a message waits in its queue. */
export function isNeverAnswered(request: RequestDeclaration): boolean {
  return request.protocol === 'amqp' && !isDelivery(request) && !isPublish(request);
}
