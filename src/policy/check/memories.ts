// What is wrong with what a policy remembers. Enters: a document; leaves: problems.
import type { MemoryDeclaration, PolicyDocument, RequestDeclaration } from '../document.ts';
import { factsByRequest } from '../fact-names.ts';
import type { PolicyProblem } from '../problem.ts';
import { closest, problem } from './problem.ts';

const USES = ['remembers', 'recalls', 'forgets'] as const;

/** Memories that nothing teaches or asks, and facts that are not there to be remembered. */
export function* checkMemories(document: PolicyDocument): Generator<PolicyProblem> {
  const { memories = [], requests } = document;
  const names = new Set(memories.map(({ name }) => name));
  for (const request of requests) {
    for (const name of USES.flatMap((use) => request[use] ?? [])) {
      if (names.has(name)) continue;
      const like = closest(name, names);
      const text = `"${request.id}" uses memory "${name}", which is not declared`;
      yield problem(
        'malformed',
        request,
        text,
        like === null ? 'declare it with memory()' : `did you mean "${like}"?`,
      );
    }
  }
  const known = new Set(requests.flatMap(({ facts }) => facts.map(({ fact }) => fact)));
  for (const each of memories) yield* checkMemory(each, requests, known, factsByRequest(document));
}

function* checkMemory(
  memory: MemoryDeclaration,
  requests: readonly RequestDeclaration[],
  known: ReadonlySet<string>,
  carried: ReadonlyMap<string, readonly string[]>,
): Generator<PolicyProblem> {
  const { name, by, keeps } = memory;
  for (const fact of [by, ...keeps]) {
    if (known.has(fact)) continue;
    const like = closest(fact, known);
    const text = `memory "${name}" is about fact "${fact}", which no request carries`;
    yield problem(
      'unknown-fact',
      memory,
      text,
      like === null ? 'declare it with .facts()' : `did you mean "${like}"?`,
    );
  }
  for (const request of requests) {
    if (request.recalls?.includes(name) !== true || carried.get(request.id)?.includes(by) === true) continue;
    const text = `"${request.id}" recalls memory "${name}", but does not carry its key "${by}"`;
    yield problem('malformed', request, text, `say where "${by}" stands in it, with .facts()`);
  }
  if (!requests.some((request) => request.remembers?.includes(name) === true))
    yield problem(
      'malformed',
      memory,
      `nothing is ever remembered in "${name}"`,
      'say .remembers() of a request',
    );
  if (!requests.some((request) => request.recalls?.includes(name) === true))
    yield problem(
      'malformed',
      memory,
      `nothing recalls memory "${name}"`,
      'say .recalls() of a request',
      'warning',
    );
}
