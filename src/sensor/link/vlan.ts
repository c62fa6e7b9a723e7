// A stack of VLAN tags as one number. Enters: tags; leaves: an exact key for flow tables, and the tags again.

/** More tags than this do not fit an exact number; such frames are ignored as `link-header`. */
export const MOST_TAGS = 4;
const RADIX = 4097;

/** Puts a tag (0..4095) further inside. */
export function pushVlan(key: number, tag: number): number {
  return key * RADIX + tag + 1;
}

/** The tags from the outermost inwards. */
export function vlanTags(key: number): readonly number[] {
  const tags: number[] = [];
  for (let rest = key; rest > 0; rest = Math.floor(rest / RADIX)) tags.unshift((rest % RADIX) - 1);
  return tags;
}
