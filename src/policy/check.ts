// Finds what is wrong with a policy before traffic does. Enters: a document; leaves: problems with their places.
import { type Prefix, parsePrefix, prefixesOverlap } from '../identity/addresses.ts';
import { factsByRequest, operandFacts } from './compile.ts';
import { protocolsOf } from './connections.ts';
import type { PolicyDocument, RequestDeclaration, StepDeclaration } from './document.ts';
import { overlapOf } from './overlap.ts';
import type { PolicyProblem } from './problem.ts';

/** All problems of a document, errors first. A document with an error must not be used. */
export function checkPolicy(document: PolicyDocument): readonly PolicyProblem[] {
  const problems = [
    ...checkServices(document),
    ...checkRequests(document),
    ...checkOverlaps(document),
    ...checkFacts(document),
    ...checkChains(document),
  ];
  return problems.sort((a, b) => Number(a.severity === 'warning') - Number(b.severity === 'warning'));
}

function problem(
  code: PolicyProblem['code'],
  at: { readonly place: PolicyProblem['place'] },
  text: string,
  remedy: string,
  severity: PolicyProblem['severity'] = 'error',
): PolicyProblem {
  return { severity, code, place: at.place, problem: text, remedy };
}

function* checkServices(document: PolicyDocument): Generator<PolicyProblem> {
  const names = new Set<string>();
  const taken: { name: string; prefix: Prefix; text: string }[] = [];
  let everywhere: string | null = null;
  for (const service of document.services) {
    if (names.has(service.name)) {
      yield problem(
        'duplicate-service',
        service,
        `service "${service.name}" is declared twice`,
        'give each its own name',
      );
    }
    names.add(service.name);
    if (service.at.length === 0) {
      if (service.kind === 'service') {
        yield problem(
          'service-without-address',
          service,
          `service "${service.name}" has no address`,
          "say where it is: { at: '10.1.0.11' }",
        );
      } else if (everywhere !== null) {
        yield problem(
          'overlapping-address',
          service,
          `"${service.name}" and "${everywhere}" both stand for every other address`,
          'give one of them addresses',
        );
      } else everywhere = service.name;
    }
    for (const text of service.at) {
      const prefix = parsePrefix(text);
      if (prefix === null) {
        yield problem(
          'bad-address',
          service,
          `"${text}" of "${service.name}" is no IP address or prefix`,
          'write it as 10.1.0.11 or 10.1.0.0/24',
        );
        continue;
      }
      // A longer prefix inside a shorter one is how a service stands out of its network; the same one twice is a mistake.
      const other = taken.find(
        (entry) => entry.prefix.length === prefix.length && prefixesOverlap(entry.prefix, prefix),
      );
      if (other !== undefined) {
        yield problem(
          'overlapping-address',
          service,
          `${text} of "${service.name}" is also an address of "${other.name}"`,
          'give each service its own address',
        );
      }
      taken.push({ name: service.name, prefix, text });
    }
    const ports = new Map<number, string>();
    for (const [protocol, numbers] of Object.entries(service.ports)) {
      for (const port of numbers ?? []) {
        const other = ports.get(port);
        const good = Number.isInteger(port) && port > 0 && port < 65536;
        if (!good || other !== undefined) {
          const why = good
            ? `port ${port} of "${service.name}" is both ${other} and ${protocol}`
            : `${port} is no port`;
          yield problem(
            'wrong-protocol',
            service,
            why,
            'give each protocol its own port between 1 and 65535',
          );
        }
        ports.set(port, protocol);
      }
    }
  }
}

function* checkRequests(document: PolicyDocument): Generator<PolicyProblem> {
  const services = new Map(document.services.map((service) => [service.name, service]));
  for (const request of document.requests) {
    for (const name of new Set([request.from, request.to])) {
      if (services.has(name)) continue;
      const like = closest(name, services.keys());
      const hint = like === null ? 'declare it with service() or external()' : `did you mean "${like}"?`;
      yield problem(
        'unknown-service',
        request,
        `"${request.id}" names service "${name}", which is not declared`,
        hint,
      );
    }
    const delivered = request.protocol === 'amqp' && request.action.kind === 'deliver';
    const server = services.get(delivered ? request.from : request.to);
    if (server !== undefined && server.kind === 'service' && protocolsOf(request, server).length === 0) {
      yield problem(
        'wrong-protocol',
        request,
        `"${request.id}" is ${request.protocol}, but "${server.name}" has no such port`,
        `give it one, such as ${request.protocol === 'sql' ? 'postgres: 5432' : `${request.protocol}: ${request.protocol === 'http' ? 8080 : 5672}`}`,
      );
    }
    if (request.protocol === 'http') yield* checkPath(request.path, request);
  }
}

function* checkPath(path: string, request: RequestDeclaration): Generator<PolicyProblem> {
  const segments = path.slice(1).split('/');
  const names = segments.filter((segment) => segment.startsWith(':'));
  const why = !path.startsWith('/')
    ? 'does not begin with "/"'
    : path.includes('?')
      ? 'has a query: declare parameters with .query() or query()'
      : names.some((name) => !/^:[A-Za-z_][\w-]*$/.test(name))
        ? 'has a ":name" that is no name'
        : new Set(names).size < names.length
          ? 'has the same ":name" twice'
          : path !== '/' && segments.includes('')
            ? 'has an empty segment'
            : null;
  if (why !== null)
    yield problem('bad-path', request, `path "${path}" ${why}`, 'write it as /users/:user/charge');
}

function* checkOverlaps(document: PolicyDocument): Generator<PolicyProblem> {
  for (const [i, a] of document.requests.entries()) {
    for (const b of document.requests.slice(i + 1)) {
      const example = overlapOf(a, b);
      if (example === null) continue;
      const line = a.place?.line === undefined ? '' : ` (line ${a.place.line})`;
      yield problem(
        'overlapping-steps',
        b,
        `"${b.id}" and "${a.id}"${line} both match ${example}`,
        'declare it once and use it in both places, or make one of them narrower',
      );
    }
  }
}

function* checkFacts(document: PolicyDocument): Generator<PolicyProblem> {
  const carried = factsByRequest(document);
  const set = new Set(document.requests.flatMap((request) => request.facts.map(({ fact }) => fact)));
  for (const request of document.requests) {
    const kinds = new Map<string, string>();
    for (const other of document.requests) {
      for (const { fact, as } of other.facts) {
        const known = kinds.get(fact);
        if (as === 'text') continue;
        if (known !== undefined && known !== as && request === other) {
          yield problem(
            'malformed',
            request,
            `fact "${fact}" is compared both as ${known} and as ${as}`,
            'choose one',
          );
        }
        kinds.set(fact, as);
      }
    }
    if (request.protocol !== 'sql') continue;
    for (const fact of operandFacts(request)) {
      if (set.has(fact) || elsewhere(document, carried, request, fact)) continue;
      const like = closest(fact, set);
      yield problem(
        'unknown-fact',
        request,
        `"${request.id}" compares with fact "${fact}", which no request carries`,
        like === null ? 'declare it with .facts()' : `did you mean "${like}"?`,
      );
    }
  }
}

function elsewhere(
  document: PolicyDocument,
  carried: ReadonlyMap<string, readonly string[]>,
  request: RequestDeclaration,
  fact: string,
): boolean {
  return document.requests.some(
    (other) => other !== request && carried.get(other.id)?.includes(fact) === true,
  );
}

function* checkChains(document: PolicyDocument): Generator<PolicyProblem> {
  const requests = new Map(document.requests.map((request) => [request.id, request]));
  const roots = new Set<string>();
  const used = new Set(document.outside);
  if (document.chains.length === 0 && document.outside.length === 0) {
    yield problem(
      'empty',
      { place: document.services[0]?.place ?? null },
      `application "${document.application}" has no chain, so it denies everything`,
      'return at least one chain() or outside()',
    );
  }
  for (const chain of document.chains) {
    if (roots.has(chain.root.request)) {
      yield problem(
        'duplicate-chain',
        chain,
        `two chains begin with "${chain.root.request}"`,
        'put what it causes into one chain',
      );
    }
    roots.add(chain.root.request);
    yield* checkSteps(chain.root, requests, used);
  }
  for (const request of document.requests) {
    if (used.has(request.id)) continue;
    yield problem(
      'unused-request',
      request,
      `"${request.id}" is in no chain and not outside, so it is never explained`,
      'put it into a chain or into outside()',
      'warning',
    );
  }
}

function* checkSteps(
  step: StepDeclaration,
  requests: ReadonlyMap<string, RequestDeclaration>,
  used: Set<string>,
): Generator<PolicyProblem> {
  used.add(step.request);
  const parent = requests.get(step.request);
  const siblings = new Set<string>();
  for (const child of step.children) {
    const request = requests.get(child.request);
    if (request !== undefined && parent !== undefined && request.from !== parent.to) {
      yield problem(
        'unreachable-step',
        child,
        `"${request.id}" is made by "${request.from}", but its parent "${parent.id}" is served by "${parent.to}"`,
        'put it below a request that its maker serves',
      );
    }
    if (siblings.has(child.request)) {
      yield problem(
        'overlapping-steps',
        child,
        `"${child.request}" stands twice below "${step.request}"`,
        'say many() or .retried(n) instead',
      );
    }
    siblings.add(child.request);
    yield* checkSteps(child, requests, used);
  }
}

/** The most similar name, when it is similar enough to be meant. */
function closest(name: string, names: Iterable<string>): string | null {
  let best: string | null = null;
  let distance = Math.max(2, Math.floor(name.length / 3)) + 1;
  for (const candidate of names) {
    const edits = editDistance(name, candidate);
    if (edits < distance) {
      best = candidate;
      distance = edits;
    }
  }
  return best;
}

/** Levenshtein's distance; names in policies are short. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitute = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(substitute, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
