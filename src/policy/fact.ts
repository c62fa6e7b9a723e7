// A fact as a document says it: where it stands, and how it is made comparable. Enters: nothing; leaves: types and their names.

/** How values are made comparable before they are compared. One fact is compared in one way wherever it stands. */
export const NORMALISERS = ['text', 'decimal', 'integer', 'lower', 'uuid', 'instant', 'secret'] as const;

export type Normaliser = (typeof NORMALISERS)[number];

/** What is done at one place to make its value that of the other places. */
export interface Reshaping {
  /** White space around it means nothing. */
  readonly trim?: true;
  /** The number is multiplied by this power of ten: -2 makes cents of 350 the amount 3.5. */
  readonly scale?: number;
}

/** What a JSON value must be, where services would read another type otherwise. */
export const JSON_TYPES = ['string', 'number', 'boolean'] as const;

export type JsonType = (typeof JSON_TYPES)[number];

/** Where in a request a fact stands. */
export type FactSource =
  | { readonly in: 'path'; readonly name: string }
  | { readonly in: 'query'; readonly name: string }
  | { readonly in: 'header'; readonly name: string }
  | { readonly in: 'cookie'; readonly name: string }
  /** A JSON body, by RFC 6901 pointer. */
  | { readonly in: 'body'; readonly pointer: string; readonly type?: JsonType }
  /** An application/x-www-form-urlencoded body. */
  | { readonly in: 'form'; readonly name: string }
  /** A claim of a verified JSON Web Token: of the bearer token, or of the one at this place. */
  | { readonly in: 'claim'; readonly name: string; readonly of?: TokenPlace }
  /** A field of a multipart/form-data body (RFC 7578). */
  | { readonly in: 'multipart'; readonly name: string }
  /** A property of an AMQP message, by its name in amqp0-9-1.xml. */
  | { readonly in: 'property'; readonly name: PropertyName }
  | { readonly in: 'routing-key' }
  | { readonly in: 'exchange' }
  /** The rest stands in the answer: a JSON body, a header, a cookie (Set-Cookie, RFC 6265), the status code. */
  | { readonly in: 'response-body'; readonly pointer: string; readonly type?: JsonType }
  | { readonly in: 'response-header'; readonly name: string }
  | { readonly in: 'response-cookie'; readonly name: string }
  | { readonly in: 'response-status' }
  /** A column of a result row: of the first one, of the one at this position (from 0), or of the only one there is. */
  | { readonly in: 'result'; readonly column: string; readonly row?: number | 'only' }
  /** How many rows a statement changed, as the server says. */
  | { readonly in: 'affected' };

/** Where a token stands that is no bearer token of `Authorization` (RFC 6750). */
export interface TokenPlace {
  readonly in: 'cookie' | 'header';
  readonly name: string;
}

/** The properties of class basic that say something of a message; headers are a source of their own. */
export const PROPERTY_NAMES = [
  'message-id',
  'correlation-id',
  'reply-to',
  'type',
  'user-id',
  'app-id',
  'content-type',
  'content-encoding',
  'delivery-mode',
  'priority',
  'expiration',
  'timestamp',
  'cluster-id',
] as const;

export type PropertyName = (typeof PROPERTY_NAMES)[number];

export interface FactDeclaration extends Reshaping {
  readonly fact: string;
  readonly source: FactSource;
  readonly as: Normaliser;
  /** All values that stand there: a pointer may have `*` for every element of a list, a column is read in every row. */
  readonly all?: true;
  /** A request without the value is not explained, unless this is true. */
  readonly optional: boolean;
}
