// The words that a lexer cuts a SQL text into, and the bounds put on them. Enters: tokens; leaves: a refusal or null.

/** `start` and `end` count UTF-16 units of the text. Comments and whitespace make no token. */
export interface Token {
  readonly kind: 'word' | 'quoted-name' | 'string' | 'number' | 'placeholder' | 'variable' | 'symbol';
  readonly start: number;
  readonly end: number;
  /** The token as written; a symbol is one operator or one punctuation character. */
  readonly text: string;
}

export type Lexed =
  | {
      readonly kind: 'tokens';
      readonly tokens: readonly Token[];
      /** Another setting of the server could end a literal elsewhere: nothing of it may be logged. */
      readonly doubtful: boolean;
    }
  | { readonly kind: 'broken'; readonly reason: string };

/** UTF-16 units of a text that is read at all; more is `unparsable`. */
export const MAX_TEXT = 64 * 1024;

/**
 * Tokens on the way from the outermost statement to the innermost expression, siblings between commas not counted.
 * It bounds the depth of every tree that a parser can build, so that none of them runs out of stack.
 */
const MAX_DEPTH = 1_600;

/** Members of `(a, b, ...) = ...`: the parser repeats the right side for each of them. */
const MAX_ROW_ASSIGNMENT = 16;

/** A reason to refuse the text before any parser sees it, or null. Linear in the number of tokens. */
export function refuseShape(tokens: readonly Token[], maxDepth = MAX_DEPTH): string | null {
  const outer: { depth: number; members: number }[] = [];
  let depth = 0;
  let members = 1;
  let closed = 0;
  for (const { kind, text } of tokens) {
    const symbol = kind === 'symbol' ? text : '';
    if (symbol === '=' && closed > MAX_ROW_ASSIGNMENT)
      return 'a row of too many members is compared or assigned';
    closed = 0;
    if (symbol === ',' || symbol === ';') {
      depth = outer.at(-1)?.depth ?? 0;
      members += 1;
      continue;
    }
    depth += 1;
    if (depth > maxDepth) return 'nested too deeply';
    if (symbol === '(' || symbol === '[' || symbol === '{') {
      outer.push({ depth, members });
      members = 1;
    } else if (symbol === ')' || symbol === ']' || symbol === '}') {
      closed = members;
      const frame = outer.pop();
      depth = frame === undefined ? depth : frame.depth;
      members = frame?.members ?? 1;
    }
  }
  return null;
}
