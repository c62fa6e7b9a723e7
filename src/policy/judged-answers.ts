// Which requests have answers that can be denied. Enters: a document; leaves: ids of its requests.
import type { PolicyDocument, StepDeclaration } from './document.ts';
import type { FactSource } from './fact.ts';

/**
 * Requests whose answers say facts, or must not come before something else has: who holds traffic has to hold these answers
 * until they are judged, and may pass on all others as they come.
 */
export function judgedAnswers(document: PolicyDocument): ReadonlySet<string> {
  const judged = new Set(
    document.requests
      .filter(({ facts }) => facts.some(({ source }) => ANSWERS.has(source.in)))
      .map(({ id }) => id),
  );
  const walk = (step: StepDeclaration): void => {
    if (step.children.some(({ cardinality }) => cardinality === 'required')) judged.add(step.request);
    for (const child of step.children) walk(child);
  };
  for (const { root } of document.chains) walk(root);
  return judged;
}

const ANSWERS: ReadonlySet<FactSource['in']> = new Set([
  'response-body',
  'response-header',
  'response-cookie',
  'response-status',
  'result',
  'affected',
]);
