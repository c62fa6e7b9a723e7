// Finds what is wrong with a policy before traffic does. Enters: a document; leaves: problems with their places.
import { checkChains } from './check/chains.ts';
import { checkFacts } from './check/facts.ts';
import { checkJobs } from './check/jobs.ts';
import { checkMemories } from './check/memories.ts';
import { checkRelations } from './check/relations.ts';
import { checkOverlaps, checkRequests } from './check/requests.ts';
import { checkServices } from './check/services.ts';
import { checkTokens } from './check/tokens.ts';
import type { PolicyDocument } from './document.ts';
import type { PolicyProblem } from './problem.ts';

/** All problems of a document, errors first. A document with an error must not be used. */
export function checkPolicy(document: PolicyDocument): readonly PolicyProblem[] {
  const problems = [
    ...checkServices(document),
    ...checkRequests(document),
    ...checkJobs(document),
    ...checkOverlaps(document),
    ...checkFacts(document),
    ...checkRelations(document),
    ...checkMemories(document),
    ...checkTokens(document),
    ...checkChains(document),
  ];
  return problems.sort((a, b) => Number(a.severity === 'warning') - Number(b.severity === 'warning'));
}
