// Which declared HTTP request an HTTP request is. Enters: declarations between two services, a request; leaves: a match.
import type { FactReading } from '../../chain/state.ts';
import type { HttpRequest, HttpResponse } from '../../events/http.ts';
import type { HttpRequestDeclaration } from '../document.ts';
import { findInHttp, type HttpParts } from './http-values.ts';
import { type Match, matched, type Normalisers, reading } from './match.ts';
import { readTarget } from './target.ts';

/** Matches a request against what its source may ask of its destination. */
export function matchHttp(
  declarations: readonly HttpRequestDeclaration[],
  normalisers: Normalisers,
  request: HttpRequest,
): Match {
  const target = readTarget(request.target);
  if (target.kind === 'refused') return { kind: 'undeclared', why: `its target is not plain: ${target.why}` };
  let why = 'no such method and path';
  for (const declaration of declarations) {
    if (declaration.method !== request.method) continue;
    const path = matchPath(declaration.path, target.segments);
    if (path === null) continue;
    const extra = undeclaredParameter(declaration, target.query);
    if (extra !== null) {
      why = `the query parameter "${extra.slice(0, 40)}" is not declared`;
      continue;
    }
    const parts = { headers: request.headers, body: request.body, path, query: target.query, json: null };
    return readFacts(declaration, normalisers, parts, request, 'request');
  }
  return { kind: 'undeclared', why };
}

/** Reads the facts that a declaration takes from its response. */
export function readHttpResponse(
  declaration: HttpRequestDeclaration,
  normalisers: Normalisers,
  response: HttpResponse,
): Match {
  const parts = {
    headers: response.headers,
    body: response.body,
    path: new Map(),
    query: new Map(),
    json: null,
  };
  return readFacts(declaration, normalisers, parts, response, 'response');
}

function readFacts(
  declaration: HttpRequestDeclaration,
  normalisers: Normalisers,
  parts: HttpParts,
  message: HttpRequest | HttpResponse,
  part: 'request' | 'response',
): Match {
  const facts: FactReading[] = [];
  for (const { fact, source, optional } of declaration.facts) {
    if (source.in.startsWith('response-') !== (part === 'response')) continue;
    const found = findInHttp(parts, source);
    const where = describeSource(source);
    if (found.kind === 'body-unseen') return { kind: 'cannot-read', cause: 'body', why: found.why };
    if (found.kind === 'absent' && optional) continue;
    if (found.kind !== 'value') {
      const why = found.kind === 'absent' ? 'it is not there' : found.why;
      return { kind: 'lacking', id: declaration.id, fact, why: `${where}: ${why}` };
    }
    const read = reading(normalisers, fact, found.value, `${declaration.id}, ${where}`, message.at);
    if (read === null)
      return { kind: 'lacking', id: declaration.id, fact, why: `${where}: not of the fact's kind` };
    facts.push(read);
  }
  return matched(declaration.id, facts);
}

/** Values of the template's `:names`; null when the path is another. */
function matchPath(template: string, segments: readonly string[]): ReadonlyMap<string, string> | null {
  const wanted = template.slice(1).split('/');
  if (wanted.length !== segments.length) return null;
  const values = new Map<string, string>();
  for (const [i, want] of wanted.entries()) {
    const segment = segments[i] ?? '';
    if (want.startsWith(':')) {
      if (segment === '') return null;
      values.set(want.slice(1), segment);
    } else if (want !== segment) return null;
  }
  return values;
}

function undeclaredParameter(
  declaration: HttpRequestDeclaration,
  query: ReadonlyMap<string, readonly string[]>,
): string | null {
  for (const name of query.keys()) {
    const declared =
      declaration.query.includes(name) ||
      declaration.facts.some(({ source }) => source.in === 'query' && source.name === name);
    if (!declared) return name;
  }
  return null;
}

/** How a person reads where a fact stands. */
export function describeSource(source: HttpRequestDeclaration['facts'][number]['source']): string {
  switch (source.in) {
    case 'path':
      return `path :${source.name}`;
    case 'body':
      return `body ${source.pointer}`;
    case 'response-body':
      return `response ${source.pointer}`;
    case 'response-header':
      return `response header ${source.name}`;
    case 'result':
      return `result column ${source.column}`;
    case 'routing-key':
      return 'routing key';
    default:
      return `${source.in} ${source.name}`;
  }
}
