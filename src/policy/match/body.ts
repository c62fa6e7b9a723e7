// What a body is said to be. Enters: content types, a body; leaves: its media type, or why it cannot be looked into.
import type { Body } from '../../events/common.ts';
import { trimBlanks } from '../names.ts';
import type { Found } from './match.ts';

/** A media type in lower case with its charset; null parts where nothing is said. */
export interface MediaType {
  /** Null when absent or stated twice. */
  readonly type: string | null;
  readonly charset: string | null;
}

/** Reads the values of Content-Type (RFC 9110 section 8.3). */
export function readType(values: readonly string[]): MediaType {
  const [value] = values;
  if (value === undefined || values.length > 1) return { type: null, charset: null };
  const [type = '', ...parameters] = value.split(';').map((part) => trimBlanks(part).toLowerCase());
  const charsets = parameters
    .filter((parameter) => /^charset\b/.test(parameter))
    .map((parameter) => parameter.replace(/^charset\s*=?\s*/, '').replaceAll('"', ''));
  return { type, charset: charsets.length === 0 ? null : charsets.join(', ') };
}

/** Why a body of this type is no JSON in UTF-8 to every reader; null when it is. */
export function jsonProblem(media: MediaType): string | null {
  const { type } = media;
  if (type === null || !(type === 'application/json' || type.endsWith('+json')))
    return `the body is ${type ?? 'of no stated type'}, not JSON`;
  return charsetProblem(media);
}

/** Another charset makes other characters of the same bytes (UTF-7 even of ASCII). */
export function charsetProblem({ charset }: MediaType): string | null {
  return charset === null || charset === 'utf-8' || charset === 'utf8' || charset === 'us-ascii'
    ? null
    : `its charset is ${charset.slice(0, 40)}`;
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
