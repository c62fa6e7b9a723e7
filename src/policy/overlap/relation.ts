// How the requests of two declarations lie to each other. Enters: which covers which; leaves: types.

export interface Overlap {
  /** A request that both would match, for a person. */
  readonly example: string;
  /** `first` covers the second: all that the second matches, the first matches too. */
  readonly relation: 'same' | 'first' | 'second' | 'crossing';
}

export function relationOf(firstCovers: boolean, secondCovers: boolean): Overlap['relation'] {
  if (firstCovers) return secondCovers ? 'same' : 'first';
  return secondCovers ? 'second' : 'crossing';
}
