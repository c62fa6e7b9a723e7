// MySQL's and MariaDB's lexical rules (MySQL manual, "Language Structure"). Enters: a statement text; leaves: tokens with their values.
//
// It reads under the default sql_mode: a double-quoted token is a string (and noted as `modifier`, since ANSI_QUOTES makes
// it a name), a backslash escapes. What two servers or two versions of one would read differently is refused.
import type { SqlValue } from '../../events/sql.ts';
import type { SqlFeature } from '../reading.ts';
import type { Token } from '../token.ts';
import { numberToken } from './number.ts';
import { asciiCompatible, stringToken } from './string.ts';

export interface MysqlToken extends Token {
  /** Of a name or a word: what it stands for, without quotes. */
  readonly name: string;
  /** Of a literal: its value; null when it is not one that a policy can compare. */
  readonly value: SqlValue | null;
}

export type MysqlLexed =
  | {
      readonly kind: 'tokens';
      readonly tokens: readonly MysqlToken[];
      readonly doubtful: false;
      readonly features: ReadonlySet<SqlFeature>;
    }
  | { readonly kind: 'broken'; readonly reason: string };

const OPERATORS = ['<=>', '->>', '<=', '>=', '<>', '!=', '<<', '>>', '&&', '||', ':=', '->'] as const;

/** Part of a name in UTF-8, but 0xA0 is whitespace to a connection in latin1; the others look like it to a person. */
const FOREIGN_SPACE = /[\u0080-\u00a0\u1680\u2000-\u200f\u2028-\u202f\u205f\u3000\ufeff]/;

/** Versions up to here are run by every server that is still supported, and never skipped by MariaDB. */
const LAST_COMMON_VERSION = 50_699;

/** Cuts a text into tokens. Adjacent strings are one, comments are gone, executable comments are opened. */
export function lexMysql(text: string): MysqlLexed {
  const lexer = new Lexer(text);
  const reason = lexer.run();
  return reason === null
    ? { kind: 'tokens', tokens: lexer.tokens, doubtful: false, features: lexer.features }
    : { kind: 'broken', reason };
}

class Lexer {
  readonly tokens: MysqlToken[] = [];
  readonly features = new Set<SqlFeature>();
  readonly #text: string;
  #at = 0;
  #executable = false;
  /** The next string is one with this introducer. */
  #introducer: string | null = null;

  constructor(text: string) {
    this.#text = text;
  }

  /** Null when the text ended well. */
  run(): string | null {
    while (this.#at < this.#text.length) {
      const problem = this.#blank() ? null : this.#token();
      if (problem !== null) return problem;
    }
    if (this.#executable) return 'an executable comment has no end';
    return this.#introducer === null ? null : 'a character set without its string';
  }

  /** True when whitespace or a plain comment was skipped. */
  #blank(): boolean {
    const text = this.#text;
    const code = text.charCodeAt(this.#at);
    if (code === 32 || (code >= 9 && code <= 13)) {
      this.#at += 1;
      return true;
    }
    // `--` is a comment only before whitespace, a control character or the end.
    const line =
      text[this.#at] === '#' || (text.startsWith('--', this.#at) && !(text.charCodeAt(this.#at + 2) > 32));
    if (!line || this.#executable) return false;
    const end = text.indexOf('\n', this.#at);
    this.#at = end < 0 ? text.length : end + 1;
    return true;
  }

  #token(): string | null {
    const text = this.#text;
    const char = text[this.#at] ?? '';
    if (text.startsWith('/*', this.#at)) return this.#comment();
    if (this.#executable && text.startsWith('*/', this.#at)) {
      this.#executable = false;
      this.#at += 2;
      return null;
    }
    // A line comment in an executable one would swallow its end.
    if (this.#executable && (char === '#' || text.startsWith('--', this.#at)))
      return 'a comment in an executable comment';
    if (char === "'" || char === '"') return this.#string(char);
    if (this.#introducer !== null && !/^[xX]'/.test(text.slice(this.#at, this.#at + 2)))
      return 'a character set without its string';
    if (char === '`') return this.#quotedName();
    if (char === '@') return this.#variable();
    if (char === '?') return this.#placeholder();
    if (/[0-9]/.test(char) || (char === '.' && /[0-9]/.test(text[this.#at + 1] ?? ''))) return this.#number();
    if (isNamePart(text, this.#at)) return this.#word();
    return this.#symbol(char);
  }

  #comment(): string | null {
    const head = this.#text.slice(this.#at, this.#at + 4);
    if (this.#executable) return 'a comment in an executable comment';
    if (head.startsWith('/*M!')) return "a comment that only one vendor's server executes";
    if (head.startsWith('/*!')) return this.#openExecutable();
    // MySQL takes hints from comments like this, some of which set variables; MariaDB does not.
    if (head.startsWith('/*+')) this.features.add('modifier');
    const end = this.#text.indexOf('*/', this.#at + 2);
    if (end < 0) return 'a comment has no end';
    this.#at = end + 2;
    return null;
  }

  #openExecutable(): string | null {
    const digits = /^[0-9]{0,8}/.exec(this.#text.slice(this.#at + 3, this.#at + 11))?.[0] ?? '';
    const after = this.#text[this.#at + 3 + digits.length] ?? ' ';
    const common = digits.length === 5 && /\s/.test(after) && Number(digits) <= LAST_COMMON_VERSION;
    if (digits !== '' && !common) return 'a comment that is executed by some versions of the server only';
    this.features.add('executable-comment');
    this.#executable = true;
    this.#at += 3 + digits.length;
    return null;
  }

  #string(quote: "'" | '"'): string | null {
    const read = stringToken(this.#text, this.#at, quote);
    if (read === null) return 'a literal has no end';
    if (quote === '"') this.features.add('modifier');
    const introducer = this.#introducer;
    this.#introducer = null;
    const known = introducer === null || asciiCompatible(introducer, read.text);
    return this.#pushString(read.end, known ? { type: 'text', text: read.text } : null, introducer);
  }

  /** Strings next to each other are one string, whatever stands between them. */
  #pushString(end: number, value: SqlValue | null, introducer: string | null): null {
    const before = this.tokens.at(-1);
    if (before?.kind === 'string' && introducer === null) {
      const joined =
        before.value?.type === 'text' && value?.type === 'text'
          ? ({ type: 'text', text: before.value.text + value.text } as const)
          : null;
      this.tokens[this.tokens.length - 1] = { ...before, end, value: joined };
      this.#at = end;
      return null;
    }
    this.#push('string', end, '', value);
    return null;
  }

  #quotedName(): string | null {
    let end = this.#at + 1;
    for (;;) {
      end = this.#text.indexOf('`', end);
      if (end < 0) return 'a quoted name has no end';
      if (this.#text[end + 1] !== '`') break;
      end += 2;
    }
    const name = this.#text.slice(this.#at + 1, end).replaceAll('``', '`');
    if (name === '' || name.endsWith(' ')) return 'a name that no table or column can have';
    this.#push('quoted-name', end + 1, name, null);
    return null;
  }

  #variable(): string | null {
    const text = /^@{1,2}[A-Za-z0-9_$.]+/.exec(this.#text.slice(this.#at, this.#at + 256))?.[0];
    if (text === undefined) return 'a variable or account with quotes';
    this.features.add('session-variable');
    this.#push('variable', this.#at + text.length, text.toLowerCase(), null);
    return null;
  }

  #placeholder(): string | null {
    if (isNamePart(this.#text, this.#at + 1)) return 'a placeholder that runs into a name';
    this.#push('placeholder', this.#at + 1, '', null);
    return null;
  }

  #number(): string | null {
    const before = this.tokens.at(-1);
    if (this.#text[this.#at] === '.' && before?.end === this.#at && before.kind !== 'symbol')
      return 'a name that begins with a digit';
    const number = numberToken(this.#text, this.#at);
    if (number === null) return 'a name that begins with a digit';
    // `name = 0x616c696365` compares with 'alice' or with a number: no value that a policy could rely on.
    if (number.bits) this.#push('string', number.end, '', null);
    else this.#push('number', number.end, '', { type: 'number', text: number.digits });
    return null;
  }

  #word(): string | null {
    let end = this.#at;
    while (isNamePart(this.#text, end)) end += 1;
    const name = this.#text.slice(this.#at, end);
    if (FOREIGN_SPACE.test(name)) return 'a space of another character set in a name';
    if (this.#text[end] === "'") {
      const prefixed = this.#prefixed(name.toLowerCase(), end);
      if (prefixed !== undefined) return prefixed;
    }
    if (name.startsWith('_') && /^\s*(?:['"]|[xX]')/.test(this.#text.slice(end, end + 64))) {
      this.#introducer = name.slice(1).toLowerCase();
      this.#at = end;
      return null;
    }
    this.#push('word', end, name, null);
    return null;
  }

  /** `n'...'`, `x'...'`, `b'...'`; undefined when the word is no prefix. */
  #prefixed(prefix: string, quote: number): string | null | undefined {
    if (prefix === 'n') {
      const read = stringToken(this.#text, quote, "'");
      if (read === null) return 'a literal has no end';
      this.#push('string', read.end, '', { type: 'text', text: read.text });
      return null;
    }
    if (prefix !== 'x' && prefix !== 'b') return undefined;
    const end = this.#text.indexOf("'", quote + 1);
    const digits = this.#text.slice(quote + 1, Math.max(end, quote + 1));
    const valid = prefix === 'x' ? /^(?:[0-9a-fA-F]{2})*$/.test(digits) : /^[01]*$/.test(digits);
    if (end < 0 || !valid) return 'a malformed hexadecimal or bit literal';
    this.#introducer = null;
    this.#push('string', end + 1, '', null);
    return null;
  }

  #symbol(char: string): string | null {
    const operator = OPERATORS.find((each) => this.#text.startsWith(each, this.#at));
    if (operator !== undefined) this.#push('symbol', this.#at + operator.length, '', null);
    else if ('()+-*/%,.;=<>!&|^~{}'.includes(char)) this.#push('symbol', this.#at + 1, '', null);
    else return 'a character that no statement has there';
    return null;
  }

  #push(kind: Token['kind'], end: number, name: string, value: SqlValue | null): void {
    this.tokens.push({ kind, start: this.#at, end, text: this.#text.slice(this.#at, end), name, value });
    this.#at = end;
  }
}

function isNamePart(text: string, at: number): boolean {
  const code = text.charCodeAt(at);
  return (
    (code >= 97 && code <= 122) ||
    (code >= 65 && code <= 90) ||
    (code >= 48 && code <= 57) ||
    code === 95 ||
    code === 36 ||
    code >= 128
  );
}
