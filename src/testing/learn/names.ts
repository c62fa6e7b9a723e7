// Names as a person would choose them. Enters: places, requests; leaves: names of facts and of variables.
import type { Position } from './facts.ts';
import type { Kind } from './kind.ts';

/** The name that most places suggest, the earlier one of two; numbered when no suggestion is free. */
export function nameFor(positions: readonly Position[], free: (name: string) => boolean): string {
  const votes = new Map<string, number>();
  for (const position of positions) {
    const name = suggestion(position);
    if (name !== null) votes.set(name, (votes.get(name) ?? 0) + 1);
  }
  const ranked = [...votes].sort(([, a], [, b]) => b - a).map(([name]) => name);
  const first = ranked.find(free);
  if (first !== undefined) return first;
  const base = ranked[0] ?? 'value';
  let n = 2;
  while (!free(`${base}${n}`)) n++;
  return `${base}${n}`;
}

/** What the name of a place says about the value there; null for nothing. */
export function suggestion({ kind, spot }: Position): string | null {
  switch (spot.in) {
    case 'path': {
      const before = kind.what.kind === 'http' ? kind.what.segments[spot.segment - 2] : null;
      return before === null || before === undefined ? null : identifier(singular(before), kind);
    }
    case 'header':
    case 'response-header':
      return identifier(spot.name.replace(/^x-/, ''), kind);
    case 'body':
    case 'response':
      return identifier(spot.name.split('/').findLast((part) => !/^\d*$/.test(part)) ?? '', kind);
    default:
      return identifier(spot.name, kind);
  }
}

/** What a request is about: an id alone is the id of that. */
function resourceOf({ what }: Kind): string {
  switch (what.kind) {
    case 'http':
      return what.segments.findLast((segment) => segment !== null) ?? '';
    case 'sql':
      return what.statement.tables[0]?.name ?? '';
    case 'amqp':
      return 'message';
  }
}

function singular(word: string): string {
  if (/ies$/.test(word)) return `${word.slice(0, -3)}y`;
  if (/(?:ss|x|ch|sh)es$/.test(word)) return word.slice(0, -2);
  return /[^s]s$/.test(word) ? word.slice(0, -1) : word;
}

/** A word in camel case; null when nothing of it can stand in one. */
function identifier(text: string, kind: Kind): string | null {
  const words = text.split(SEPARATOR);
  const name = camel(text === 'id' ? [singular(resourceOf(kind)), 'id'] : words);
  return name === '' || /^\d/.test(name) ? null : name;
}

function camel(words: readonly string[]): string {
  return words
    .filter((word) => word !== '')
    .map(
      (word, i) =>
        (i === 0 ? word.slice(0, 1).toLowerCase() : word.slice(0, 1).toUpperCase()) + word.slice(1),
    )
    .join('');
}

/** A variable for a principal. */
export function principalVariable(name: string): string {
  return variable(name.split(SEPARATOR), 'somebody');
}

/** A variable for a request: what it does, to what. */
export function requestVariable({ what }: Kind): string {
  switch (what.kind) {
    case 'http': {
      const words = what.segments.filter((segment) => segment !== null);
      return variable(
        [what.method.toLowerCase(), ...words].flatMap((each) => each.split(SEPARATOR)),
        'ask',
      );
    }
    case 'sql': {
      const { verb, tables, setting } = what.statement;
      return variable([verb, ...(tables[0]?.name ?? setting ?? '').split(SEPARATOR)], 'ask');
    }
    case 'amqp':
      return variable(
        Object.values(what.action).flatMap((each) => each.split(SEPARATOR)),
        'ask',
      );
  }
}

/** Whatever the wire says: letters and digits. */
const SEPARATOR = /[^A-Za-z0-9]+/;

/** Characters of a variable. */
const LONGEST = 40;

function variable(words: readonly string[], otherwise: string): string {
  const name = camel(words).slice(0, LONGEST);
  return /^[A-Za-z]/.test(name) ? name : `${otherwise}${name}`;
}
