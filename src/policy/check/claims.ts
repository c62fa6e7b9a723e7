// Requests that more than one rule claims. Enters: steps with their surroundings; leaves: problems.
import type { ChainDeclaration, PolicyDocument } from '../document.ts';
import type { PolicyProblem } from '../problem.ts';
import { lineOf, problem } from './problem.ts';
import type { Placed } from './walk.ts';

/** Requests that stand both in chains and outside, and requests that stand in several chains. */
export function* checkClaims(document: PolicyDocument, steps: readonly Placed[]): Generator<PolicyProblem> {
  const outside = new Set(document.outside);
  const byRequest = new Map<string, Placed[]>();
  for (const placed of steps) {
    const list = byRequest.get(placed.request.id);
    if (list === undefined) byRequest.set(placed.request.id, [placed]);
    else list.push(placed);
  }
  for (const [id, places] of byRequest) {
    const root = places.find(({ parent }) => parent === null);
    const [first] = places;
    if (outside.has(id) && root !== undefined) {
      yield problem(
        'shadowed-rule',
        root.chain,
        `"${id}" begins a chain and is declared outside, where it never counts: it always begins one`,
        'take it out of outside()',
      );
    } else if (outside.has(id) && first !== undefined) {
      yield problem(
        'shadowed-rule',
        first.step,
        `"${id}" is a step of chain ${nameOf(first.chain)} and is declared outside: what its chain refuses passes all the same`,
        'take it out of one of them, if its facts shall count',
        'warning',
      );
    }
    const chains = [...new Set(places.map(({ chain }) => chain))];
    if (chains.length > 1) yield* checkShared(id, chains, places);
  }
}

function* checkShared(
  id: string,
  chains: readonly ChainDeclaration[],
  places: readonly Placed[],
): Generator<PolicyProblem> {
  const last = places.at(-1);
  if (last === undefined) return;
  const names = chains.map(nameOf).join(' and ');
  const text = `"${id}" is a step of ${chains.length} chains: ${names}`;
  const begins = places.find(({ parent }) => parent === null);
  const telling = places.map(({ carries, known }) => carries.filter((fact) => known.has(fact)));
  const mute = places.find((_, i) => telling[i]?.length === 0);
  if (begins !== undefined) {
    yield problem(
      'shared-step',
      last.step,
      `${text}; where another of them waits for it, it does not begin ${nameOf(begins.chain)}`,
      'declare two requests, if they differ',
      'warning',
    );
  } else if (mute !== undefined) {
    yield problem(
      'shared-step',
      last.step,
      `${text}, and no fact tells them apart: in ${nameOf(mute.chain)} any such request fits`,
      'let it carry a fact that its chain has settled before',
      'warning',
    );
  } else {
    const facts = [...new Set(telling.flat())].map((fact) => `"${fact}"`).join(', ');
    yield problem('shared-step', last.step, `${text}; ${facts} tell them apart`, 'none is needed', 'note');
  }
}

function nameOf(chain: ChainDeclaration): string {
  return `"${chain.root.request}"${lineOf(chain)}`;
}
