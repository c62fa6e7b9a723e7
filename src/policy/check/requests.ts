// What is wrong with the requests of a policy. Enters: a document; leaves: problems.
import { normalisersOf } from '../compile.ts';
import { protocolsOf } from '../connections.ts';
import type { PolicyDocument, RequestDeclaration } from '../document.ts';
import { overlapOf } from '../overlap.ts';
import type { PolicyProblem } from '../problem.ts';
import { closest, lineOf, problem } from './problem.ts';

const IN_BODY: ReadonlySet<string> = new Set(['body', 'form', 'multipart']);

/** Who makes each request to whom, by which protocol, and whether its path is one. */
export function* checkRequests(document: PolicyDocument): Generator<PolicyProblem> {
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
    if (server?.kind === 'external') {
      yield problem(
        'wrong-protocol',
        request,
        `"${request.id}" goes to "${server.name}", which is external and answers on no port`,
        `declare it as service('${server.name}', ...) with its addresses and ports`,
      );
    }
    if (request.protocol !== 'http') continue;
    yield* checkPath(request.path, request);
    const inBody = request.facts.find(({ source }) => IN_BODY.has(source.in));
    if (request.streams === true && inBody !== undefined)
      yield problem(
        'malformed',
        request,
        `"${request.id}" streams its body, and fact "${inBody.fact}" is read from it`,
        'take the fact from its head, or leave streams() out',
      );
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
            : segments.some((segment) => segment === '.' || segment === '..')
              ? 'has a dot segment, which no request may have'
              : /[#\\]/.test(path)
                ? 'has a "#" or a backslash, which no request may have'
                : null;
  if (why !== null)
    yield problem('bad-path', request, `path "${path}" ${why}`, 'write it as /users/:user/charge');
}

/** Requests that could be one and the same on the wire. The one that stands first is asked first. */
export function* checkOverlaps(document: PolicyDocument): Generator<PolicyProblem> {
  const normalisers = normalisersOf(document);
  for (const [i, a] of document.requests.entries()) {
    for (const b of document.requests.slice(i + 1)) {
      const overlap = overlapOf(a, b, normalisers);
      if (overlap === null) continue;
      const both = `"${b.id}" and "${a.id}"${lineOf(a)} both match ${overlap.example}`;
      switch (overlap.relation) {
        case 'first':
          yield problem(
            'shadowed-rule',
            b,
            `${both}, and the latter, which stands first, takes all that the former matches`,
            'declare the narrower one first',
          );
          break;
        case 'second':
          yield problem(
            'shadowed-rule',
            b,
            `${both}, and the latter, which stands first, takes it`,
            'none is needed if that is meant',
            'warning',
          );
          break;
        default:
          yield problem(
            'overlapping-steps',
            b,
            both,
            'declare it once and use it in both places, or make one of them narrower',
          );
      }
    }
  }
}
