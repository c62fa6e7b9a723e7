// Which declared HTTP request an HTTP request is. Enters: declarations between two services, a request; leaves: a match.
import type { HttpRequest, HttpResponse } from '../../events/http.ts';
import type { HttpRequestDeclaration } from '../document.ts';
import type { FactDeclaration } from '../fact.ts';
import { isAnswered } from '../source.ts';
import { findClaim } from '../tokens/reading.ts';
import { findInHttp, type HttpParts } from './http-values.ts';
import { type Found, type Match, type Normalisers, readFacts } from './match.ts';
import { overrideOf } from './override.ts';
import { readTarget } from './target.ts';

/** Matches a request against what its source may ask of its destination. */
export function matchHttp(
  declarations: readonly HttpRequestDeclaration[],
  normalisers: Normalisers,
  request: HttpRequest,
  claim: HttpParts['claim'] = unverified,
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
    const override = overrideOf(declaration, request);
    if (override.kind === 'unseen') return { kind: 'cannot-read', cause: 'body', why: override.why };
    if (override.kind === 'other') {
      why = override.why;
      continue;
    }
    if (hasStrayBody(declaration, request)) {
      why = `a ${request.method} with a body, of which no fact is declared`;
      continue;
    }
    const parts = {
      status: null,
      headers: request.headers,
      trailers: request.trailers,
      body: request.body,
      path,
      query: target.query,
      claim,
      json: null,
      multipart: null,
    };
    return factsIn(declaration, normalisers, parts, request);
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
    status: response.status,
    headers: response.headers,
    trailers: response.trailers,
    body: response.body,
    path: new Map(),
    query: new Map(),
    claim: unverified,
    json: null,
    multipart: null,
  };
  return factsIn(declaration, normalisers, parts, response);
}

/** For whoever verifies no tokens. */
const unverified = (): Found => findClaim(null, '', 0, 0);

function factsIn(
  declaration: HttpRequestDeclaration,
  normalisers: Normalisers,
  parts: HttpParts,
  message: HttpRequest | HttpResponse,
): Match {
  const facts = factsFrom(declaration)[message.kind];
  return readFacts(declaration.id, facts, normalisers, message.at, (source, all) =>
    findInHttp(parts, source, all),
  );
}

type FactsFrom = { readonly [kind in 'http-request' | 'http-response']: readonly FactDeclaration[] };

const FACTS = new WeakMap<HttpRequestDeclaration, FactsFrom>();

/** The facts of a declaration by the message that they are taken from. */
function factsFrom(declaration: HttpRequestDeclaration): FactsFrom {
  const known = FACTS.get(declaration);
  if (known !== undefined) return known;
  const made = {
    'http-request': declaration.facts.filter(({ source }) => !isAnswered(source)),
    'http-response': declaration.facts.filter(({ source }) => isAnswered(source)),
  };
  FACTS.set(declaration, made);
  return made;
}

/** Values of the template's `:names`; null when the path is another. */
export function matchPath(template: string, segments: readonly string[]): ReadonlyMap<string, string> | null {
  const wanted = partsOf(template);
  if (wanted.length !== segments.length) return null;
  for (let i = 0; i < wanted.length; i++) {
    const { name, text } = wanted[i] ?? NO_PART;
    if (name === null ? text !== segments[i] : segments[i] === '') return null;
  }
  const values = new Map<string, string>();
  for (let i = 0; i < wanted.length; i++) {
    const { name } = wanted[i] ?? NO_PART;
    if (name !== null) values.set(name, segments[i] ?? '');
  }
  return values;
}

/** A segment of a template: the name of a value, or a text that stands there as it is. */
interface PathPart {
  readonly name: string | null;
  readonly text: string;
}

const NO_PART: PathPart = { name: null, text: '' };

/** Templates are those of policies, so there are few. */
const TEMPLATES = new Map<string, readonly PathPart[]>();

function partsOf(template: string): readonly PathPart[] {
  const known = TEMPLATES.get(template);
  if (known !== undefined) return known;
  const parts = template
    .slice(1)
    .split('/')
    .map((text) => ({ name: text.startsWith(':') ? text.slice(1) : null, text }));
  TEMPLATES.set(template, parts);
  return parts;
}

/** Content of a GET or HEAD has no meaning (RFC 9110 section 9.3.1): some servers read parameters in it, others the next request. */
function hasStrayBody({ facts }: HttpRequestDeclaration, { method, body }: HttpRequest): boolean {
  if ((method !== 'GET' && method !== 'HEAD') || body.length === 0) return false;
  return !facts.some(
    ({ source }) => source.in === 'body' || source.in === 'form' || source.in === 'multipart',
  );
}

export function undeclaredParameter(
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
