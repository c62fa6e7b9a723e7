// The word for what is remembered beyond a chain. Enters: a name, the key, what is kept; leaves: a handle for requests.
import { callSite, collector, invalid } from './context.ts';
import { microseconds } from './duration.ts';

/** What requests remember and recall by one fact. */
export interface Memory {
  readonly kind: 'memory';
  readonly name: string;
}

export interface MemoryOptions {
  /** The fact by which it is recalled, such as the digest of a session's cookie. */
  readonly by: string;
  /** The facts that are recalled. */
  readonly keeps: readonly string[];
  /** For how long, from when it was learned, such as `8h`. */
  readonly for: string;
  /** How many at once; the oldest is given up when there are more. */
  readonly most?: number;
}

const MOST = 1_000_000;

/** Facts that one user request learns and later ones recall. @throws InputError for a name that is taken */
export function memory(name: string, { by, keeps, for: lifetime, most = MOST }: MemoryOptions): Memory {
  const place = callSite();
  const { memories } = collector();
  if (memories.some((other) => other.name === name))
    throw invalid(place, `two memories are called "${name}"`, 'give each a name of its own');
  memories.push({ name, by, keeps, lifetime: microseconds(lifetime), most, place });
  return { kind: 'memory', name };
}
