// All values of a place as one text. Enters: values; leaves: the text under which equal lists are equal, and the values again.

/** Values of one place; more are unclear. */
export const MOST_VALUES = 256;
/** Characters of all of them together. */
const LONGEST = 4096;

/** In one order, whatever the order in which they stood, and each as often as it stood there; null when they are too many. */
export function joinValues(values: readonly string[]): string | null {
  if (values.length > MOST_VALUES) return null;
  const text = JSON.stringify([...values].sort());
  return text.length > LONGEST ? null : text;
}

/** The values that `joinValues` joined. */
export function splitValues(text: string): readonly string[] {
  return JSON.parse(text) as string[];
}
