// The first words of each statement of a SQL text. Enters: text; leaves: tokens, enough to see what changes a session.
import type { SqlDialect } from '../../events/sql.ts';

export interface HeadToken {
  /** `word` is folded to lower case; `quoted` is an identifier and `string` a literal, both without their quotes. */
  readonly kind: 'word' | 'quoted' | 'string' | 'sign';
  readonly text: string;
  /** As written. */
  readonly raw: string;
}

export interface StatementHeads {
  readonly heads: readonly (readonly HeadToken[])[];
  /** False when there are more statements than are looked at, or a quote or comment that does not end. */
  readonly whole: boolean;
}

const MOST_TOKENS = 64;
const MOST_STATEMENTS = 256;
/** Characters of a token that are kept; no name is longer. */
const LONGEST_TOKEN = 256;

/** Splits at semicolons outside of quotes and comments; linear in the text. It judges nothing: that is the reader's task. */
export function statementHeads(text: string, dialect: SqlDialect): StatementHeads {
  const heads: HeadToken[][] = [];
  let head: HeadToken[] = [];
  let at = 0;
  while (at < text.length) {
    const char = text.charAt(at);
    if (char === ';') {
      if (head.length > 0) heads.push(head);
      if (heads.length > MOST_STATEMENTS) return { heads, whole: false };
      head = [];
      at += 1;
      continue;
    }
    const comment = commentEnd(text, at, dialect);
    if (comment !== null) {
      if (comment < 0) return { heads: [...heads, head], whole: false };
      at = comment;
      continue;
    }
    const { end, token } = readToken(text, at, dialect);
    if (end < 0) return { heads: [...heads, head], whole: false };
    if (token !== null && head.length < MOST_TOKENS) head.push(token);
    at = end;
  }
  if (head.length > 0) heads.push(head);
  return { heads, whole: true };
}

/** Where a comment that begins at `at` ends; -1 when it never does; null when none begins. */
function commentEnd(text: string, at: number, dialect: SqlDialect): number | null {
  const two = text.slice(at, at + 2);
  if (two === '--' && (dialect === 'postgres' || isSpaceOrEnd(text, at + 2))) return lineEnd(text, at);
  if (dialect === 'mysql') {
    if (two[0] === '#') return lineEnd(text, at);
    // Executable comments: what they hold is part of the statement.
    const executable = /^\/\*M?!\d{0,6}/.exec(text.slice(at, at + 10));
    if (executable !== null) return at + executable[0].length;
    if (two === '*/') return at + 2;
  }
  if (two !== '/*') return null;
  if (dialect === 'mysql') {
    const end = text.indexOf('*/', at + 2);
    return end < 0 ? -1 : end + 2;
  }
  let depth = 1;
  for (let i = at + 2; i < text.length; i += 1) {
    const pair = text.slice(i, i + 2);
    if (pair === '/*') {
      depth += 1;
      i += 1;
    } else if (pair === '*/') {
      depth -= 1;
      i += 1;
      if (depth === 0) return i + 1;
    }
  }
  return -1;
}

function lineEnd(text: string, at: number): number {
  const end = text.indexOf('\n', at);
  return end < 0 ? text.length : end + 1;
}

function isSpaceOrEnd(text: string, at: number): boolean {
  return at >= text.length || text.charCodeAt(at) <= 32;
}

function readToken(
  text: string,
  at: number,
  dialect: SqlDialect,
): { readonly end: number; readonly token: HeadToken | null } {
  const char = text.charAt(at);
  if (char === "'" || char === '"' || (char === '`' && dialect === 'mysql')) {
    const escapes = dialect === 'mysql' ? char !== '`' : char === "'" && /^[eE]$/.test(text.charAt(at - 1));
    return readQuoted(text, at, char, escapes, char === "'" ? 'string' : 'quoted');
  }
  if (char === '$' && dialect === 'postgres') {
    const tag = /^\$(?:[A-Za-z_\u0080-\uffff][\w\u0080-\uffff]{0,62})?\$/.exec(text.slice(at, at + 65));
    if (tag !== null) {
      const end = text.indexOf(tag[0], at + tag[0].length);
      return { end: end < 0 ? -1 : end + tag[0].length, token: { kind: 'string', text: '', raw: '' } };
    }
  }
  if (isWordPart(text.charCodeAt(at))) {
    let end = at + 1;
    while (end < text.length && isWordPart(text.charCodeAt(end))) end += 1;
    const raw = text.slice(at, Math.min(end, at + LONGEST_TOKEN));
    return { end, token: { kind: 'word', text: raw.toLowerCase(), raw } };
  }
  return { end: at + 1, token: text.charCodeAt(at) <= 32 ? null : { kind: 'sign', text: char, raw: char } };
}

function readQuoted(
  text: string,
  at: number,
  quote: string,
  escapes: boolean,
  kind: 'string' | 'quoted',
): { readonly end: number; readonly token: HeadToken | null } {
  for (let i = at + 1; i < text.length; i += 1) {
    const char = text.charAt(i);
    if (char === '\\' && escapes) i += 1;
    else if (char === quote) {
      if (text.charAt(i + 1) !== quote) {
        const inner = text
          .slice(at + 1, Math.min(i, at + 1 + LONGEST_TOKEN))
          .replaceAll(quote + quote, quote);
        return { end: i + 1, token: { kind, text: inner, raw: inner } };
      }
      i += 1;
    }
  }
  return { end: -1, token: null };
}

/** Letters, digits, underscore, and everything beyond ASCII; `$` and `@` are parts of names too. */
function isWordPart(code: number): boolean {
  return (
    (code >= 48 && code <= 57) ||
    (code >= 65 && code <= 90) ||
    (code >= 97 && code <= 122) ||
    code === 95 ||
    code > 127
  );
}
