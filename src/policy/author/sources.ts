// The words for where a fact stands and what a value must be. Enters: names; leaves: pieces of declarations.
import type { SqlOperand } from '../document.ts';
import type { FactDeclaration, FactSource, JsonType, Normaliser, PropertyName, Reshaping } from '../fact.ts';
import { callSite, invalid } from './context.ts';

/** Where a fact is read from, with how it is made comparable. */
export interface Source extends Reshaping {
  readonly kind: 'source';
  readonly source: FactSource;
  readonly as: Normaliser;
  readonly optional: boolean;
  readonly all?: true;
}

function source(from: FactSource): Source {
  return { kind: 'source', source: from, as: 'text', optional: false };
}

/** A query parameter of the request target. */
export const query = (name: string): Source => source({ in: 'query', name });
/** A header: of an HTTP request, or of an AMQP message. */
export const header = (name: string): Source => source({ in: 'header', name });
/** A cookie of an HTTP request (RFC 6265). */
export const cookie = (name: string): Source => source({ in: 'cookie', name });
/** What a JSON value must be; without it, `"1"` and `1` are one value, as `/users/1` is of both. */
export interface JsonOptions {
  readonly type?: JsonType;
}

/**
 * A claim of a JSON Web Token, by its name, or by a JSON pointer into the claims: of the bearer token in `Authorization`, or
 * of the token in a cookie or header. It is verified by what `settings({ tokens })` says.
 * @throws InputError for a place where no token can stand
 */
export const claim = (name: string, { of }: { readonly of?: Source } = {}): Source => {
  if (of === undefined) return source({ in: 'claim', name });
  const place = of.source;
  if (place.in === 'cookie' || place.in === 'header')
    return source({ in: 'claim', name, of: { in: place.in, name: place.name } });
  throw invalid(callSite(), 'a token stands in a cookie or a header', 'write cookie("...") or header("...")');
};

/** A value in a JSON body, by JSON pointer (RFC 6901). */
export const body = (pointer: string, options: JsonOptions = {}): Source =>
  source({ in: 'body', pointer, ...options });
/** A field of a body of type application/x-www-form-urlencoded. */
export const form = (name: string): Source => source({ in: 'form', name });
/** A field of a body of type multipart/form-data (RFC 7578); a file is none. */
export const multipart = (name: string): Source => source({ in: 'multipart', name });
/** The routing key of an AMQP message. */
export const routingKey = (): Source => source({ in: 'routing-key' });
/** The exchange of an AMQP message. */
export const exchange = (): Source => source({ in: 'exchange' });
/** A property of an AMQP message. */
export const property = (name: PropertyName): Source => source({ in: 'property', name });
/** A value in the JSON body of the response. */
export const response = (pointer: string, options: JsonOptions = {}): Source =>
  source({ in: 'response-body', pointer, ...options });
/** A header of the response. */
export const responseHeader = (name: string): Source => source({ in: 'response-header', name });
/** A cookie that the response sets (Set-Cookie, RFC 6265). */
export const responseCookie = (name: string): Source => source({ in: 'response-cookie', name });
/** The status code of the response. Only what is answered with success is read. */
export const responseStatus = (): Source => integer(source({ in: 'response-status' }));
/**
 * A column of a row that a statement returns, also by RETURNING: of the first row, of the one at `row` (from 0), or of
 * the only one, where several rows make it unclear.
 */
export const result = (column: string, { row }: { readonly row?: number | 'only' } = {}): Source =>
  source({ in: 'result', column, ...(row === undefined ? {} : { row }) });
/** How many rows a statement changed. MySQL does not count rows that were already as they should be. */
export const affected = (): Source => integer(source({ in: 'affected' }));

/** Compares as a decimal number: `3.5`, `3.50` and `+3.500` are one. */
export const decimal = (from: Source): Source => ({ ...from, as: 'decimal' });
/** Compares as an integer: `7` and `007` are one. */
export const integer = (from: Source): Source => ({ ...from, as: 'integer' });
/** Compares without regard to case. */
export const lowerCase = (from: Source): Source => ({ ...from, as: 'lower' });
/** Compares as a UUID (RFC 9562): without regard to case, braces, `urn:uuid:` or missing hyphens. */
export const uuid = (from: Source): Source => ({ ...from, as: 'uuid' });
/** Compares as a moment (RFC 3339), whatever its offset; a time without offset is none. */
export const instant = (from: Source): Source => ({ ...from, as: 'instant' });
/** Compares by a digest, so that a token or cookie is shown nowhere: not in verdicts, facts, or the journal. */
export const secret = (from: Source): Source => ({ ...from, as: 'secret' });
/** White space around the value means nothing, at this place. */
export const trimmed = (from: Source): Source => ({ ...from, trim: true });
/** The number at this place times a power of ten is the fact: `scaled(source, -2)` of 350 is 3.5. */
export const scaled = (from: Source, exponent: number): Source => ({
  ...from,
  as: 'decimal',
  scale: exponent,
});
/** An amount that is written in hundredths at this place: 350 is 3.5. */
export const cents = (from: Source): Source => scaled(from, -2);
/** All values of a place, in any order: of a body whose pointer has a star for every element of a list, or of a column in every row. */
export const all = (from: Source): Source => ({ ...from, all: true });
/** A request may come without this value. */
export const maybe = (from: Source): Source => ({ ...from, optional: true });

/** Turns what an author wrote in `.facts({...})` into declarations. */
export function factDeclarations(facts: Readonly<Record<string, Source>>): FactDeclaration[] {
  return Object.entries(facts).map(([fact, { kind: _, ...from }]) => ({ fact, ...from }));
}

/** What a value in SQL must be, as an author writes it: a literal, or one of the words below. */
export type Operand = string | number | boolean | null | SqlOperand;

/** The value that the chain has settled for this fact. `scale` is as in `scaled`. */
export const fact = (name: string, options: { readonly scale?: number } = {}): SqlOperand => ({
  kind: 'fact',
  fact: name,
  ...options,
});
/** Any value. */
export const any = (): SqlOperand => ({ kind: 'any' });
/** The column's own value and this much more. */
export const increasedBy = (by: Operand): SqlOperand => ({ kind: 'increase', by: operand(by) });
/** The column's own value and this much less. */
export const decreasedBy = (by: Operand): SqlOperand => ({ kind: 'decrease', by: operand(by) });

/** A literal becomes an operand; an operand stays. */
export function operand(value: Operand): SqlOperand {
  return typeof value === 'object' && value !== null ? value : { kind: 'literal', value };
}
