// Facts that stand where nothing can be read. Enters: a document; leaves: problems.
import { normalisersOf } from '../compile.ts';
import type { PolicyDocument, RequestDeclaration } from '../document.ts';
import type { FactDeclaration, FactSource } from '../fact.ts';
import { normalise } from '../normalise.ts';
import type { PolicyProblem } from '../problem.ts';
import { isAnswered } from '../source.ts';
import { lineOf, problem } from './problem.ts';
import type { Placed } from './walk.ts';

/** A request that must carry what it cannot carry is never explained. */
export function* checkSources(document: PolicyDocument): Generator<PolicyProblem> {
  for (const request of document.requests) {
    for (const declared of request.facts) {
      const why = unreadable(request, declared.source);
      if (why === null) continue;
      const never = declared.optional || isAnswered(declared.source) || request.protocol === 'sql';
      yield problem(
        'unreadable-fact',
        request,
        `fact "${declared.fact}" of "${request.id}" is read from ${why}`,
        'read it from where it stands',
        never ? 'warning' : 'error',
      );
    }
    const needs = (place: FactSource['in']): boolean =>
      request.facts.some(({ source, optional }) => source.in === place && !optional);
    if (needs('body') && needs('form')) {
      yield problem(
        'unreadable-fact',
        request,
        `"${request.id}" needs a JSON body and a form, and no request has both`,
        'declare two requests on two paths, or say maybe()',
      );
    }
  }
}

/** A routing key that the declaration fixes is a fact of one value: where another step says otherwise, they never agree. */
export function* checkConstants(
  document: PolicyDocument,
  steps: readonly Placed[],
): Generator<PolicyProblem> {
  const normalisers = normalisersOf(document);
  const said = new Map<string, { readonly value: string; readonly by: Placed }>();
  for (const placed of steps) {
    for (const { fact, value } of constantsOf(placed.request)) {
      const normal = normalise(value, normalisers.get(fact) ?? 'text');
      if (normal === null) {
        yield problem(
          'unreadable-fact',
          placed.request,
          `fact "${fact}" of "${placed.request.id}" is always "${value}", which is not of its kind`,
          'take it out, or compare it as text',
        );
        continue;
      }
      const key = `${placed.chain.root.request}\n${fact}`;
      const other = said.get(key);
      if (other === undefined) {
        said.set(key, { value: normal, by: placed });
      } else if (other.value !== normal) {
        const either = [placed, other.by].some(
          ({ step }) => step.cardinality === 'optional' || step.cardinality === 'many',
        );
        yield problem(
          'unreachable-step',
          placed.step,
          `"${placed.request.id}" always has ${fact} "${value}", and "${other.by.request.id}"${lineOf(other.by.step)} of the same chain "${other.value}"`,
          'give these facts two names',
          either ? 'warning' : 'error',
        );
      }
    }
  }
}

function constantsOf(request: RequestDeclaration): readonly { fact: string; value: string }[] {
  if (request.protocol !== 'amqp' || !('routingKey' in request.action)) return [];
  const { routingKey } = request.action;
  return request.facts.flatMap(({ fact, source }: FactDeclaration) =>
    source.in === 'routing-key' ? [{ fact, value: routingKey }] : [],
  );
}

const HTTP: readonly FactSource['in'][] = [
  'path',
  'query',
  'header',
  'cookie',
  'body',
  'form',
  'multipart',
  'claim',
  'response-body',
  'response-header',
  'response-cookie',
  'response-status',
];

/** Why a source is none of this request; null when it is one. */
function unreadable(request: RequestDeclaration, source: FactSource): string | null {
  switch (request.protocol) {
    case 'http': {
      if (!HTTP.includes(source.in)) return `its ${source.in}, which HTTP does not have`;
      const missing = source.in === 'path' && !request.path.split('/').includes(`:${source.name}`);
      return missing ? `":${source.name}" of its path, which is not in it` : null;
    }
    case 'amqp': {
      if (isAnswered(source)) return `its answer, which AMQP does not have`;
      const { kind } = request.action;
      if (source.in === 'routing-key')
        return 'routingKey' in request.action || kind === 'deliver'
          ? null
          : `its routing key, which it does not have`;
      if (source.in === 'exchange')
        return 'exchange' in request.action || kind === 'deliver'
          ? null
          : `its exchange, which it does not have`;
      if (source.in !== 'body' && source.in !== 'header' && source.in !== 'property')
        return `its ${source.in}, which AMQP does not have`;
      return kind === 'publish' || kind === 'deliver' ? null : `its ${source.in}, and it has no content`;
    }
    case 'sql':
      return source.in === 'result' || source.in === 'affected'
        ? null
        : `its ${source.in}, which SQL does not have`;
  }
}
