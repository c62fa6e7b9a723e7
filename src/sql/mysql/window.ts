// ORDER BY, LIMIT and windows of MySQL. Enters: tokens; leaves: findings in the draft.
import { Refusal } from './cursor.ts';
import { commaList, inParentheses, type Parser, readExpr } from './parser.ts';

/** `ORDER BY ...`, when it stands here. */
export function readOrder(parser: Parser): void {
  if (!parser.cursor.take('ORDER', 'BY')) return;
  parser.draft.feature('order-by');
  commaList(parser, readSorted);
}

/** An expression with its direction. */
export function readSorted(parser: Parser): void {
  readExpr(parser);
  parser.cursor.oneOf('ASC', 'DESC');
}

/** `LIMIT n`, `LIMIT m, n` and `LIMIT n OFFSET m`, when they stand here. */
export function readLimit(parser: Parser): void {
  const { cursor, draft } = parser;
  if (!cursor.take('LIMIT')) return;
  draft.feature('limit');
  readCount(parser);
  if (cursor.symbol(',') || cursor.take('OFFSET')) {
    draft.feature('offset');
    readCount(parser);
  }
}

function readCount({ cursor }: Parser): void {
  const { kind } = cursor.any();
  if (kind !== 'number' && kind !== 'placeholder') throw new Refusal('a LIMIT of an unknown form');
}

const FRAME_WORDS: ReadonlySet<string> = new Set(
  'ROWS RANGE GROUPS BETWEEN AND UNBOUNDED PRECEDING FOLLOWING CURRENT ROW'.split(' '),
);

/** What follows OVER, or AS in a WINDOW clause: a name, or a window in parentheses. */
export function readWindow(parser: Parser): void {
  const { cursor } = parser;
  if (cursor.peek()?.text !== '(') {
    cursor.name();
    return;
  }
  inParentheses(parser, (inner) => {
    if (cursor.atName() && !cursor.at('PARTITION', 'ROWS', 'RANGE', 'GROUPS')) cursor.name();
    if (cursor.take('PARTITION', 'BY')) commaList(inner, readExpr);
    readOrder(inner);
    while (cursor.peek()?.text !== ')') {
      const token = cursor.any();
      const known =
        token.kind === 'number' ||
        token.kind === 'placeholder' ||
        (token.kind === 'word' && FRAME_WORDS.has(token.name.toUpperCase()));
      if (!known) throw new Refusal('a window frame of an unknown form');
    }
  });
}

/** `WINDOW name AS (...), ...`, when it stands here. */
export function readWindows(parser: Parser): void {
  const { cursor, draft } = parser;
  if (!cursor.take('WINDOW')) return;
  draft.feature('window');
  commaList(parser, () => {
    cursor.name();
    cursor.require('AS');
    readWindow(parser);
  });
}
