// What is wrong with who begins chains. Enters: a document; leaves: problems.
import type { PolicyDocument } from '../document.ts';
import type { PolicyProblem } from '../problem.ts';
import { problem } from './problem.ts';

/** A service that was taken over can begin its own chains: these are jobs, and may begin only so often. */
export function* checkJobs(document: PolicyDocument): Generator<PolicyProblem> {
  const services = new Map(document.services.map((service) => [service.name, service.kind]));
  const requests = new Map(document.requests.map((request) => [request.id, request]));
  for (const { root, every, place } of document.chains) {
    const from = requests.get(root.request)?.from ?? '';
    const kind = services.get(from);
    if (every === null && kind === 'service') {
      yield problem(
        'service-begins',
        { place },
        `the chain of "${root.request}" is begun by "${from}", a service, as often as it likes`,
        "say how often it may: job(request, { every: '1h' }, ...)",
        'warning',
      );
    }
    if (every !== null && kind === 'external') {
      yield problem(
        'service-begins',
        { place },
        `the job of "${root.request}" is begun by "${from}", which is no service of the application`,
        'use chain() for what somebody outside asks for',
      );
    }
  }
}
