// Makes problems, and guesses which name was meant. Enters: what is wrong; leaves: a problem with its remedy.
import type { PolicyProblem } from '../problem.ts';

/** A problem at the place of a declaration. */
export function problem(
  code: PolicyProblem['code'],
  at: { readonly place: PolicyProblem['place'] },
  text: string,
  remedy: string,
  severity: PolicyProblem['severity'] = 'error',
): PolicyProblem {
  return { severity, code, place: at.place, problem: text, remedy };
}

/** The most similar name, when it is similar enough to be meant. */
export function closest(name: string, names: Iterable<string>): string | null {
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

/** ` (line 12)`, or nothing where the line is not known. */
export function lineOf({ place }: { readonly place: PolicyProblem['place'] }): string {
  return place?.line === undefined ? '' : ` (line ${place.line})`;
}
