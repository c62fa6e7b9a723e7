// Verifies the tokens of requests before the engine judges them. Enters: events, in order; leaves: a look-up of what is verified.
// The engine is synchronous and signatures are not, so each token is verified here, once; a token that was seen before, and
// an event without one, wait for nothing.
import { createHash } from 'node:crypto';
import type { Event } from '../../events/event.ts';
import type { PolicyDocument } from '../document.ts';
import type { TokenPlace } from '../fact.ts';
import { findToken } from './place.ts';
import { NO_TOKENS, type TokenLookup, type TokenReading } from './reading.ts';
import { verifierOf } from './verify.ts';

/** The one that was not seen for longest is verified anew. */
const MOST_TOKENS = 50_000;

/** The tokens of several applications, each verified by the keys of its own policy. */
export class Tokens {
  #books: ReadonlyMap<string, TokenBook>;
  readonly #most: number;

  /** @param most tokens remembered for each application */
  constructor(policies: readonly PolicyDocument[], most = MOST_TOKENS) {
    this.#most = most;
    this.#books = booksOf(policies, new Map(), most);
  }

  /** The same for other policies. What is known under the same settings stays known. */
  under(policies: readonly PolicyDocument[]): Tokens {
    const next = new Tokens([], this.#most);
    next.#books = booksOf(policies, this.#books, this.#most);
    return next;
  }

  /** Goes on as these. */
  become(next: Tokens): void {
    this.#books = next.#books;
  }

  /** Null when nothing has to be waited for; else the event may be judged when the promise is done. It never fails. */
  admit(event: Event): Promise<unknown> | null {
    if (event.kind !== 'http-request' || this.#books.size === 0) return null;
    const unseen = [...this.#books.values()].flatMap((book) => book.unseen(event));
    return unseen.length === 0 ? null : Promise.all(unseen);
  }

  /** What is known of the tokens of an application. */
  lookup(application: string): TokenLookup {
    return this.#books.get(application)?.lookup ?? NO_TOKENS;
  }
}

/** A book for each policy that reads claims: the one before it, where the policy says the same of tokens. */
function booksOf(
  policies: readonly PolicyDocument[],
  before: ReadonlyMap<string, TokenBook>,
  most: number,
): ReadonlyMap<string, TokenBook> {
  return new Map(
    policies.flatMap((policy) => {
      const book = TokenBook.of(policy, most);
      if (book === null) return [];
      const known = before.get(policy.application);
      return [[policy.application, known?.settings === book.settings ? known : book]];
    }),
  );
}

type HttpRequest = Extract<Event, { kind: 'http-request' }>;

class TokenBook {
  /** By digest: tokens themselves are not kept. */
  readonly #known = new Map<string, TokenReading>();
  readonly #places: readonly (TokenPlace | undefined)[];
  readonly #verify: (token: string) => Promise<TokenReading>;
  readonly #most: number;
  readonly lookup: TokenLookup = (token) => this.#known.get(nameOf(token)) ?? null;

  /** All that it goes by, as a text to compare. */
  readonly settings: string;

  constructor(
    settings: string,
    places: readonly (TokenPlace | undefined)[],
    verify: (token: string) => Promise<TokenReading>,
    most: number,
  ) {
    this.settings = settings;
    this.#most = most;
    this.#places = places;
    this.#verify = verify;
  }

  /** Null for a policy that reads no claims. */
  static of({ tokens, requests }: PolicyDocument, most: number): TokenBook | null {
    const sources = requests.flatMap(({ facts }) =>
      facts.flatMap(({ source }) => (source.in === 'claim' ? [source] : [])),
    );
    if (tokens === undefined || sources.length === 0) return null;
    const places = new Map(sources.map(({ of }) => [JSON.stringify(of ?? null), of]));
    const claims = [...new Set(sources.map(({ name }) => name))];
    const settings = JSON.stringify([tokens, [...places.keys()].sort(), claims.sort()]);
    return new TokenBook(settings, [...places.values()], verifierOf(tokens, claims), most);
  }

  unseen(event: HttpRequest): readonly Promise<void>[] {
    return this.#places.flatMap((place) => {
      const found = findToken(event.headers, place);
      if (found.kind !== 'value') return [];
      const name = nameOf(found.value);
      const known = this.#known.get(name);
      if (known === undefined)
        return [this.#verify(found.value).then((reading) => this.#keep(name, reading))];
      this.#keep(name, known);
      return [];
    });
  }

  /** The newest stand last. */
  #keep(name: string, reading: TokenReading): void {
    this.#known.delete(name);
    this.#known.set(name, reading);
    if (this.#known.size <= this.#most) return;
    const oldest = this.#known.keys().next();
    if (oldest.done !== true) this.#known.delete(oldest.value);
  }
}

function nameOf(token: string): string {
  return createHash('sha256').update(token).digest('base64');
}
