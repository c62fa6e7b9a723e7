// Character sets by how sure their text is. Enters: collation numbers and names; leaves: a class.

/**
 * `utf8`: text is read as UTF-8, as the server does (also ASCII, and binary, where bytes stay bytes).
 * `single`: one byte a character; ASCII is ASCII, the rest is not UTF-8.
 * `other`: a byte below 0x80 may be half of a character, so a backslash or quote may be none; also where it is not known.
 */
export type CharsetClass = 'utf8' | 'single' | 'other';

const SINGLE = new Set(
  'latin1 latin2 latin5 latin7 cp850 cp852 cp866 cp1250 cp1251 cp1256 cp1257 dec8 hp8 koi8r koi8u greek hebrew tis620 armscii8 geostd8 keybcs2 macce macroman'.split(
    ' ',
  ),
);
/** Collations of latin1; others of single bytes are rare and fall under `other`, which is stricter. */
const LATIN1 = new Set([5, 8, 15, 31, 47, 48, 49, 94]);

/** By name, as in `SET NAMES`. */
export function charsetByName(name: string): CharsetClass {
  const plain = name.slice(0, 64).toLowerCase();
  if (/^utf8(?:mb[34])?$/.test(plain) || plain === 'binary' || plain === 'ascii') return 'utf8';
  return SINGLE.has(plain) ? 'single' : 'other';
}

/** By collation number, as in a login: the ranges that utf8mb3 and utf8mb4 have in MySQL and MariaDB. */
export function charsetByCollation(collation: number): CharsetClass {
  const utf8 =
    [11, 33, 45, 46, 63, 65, 76, 83].includes(collation) ||
    (collation >= 192 && collation <= 215) ||
    collation === 223 ||
    (collation >= 224 && collation <= 247) ||
    (collation >= 255 && collation <= 323) ||
    (collation >= 576 && collation <= 615) ||
    (collation >= 2048 && collation <= 2559);
  if (utf8) return 'utf8';
  return LATIN1.has(collation) ? 'single' : 'other';
}
