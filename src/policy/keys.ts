// Reads the explicit keys by which a request claims its chain. Enters: a request; leaves: key names and values.
import type { AmqpEvent } from '../events/amqp.ts';
import type { HttpRequest } from '../events/http.ts';
import type { KeyDeclaration } from './document.ts';
import { PROPERTY_NAMES } from './fact.ts';
import { propertyOf } from './match/amqp.ts';
import { headerValues } from './match/headers.ts';

/** Longest key that is remembered. */
const LONGEST = 256;

/** W3C Trace Context section 3.2: version, trace id, parent id, flags. */
const TRACEPARENT = /^[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}(?:-.*)?$/;

/** The keys of a request. One that stands there twice, or is malformed, is none: it is a claim, and names nothing. */
export function keysOf(
  declarations: readonly KeyDeclaration[],
  event: HttpRequest | AmqpEvent,
): ReadonlyMap<string, string> {
  const keys = new Map<string, string>();
  for (const declaration of declarations) {
    const value = event.kind === 'http-request' ? inHttp(declaration, event) : inAmqp(declaration, event);
    const key = value === null ? null : partOf(declaration, value);
    if (key !== null && !keys.has(declaration.key)) keys.set(declaration.key, key);
  }
  return keys;
}

function inHttp(declaration: KeyDeclaration, event: HttpRequest): string | null {
  if (declaration.in !== 'http-header') return null;
  const values = headerValues(event.headers, declaration.name);
  return values.length === 1 ? (values[0] ?? null) : null;
}

function inAmqp(declaration: KeyDeclaration, event: AmqpEvent): string | null {
  const properties = event.content?.properties;
  if (properties === undefined) return null;
  if (declaration.in === 'amqp-header') {
    const value = properties.headers?.get(declaration.name);
    return typeof value === 'string' ? value : null;
  }
  if (declaration.in !== 'amqp-property') return null;
  const name = PROPERTY_NAMES.find((each) => each === declaration.name);
  const value = name === undefined ? null : propertyOf(properties, name);
  return value === null ? null : String(value);
}

function partOf(declaration: KeyDeclaration, value: string): string | null {
  if (value === '' || value.length > LONGEST) return null;
  if (declaration.part === 'all') return value;
  return TRACEPARENT.exec(value.toLowerCase())?.[1] ?? null;
}
