// Whether a request asks for another method or target than its request line. Enters: a declaration, a request; leaves: why not, or null.
import type { Header } from '../../events/common.ts';
import type { HttpRequest } from '../../events/http.ts';
import type { HttpRequestDeclaration } from '../document.ts';
import type { FactSource } from '../fact.ts';
import { readJson } from '../json-value.ts';
import { foldField, foldHeader } from '../names.ts';
import { bodyProblem, readType } from './body.ts';
import { headerValues } from './headers.ts';
import { readPairs } from './target.ts';

/** Headers that frameworks take as the method. */
const METHOD_HEADERS = ['x-http-method-override', 'x-http-method', 'x-method-override'];
/** Headers that frameworks and proxies take as the target (IIS rewriting, Symfony, Zend). */
const TARGET_HEADERS = ['x-original-url', 'x-rewrite-url'];
const OVERRIDING_HEADERS: ReadonlySet<string> = new Set([...METHOD_HEADERS, ...TARGET_HEADERS]);
/** Fields in which nothing but the head may speak (RFC 9110 section 6.5.1). */
const NO_TRAILERS = [
  'authorization',
  'connection',
  'content-encoding',
  'content-length',
  'content-type',
  'cookie',
  'host',
  'transfer-encoding',
];
/** A part of a multipart body that is called `_method`, however its name is quoted. */
const METHOD_PART = /name\*?\d*\*?\s*=\s*(?:[\w-]*'[\w-]*')?["']?_method/i;

export type Override =
  | { readonly kind: 'none' }
  | { readonly kind: 'other'; readonly why: string }
  | { readonly kind: 'unseen'; readonly why: string };

const NONE: Override = { kind: 'none' };

/**
 * Looks for whatever overrides the request line. A request that has it is another one than its request line says to some
 * services, unless the policy declares it by `.overriding(...)`, or reads the header or field as a fact.
 */
export function overrideOf(declaration: HttpRequestDeclaration, request: HttpRequest): Override {
  if (declaration.overriding === null && saysNothing(request)) return NONE;
  const other = (why: string): Override => ({ kind: 'other', why });
  const sources = declaration.facts.map(({ source }) => source);
  const trailer = request.trailers.find(({ name }) => NO_TRAILERS.includes(foldHeader(name)));
  if (trailer !== undefined) return other(`its trailers have ${trailer.name.slice(0, 40)}`);
  const fields = [...request.headers, ...request.trailers];
  const target = TARGET_HEADERS.find(
    (name) => !reads(sources, 'header', name) && valuesOf(fields, name).length > 0,
  );
  if (target !== undefined) return other(`its header ${target} names another target`);
  const methods = METHOD_HEADERS.filter((name) => !reads(sources, 'header', name)).flatMap((name) =>
    valuesOf(fields, name),
  );
  const body = methodsInBody(request, sources);
  if (body.kind === 'unseen') return body;
  methods.push(...body.methods);
  if (declaration.overriding === null) {
    const [first] = methods;
    return first === undefined ? NONE : other(`it asks for the method ${first.slice(0, 20)} instead`);
  }
  if (methods.length !== 1) return other('it has no override, or several, and one is declared');
  return methods[0]?.toUpperCase() === declaration.overriding
    ? NONE
    : other('it asks for another method than declared');
}

/** Nearly every request: no trailers, no body that could override, none of those headers. */
function saysNothing({ method, headers, trailers, body }: HttpRequest): boolean {
  if (trailers.length > 0 || (method === 'POST' && body.length > 0)) return false;
  for (const { name } of headers) if (OVERRIDING_HEADERS.has(foldHeader(name))) return false;
  return true;
}

function reads(sources: readonly FactSource[], kind: 'header' | 'form' | 'multipart', name: string): boolean {
  return sources.some((source) => source.in === kind && foldHeader(source.name) === foldHeader(name));
}

function readsMethod(sources: readonly FactSource[]): boolean {
  const inJson = sources.some((source) => source.in === 'body' && source.pointer === '/_method');
  return inJson || reads(sources, 'form', '_method') || reads(sources, 'multipart', '_method');
}

function valuesOf(headers: readonly Header[], name: string): string[] {
  return headers.filter((header) => foldHeader(header.name) === name).map(({ value }) => value);
}

/** Only POST is overridden from within its body (Rails, Laravel, Symfony, Express). */
function methodsInBody(
  request: HttpRequest,
  sources: readonly FactSource[],
): { readonly kind: 'seen'; readonly methods: readonly string[] } | (Override & { readonly kind: 'unseen' }) {
  const nothing = { kind: 'seen', methods: [] } as const;
  if (request.method !== 'POST' || request.body.length === 0 || readsMethod(sources)) return nothing;
  const types = headerValues(request.headers, 'content-type');
  const is = (wanted: string): boolean =>
    types.some((type) => (readType([type]).type ?? '').includes(wanted));
  if (!is('x-www-form-urlencoded') && !is('multipart/') && !is('json')) return nothing;
  const problem = bodyProblem(request.body);
  // A JSON body that cannot be read is no body that a fact could be read from, and large ones are common.
  if (problem?.kind === 'body-unseen') return is('json') ? nothing : { kind: 'unseen', why: problem.why };
  const methods: string[] = [];
  const text = Buffer.from(request.body.bytes).toString('latin1');
  if (is('x-www-form-urlencoded')) {
    for (const [name, values] of readPairs(text) ?? [])
      if (foldField(name) === '_method') methods.push(...values);
  }
  if (is('multipart/') && METHOD_PART.test(text)) methods.push('of a part');
  if (is('json')) methods.push(...methodsInJson(request.body.bytes, text));
  return { kind: 'seen', methods };
}

/** Lenient readers take a method out of what others do not read at all, such as an object with a key twice. */
function methodsInJson(bytes: Uint8Array, text: string): readonly string[] {
  const plain = text.replaceAll(/\\u([0-9a-f]{4})/gi, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
  if (!plain.includes('_method')) return [];
  const json = readJson(bytes);
  if (json.kind === 'unreadable') return ['of unclear JSON'];
  const { value } = json;
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, '_method')) return [];
  return [String((value as Record<string, unknown>)._method)];
}
