// Finds what is wrong with a policy before traffic does. Enters: a document; leaves: problems with their places.
import { checkChains } from './check/chains.ts';
import { checkClaims } from './check/claims.ts';
import { checkFacts, checkUses } from './check/facts.ts';
import { checkJobs } from './check/jobs.ts';
import { checkMemories } from './check/memories.ts';
import { checkQueues } from './check/queues.ts';
import { checkReach } from './check/reach.ts';
import { checkRelations } from './check/relations.ts';
import { checkOverlaps, checkRequests } from './check/requests.ts';
import { checkServices, checkUsed } from './check/services.ts';
import { checkConstants, checkSources } from './check/sources.ts';
import { checkTokens } from './check/tokens.ts';
import { stepsOf } from './check/walk.ts';
import type { PolicyDocument } from './document.ts';
import type { PolicyProblem } from './problem.ts';

const RANK = { error: 0, warning: 1, note: 2 } as const;

/** All problems of a document, errors first, notes last. A document with an error must not be used. */
export function checkPolicy(document: PolicyDocument): readonly PolicyProblem[] {
  const steps = stepsOf(document);
  const problems = [
    ...checkServices(document),
    ...checkRequests(document),
    ...checkJobs(document),
    ...checkOverlaps(document),
    ...checkFacts(document),
    ...checkRelations(document),
    ...checkMemories(document),
    ...checkTokens(document),
    ...checkSources(document),
    ...checkChains(document, steps),
    ...checkReach(document, steps),
    ...checkConstants(document, steps),
    ...checkClaims(document, steps),
    ...checkUses(document, steps),
    ...checkQueues(document, steps),
    ...checkUsed(document),
  ];
  return problems.sort((a, b) => RANK[a.severity] - RANK[b.severity]);
}
