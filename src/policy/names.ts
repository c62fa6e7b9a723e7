// Names that some readers take for one and the same. Enters: names; leaves: their folded forms, and which is an alias.

/** Without case, compatibility forms and lone surrogates, up to a NUL: as the laxest JSON and form readers compare keys. */
export function foldText(name: string): string {
  const [head = ''] = name.split('\0', 1);
  return head
    .replaceAll(/\p{Cs}/gu, '')
    .normalize('NFKC')
    .toLowerCase();
}

/** A form field or cookie: `user[]`, `user[0]` and `user.x` are fields of `user` or `user_x` to some (PHP, Rails, qs). */
export function foldField(name: string): string {
  const folded = foldText(name).trim();
  const bracket = folded.indexOf('[');
  return (bracket > 0 ? folded.slice(0, bracket) : folded).replaceAll(/[ .]/g, '_');
}

/** A header: CGI and its heirs make `X-User` and `X_User` one variable (RFC 3875 section 4.1.18). */
export function foldHeader(name: string): string {
  return name.toLowerCase().replaceAll('_', '-');
}

/** Without spaces and tabs at its ends; other white space is no blank to HTTP, whatever a language's own `trim` takes. */
export function trimBlanks(text: string): string {
  return text.replace(/^[ \t]+/, '').replace(/(?<![ \t])[ \t]+$/, '');
}

/** A name that is not the wanted one, but that folds to it; null when there is none. */
export function aliasOf(
  names: Iterable<string>,
  wanted: string,
  fold: (name: string) => string,
): string | null {
  const folded = fold(wanted);
  for (const name of names) if (name !== wanted && fold(name) === folded) return name;
  return null;
}
