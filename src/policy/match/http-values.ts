// Where a fact stands in an HTTP message. Enters: a message, a source; leaves: what was found there.
import type { Body, Header } from '../../events/common.ts';
import type { FactSource } from '../fact.ts';
import { type JsonReading, readJson } from '../json-value.ts';
import { aliasOf, foldField, foldHeader, trimBlanks } from '../names.ts';
import { findToken } from '../tokens/place.ts';
import { bodyProblem, charsetProblem, jsonProblem, readType } from './body.ts';
import { findCookie } from './cookie.ts';
import { headerValues } from './headers.ts';
import { findInJson, type JsonPlace } from './json.ts';
import type { Found } from './match.ts';
import { type MultipartReading, readMultipart } from './multipart.ts';
import { findSetCookie } from './set-cookie.ts';
import { readPairs } from './target.ts';

/** What of a message is looked at; `json` and `multipart` remember the parsed body. */
export interface HttpParts {
  /** Null for a request. */
  readonly status: number | null;
  readonly headers: readonly Header[];
  readonly trailers: readonly Header[];
  readonly body: Body;
  readonly path: ReadonlyMap<string, string>;
  readonly query: ReadonlyMap<string, readonly string[]>;
  /** What is known of the tokens in it, at its time. */
  readonly claim: (token: string, name: string) => Found;
  json: JsonReading | null;
  multipart: MultipartReading | null;
}

const ABSENT: Found = { kind: 'absent' };

/** Finds the value of a fact. A value that stands there twice is unreadable: services pick either. */
export function findInHttp(parts: HttpParts, source: FactSource, all: boolean): Found {
  switch (source.in) {
    case 'path':
      return one(parts.path.has(source.name) ? [parts.path.get(source.name) ?? ''] : []);
    case 'query':
      return inQuery(parts, source.name);
    case 'header':
    case 'response-header':
      return inHeader(parts, source.name);
    case 'cookie':
      return findCookie(headerValues(parts.headers, 'cookie'), source.name);
    case 'claim': {
      const token = findToken(parts.headers, source.of);
      return token.kind === 'value' ? parts.claim(token.value, source.name) : token;
    }
    case 'body':
    case 'response-body':
      return inJson(parts, source, all);
    case 'form':
      return inForm(parts, source.name);
    case 'multipart':
      return inMultipart(parts, source.name);
    case 'response-cookie':
      return findSetCookie(headerValues(parts.headers, 'set-cookie'), source.name);
    case 'response-status':
      return one(parts.status === null ? [] : [String(parts.status)]);
    default:
      return ABSENT;
  }
}

function one(values: readonly string[]): Found {
  const [value] = values;
  if (value === undefined) return ABSENT;
  return values.length === 1
    ? { kind: 'value', value }
    : { kind: 'unreadable', why: 'it stands there more than once' };
}

/** The elements of a header such as Connection, lower case. */
function elements(headers: readonly Header[], name: string): string[] {
  return headerValues(headers, name).flatMap((value) => value.toLowerCase().split(',').map(trimBlanks));
}

/** A header may also be given, or taken away, by what stands elsewhere in the message. */
function inHeader({ headers, trailers }: HttpParts, name: string): Found {
  const folded = foldHeader(name);
  const alias = headers.some(
    (each) => foldHeader(each.name) === folded && each.name.toLowerCase() !== name.toLowerCase(),
  );
  if (alias) return { kind: 'unreadable', why: 'some readers take another header for it' };
  // RFC 9110 section 6.5.1: a reader may merge trailers into the headers.
  if (trailers.some((each) => foldHeader(each.name) === folded))
    return { kind: 'unreadable', why: 'it stands in the trailers as well' };
  // RFC 9110 section 7.6.1: a proxy removes what Connection names.
  if (elements(headers, 'connection').some((each) => foldHeader(each) === folded))
    return { kind: 'unreadable', why: 'Connection names it, so that a proxy removes it' };
  return one(headerValues(headers, name));
}

/** Frameworks that merge parameters let those of a form win over those of the query (Rails, PHP's $_REQUEST). */
function inQuery(parts: HttpParts, name: string): Found {
  const pairs = isForm(parts) ? readPairs(Buffer.from(parts.body.bytes).toString('latin1')) : null;
  const folded = foldField(name);
  if (pairs !== null && [...pairs.keys()].some((key) => foldField(key) === folded))
    return { kind: 'unreadable', why: 'a form in the body has it as well' };
  return one(parts.query.get(name) ?? []);
}

function isForm({ headers }: HttpParts): boolean {
  return readType(headerValues(headers, 'content-type')).type === 'application/x-www-form-urlencoded';
}

function inJson(parts: HttpParts, place: JsonPlace, all: boolean): Found {
  const wrong = jsonProblem(readType(headerValues(parts.headers, 'content-type')));
  if (wrong !== null) return { kind: 'unreadable', why: wrong };
  const problem = bodyProblem(parts.body);
  if (problem !== null) return problem;
  parts.json ??= readJson(parts.body.bytes);
  if (parts.json.kind === 'unreadable')
    return { kind: 'unreadable', why: `the body is not clean JSON: ${parts.json.why}` };
  return findInJson(parts.json.value, place, all);
}

function inForm(parts: HttpParts, name: string): Found {
  const media = readType(headerValues(parts.headers, 'content-type'));
  if (!isForm(parts))
    return { kind: 'unreadable', why: `the body is ${media.type ?? 'of no stated type'}, not a form` };
  const wrong = charsetProblem(media);
  if (wrong !== null) return { kind: 'unreadable', why: wrong };
  const problem = bodyProblem(parts.body);
  if (problem !== null) return problem;
  const pairs = readPairs(Buffer.from(parts.body.bytes).toString('latin1'));
  if (pairs === null) return { kind: 'unreadable', why: 'the form is broken' };
  if (aliasOf(pairs.keys(), name, foldField) !== null)
    return { kind: 'unreadable', why: 'some readers take another field for it' };
  return one(pairs.get(name) ?? []);
}

function inMultipart(parts: HttpParts, name: string): Found {
  const problem = bodyProblem(parts.body);
  if (problem !== null) return problem;
  parts.multipart ??= readMultipart(headerValues(parts.headers, 'content-type'), parts.body.bytes);
  if (parts.multipart.kind === 'unreadable') return parts.multipart;
  const { fields } = parts.multipart;
  const names = fields.map((field) => field.name);
  if (aliasOf(names, name, foldField) !== null)
    return { kind: 'unreadable', why: 'some readers take another part for it' };
  const found = fields.filter((field) => field.name === name);
  const [field] = found;
  if (field !== undefined && found.length === 1 && field.value === null)
    return { kind: 'unreadable', why: field.why };
  return one(found.map(({ value }) => value ?? ''));
}
