// Where a fact stands in an HTTP message. Enters: a message, a source; leaves: what was found there.
import type { Body, Header } from '../../events/common.ts';
import type { FactSource } from '../fact.ts';
import { type JsonReading, readJson } from '../json-value.ts';
import { findToken } from '../tokens/place.ts';
import { cookieValues, headerValues } from './headers.ts';
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
      return one(parts.query.get(source.name) ?? []);
    case 'header':
    case 'response-header':
      return one(headerValues(parts.headers, source.name));
    case 'cookie':
      return one(cookieValues(parts.headers, source.name));
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

/** Why a body cannot be looked into; null when it can. */
export function bodyProblem(body: Body): Found | null {
  switch (body.state) {
    case 'complete':
      return null;
    case 'truncated':
      return { kind: 'body-unseen', why: 'the body is longer than the body limit' };
    case 'undecodable':
      return { kind: 'body-unseen', why: 'the content coding of the body cannot be decoded' };
    case 'lost':
      return { kind: 'body-unseen', why: 'bytes of the body are missing' };
  }
}

function inJson(parts: HttpParts, place: JsonPlace, all: boolean): Found {
  const type = contentType(parts.headers);
  if (type === null || !(type === 'application/json' || type.endsWith('+json'))) {
    return { kind: 'unreadable', why: `the body is ${type ?? 'of no stated type'}, not JSON` };
  }
  const problem = bodyProblem(parts.body);
  if (problem !== null) return problem;
  parts.json ??= readJson(parts.body.bytes);
  if (parts.json.kind === 'unreadable')
    return { kind: 'unreadable', why: `the body is not clean JSON: ${parts.json.why}` };
  return findInJson(parts.json.value, place, all);
}

function inForm(parts: HttpParts, name: string): Found {
  const type = contentType(parts.headers);
  if (type !== 'application/x-www-form-urlencoded') {
    return { kind: 'unreadable', why: `the body is ${type ?? 'of no stated type'}, not a form` };
  }
  const problem = bodyProblem(parts.body);
  if (problem !== null) return problem;
  const pairs = readPairs(Buffer.from(parts.body.bytes).toString('latin1'));
  return pairs === null ? { kind: 'unreadable', why: 'the form is broken' } : one(pairs.get(name) ?? []);
}

function inMultipart(parts: HttpParts, name: string): Found {
  const problem = bodyProblem(parts.body);
  if (problem !== null) return problem;
  parts.multipart ??= readMultipart(headerValues(parts.headers, 'content-type'), parts.body.bytes);
  if (parts.multipart.kind === 'unreadable') return parts.multipart;
  const fields = parts.multipart.fields.filter((field) => field.name === name);
  const [field] = fields;
  if (field !== undefined && fields.length === 1 && field.value === null)
    return { kind: 'unreadable', why: field.why };
  return one(fields.map(({ value }) => value ?? ''));
}

/** The media type without parameters, in lower case; null when absent or stated twice. */
function contentType(headers: readonly Header[]): string | null {
  const values = headerValues(headers, 'content-type');
  return values.length === 1 ? (values[0]?.split(';')[0]?.trim().toLowerCase() ?? null) : null;
}
