// PostgreSQL's lexical rules (its src/backend/parser/scan.l). Enters: a statement text; leaves: tokens without comments.
import type { Lexed, Token } from '../token.ts';

/**
 * Cuts a text into tokens under `standard_conforming_strings = on`. It serves the shape and the bounds only: what a
 * statement means is read by the server's own grammar. Operators come one character at a time.
 */
export function lexPostgres(text: string): Lexed {
  const tokens: Token[] = [];
  let doubtful = false;
  let at = 0;
  const push = (kind: Token['kind'], end: number): void => {
    tokens.push({ kind, start: at, end, text: text.slice(at, end) });
    at = end;
  };
  while (at < text.length) {
    const next = skipBlank(text, at);
    if (next < 0) return { kind: 'broken', reason: 'a comment has no end' };
    if (next > at) {
      at = next;
      continue;
    }
    const opener = stringOpener(text, at);
    if (opener !== null) {
      const end = stringEnd(text, at + opener.prefix, opener.escapes);
      if (end < 0) return { kind: 'broken', reason: 'a literal has no end' };
      if (!opener.escapes && text.slice(at, end).includes("\\'")) doubtful = true;
      push('string', end);
    } else if (text[at] === '"' || /^[uU]&"/.test(text.slice(at, at + 3))) {
      const end = quotedNameEnd(text, text.indexOf('"', at));
      if (end < 0) return { kind: 'broken', reason: 'a quoted name has no end' };
      push('quoted-name', end);
    } else if (isNameStart(text, at)) {
      push('word', runEnd(text, at, isNamePart));
    } else if (isDigit(text, at) || (text[at] === '.' && isDigit(text, at + 1))) {
      push('number', numberEnd(text, at));
    } else if (text[at] === '$' && isDigit(text, at + 1)) {
      push('placeholder', runEnd(text, at + 1, isDigit));
    } else if (text[at] === '$') {
      const end = dollarQuoteEnd(text, at);
      if (end < 0) return { kind: 'broken', reason: 'a dollar quote has no end' };
      push(end === at + 1 ? 'symbol' : 'string', end);
    } else {
      push('symbol', at + 1);
    }
  }
  return { kind: 'tokens', tokens, doubtful };
}

/** Past one stretch of whitespace or one comment; `at` itself when there is neither, -1 when a comment has no end. */
function skipBlank(text: string, at: number): number {
  if (isSpace(text, at)) return runEnd(text, at, isSpace);
  if (text.startsWith('--', at)) return lineEnd(text, at);
  if (!text.startsWith('/*', at)) return at;
  let depth = 1;
  let i = at + 2;
  while (depth > 0) {
    if (i >= text.length) return -1;
    if (text.startsWith('/*', i)) {
      depth += 1;
      i += 2;
    } else if (text.startsWith('*/', i)) {
      depth -= 1;
      i += 2;
    } else i += 1;
  }
  return i;
}

function lineEnd(text: string, at: number): number {
  let i = at;
  while (i < text.length && text[i] !== '\n' && text[i] !== '\r') i += 1;
  return i;
}

/** Where a literal's opening quote is, counted from `at`; `escapes` when backslashes escape in it. */
function stringOpener(text: string, at: number): { prefix: number; escapes: boolean } | null {
  const head = text.slice(at, at + 3).toLowerCase();
  if (head[0] === "'") return { prefix: 0, escapes: false };
  if (head.startsWith("u&'")) return { prefix: 2, escapes: false };
  if (head[1] !== "'" || !'ebxn'.includes(head[0] ?? ' ')) return null;
  return { prefix: 1, escapes: head[0] === 'e' };
}

/** Past the literal, with the parts that continue it after a newline; -1 without an end. */
function stringEnd(text: string, quote: number, escapes: boolean): number {
  let i = quote + 1;
  while (i < text.length) {
    if (escapes && text[i] === '\\') i += 2;
    else if (text[i] !== "'") i += 1;
    else if (text[i + 1] === "'") i += 2;
    else {
      const more = continuation(text, i + 1);
      if (more < 0) return i + 1;
      i = more + 1;
    }
  }
  return -1;
}

/** The quote that continues a literal: after whitespace that holds a newline, line comments allowed; or -1. */
function continuation(text: string, from: number): number {
  let newline = false;
  let i = from;
  for (;;) {
    if (isSpace(text, i)) {
      newline ||= text[i] === '\n' || text[i] === '\r';
      i += 1;
    } else if (text.startsWith('--', i)) {
      i = lineEnd(text, i);
      if (i >= text.length) return -1;
    } else return newline && text[i] === "'" ? i : -1;
  }
}

function quotedNameEnd(text: string, quote: number): number {
  let i = quote + 1;
  while (i < text.length) {
    if (text[i] !== '"') i += 1;
    else if (text[i + 1] === '"') i += 2;
    else return i + 1;
  }
  return -1;
}

/** Past `$tag$ ... $tag$`; just past the `$` when no quote opens here; -1 without an end. */
function dollarQuoteEnd(text: string, at: number): number {
  let i = at + 1;
  if (isNameStart(text, i)) i = runEnd(text, i, (t, p) => isNamePart(t, p) && t[p] !== '$');
  if (text[i] !== '$') return at + 1;
  const tag = text.slice(at, i + 1);
  const close = text.indexOf(tag, i + 1);
  return close < 0 ? -1 : close + tag.length;
}

function numberEnd(text: string, at: number): number {
  let i = at;
  while (i < text.length) {
    const sign = text[i] === '+' || text[i] === '-';
    if (sign && (text[i - 1] === 'e' || text[i - 1] === 'E') && isDigit(text, i + 1)) i += 1;
    else if (isNamePart(text, i) || (text[i] === '.' && text[i + 1] !== '.')) i += 1;
    else break;
  }
  return i;
}

function runEnd(text: string, at: number, holds: (text: string, at: number) => boolean): number {
  let i = at;
  while (i < text.length && holds(text, i)) i += 1;
  return i;
}

function isSpace(text: string, at: number): boolean {
  const code = text.charCodeAt(at);
  return code === 32 || (code >= 9 && code <= 13);
}

function isDigit(text: string, at: number): boolean {
  const code = text.charCodeAt(at);
  return code >= 48 && code <= 57;
}

function isNameStart(text: string, at: number): boolean {
  const code = text.charCodeAt(at);
  return (code >= 97 && code <= 122) || (code >= 65 && code <= 90) || code === 95 || code >= 128;
}

function isNamePart(text: string, at: number): boolean {
  return isNameStart(text, at) || isDigit(text, at) || text[at] === '$';
}
