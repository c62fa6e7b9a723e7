// What is wrong with the services of a policy. Enters: a document; leaves: problems.
import { type Prefix, parsePrefix, prefixesOverlap } from '../../identity/addresses.ts';
import type { PolicyDocument } from '../document.ts';
import type { PolicyProblem } from '../problem.ts';
import { closest, problem } from './problem.ts';

/** Names, addresses and ports of services. */
export function* checkServices(document: PolicyDocument): Generator<PolicyProblem> {
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

/** Principals that no request names. */
export function* checkUsed(document: PolicyDocument): Generator<PolicyProblem> {
  const names = document.services.map(({ name }) => name);
  const named = new Set(document.requests.flatMap(({ from, to }) => [from, to]));
  // A name that was written wrong is a problem of its own, and no second one of whom it meant.
  for (const name of [...named]) if (!names.includes(name)) named.add(closest(name, names) ?? name);
  for (const service of document.services) {
    if (named.has(service.name)) continue;
    yield problem(
      'unused-service',
      service,
      `no request is of or to "${service.name}"${service.kind === 'service' ? ', so it may not be talked to' : ''}`,
      'declare its requests, or take it out',
      'warning',
    );
  }
}
