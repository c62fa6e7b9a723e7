// Whether one HTTP request can be what two declarations ask for. Enters: two declarations; leaves: an overlap, or null.
import type { HttpRequestDeclaration } from '../document.ts';
import { type Overlap, relationOf } from './relation.ts';

/**
 * `first` stands before `second`, so it is asked first: it takes a request by method, path and the names in the query,
 * whatever facts the request then lacks.
 */
export function overlapHttp(first: HttpRequestDeclaration, second: HttpRequestDeclaration): Overlap | null {
  if (first.method !== second.method || first.overriding !== second.overriding) return null;
  const left = first.path.split('/');
  const right = second.path.split('/');
  if (left.length !== right.length) return null;
  const example: string[] = [];
  for (const [i, segment] of left.entries()) {
    const other = right[i] ?? '';
    if (!isName(segment) && !isName(other) && segment !== other) return null;
    example.push(isName(segment) ? (isName(other) ? 'x' : other) : segment);
  }
  const taken = queryOf(first);
  const needed = second.facts.flatMap(({ source, optional }) =>
    source.in === 'query' && !optional ? [source.name] : [],
  );
  if (!needed.every((name) => taken.has(name))) return null;
  const query = needed.length === 0 ? '' : `?${needed.map((name) => `${name}=x`).join('&')}`;
  return {
    example: `${first.method} ${example.join('/')}${query}`,
    relation: relationOf(coversHttp(first, second), coversHttp(second, first)),
  };
}

function coversHttp(a: HttpRequestDeclaration, b: HttpRequestDeclaration): boolean {
  const narrow = b.path.split('/');
  const taken = queryOf(a);
  return (
    a.path.split('/').every((segment, i) => isName(segment) || segment === narrow[i]) &&
    [...queryOf(b)].every((name) => taken.has(name))
  );
}

/** Names that may stand in the query. */
function queryOf({ query, facts }: HttpRequestDeclaration): ReadonlySet<string> {
  return new Set([...query, ...facts.flatMap(({ source }) => (source.in === 'query' ? [source.name] : []))]);
}

function isName(segment: string): boolean {
  return segment.startsWith(':');
}
