// Where in a request a token stands. Enters: headers, a place; leaves: the token, or why there is none.
import type { Header } from '../../events/common.ts';
import type { TokenPlace } from '../fact.ts';
import { findCookie } from '../match/cookie.ts';
import { headerValues } from '../match/headers.ts';
import type { Found } from '../match/match.ts';

/** RFC 6750 section 2.1; the scheme is compared without case (RFC 9110 section 11.1). */
const BEARER = /^bearer +([\w\-.~+/]+=*)$/i;

/** Without a place: the bearer token of `Authorization`. What stands there twice is unclear. */
export function findToken(headers: readonly Header[], place: TokenPlace | undefined): Found {
  if (place?.in === 'cookie') return findCookie(headerValues(headers, 'cookie'), place.name);
  const values = headerValues(headers, place?.name ?? 'authorization');
  const [value] = values;
  if (value === undefined) return { kind: 'absent' };
  if (values.length > 1) return { kind: 'unreadable', why: 'its token stands there more than once' };
  if (place !== undefined) return { kind: 'value', value };
  const token = BEARER.exec(value)?.[1];
  return token === undefined
    ? { kind: 'unreadable', why: 'its authorization is no bearer token' }
    : { kind: 'value', value: token };
}
