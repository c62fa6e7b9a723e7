// Facts of the rows that a statement gave. Enters: results, places in them; leaves: matches.
import { describe, expect, test } from 'vitest';
import type { SqlResult } from '../../src/events/sql.ts';
import type { SqlRequestDeclaration } from '../../src/policy/document.ts';
import type { FactDeclaration, FactSource } from '../../src/policy/fact.ts';
import { readSqlResult } from '../../src/policy/match/sql-result.ts';
import { splitValues } from '../../src/policy/relations/values.ts';
import { Story } from '../support/story.ts';

type Row = Readonly<Record<string, string | number>>;

function read(
  source: FactSource,
  rows: readonly Row[],
  change: Partial<SqlResult> = {},
  all = false,
): unknown {
  const story = new Story();
  story.connect('10.0.0.1', '10.0.0.2:5432').sql('postgres', 'SELECT 1')(rows);
  const result = { ...(story.events.at(-1) as SqlResult), ...change };
  const fact: FactDeclaration = {
    fact: 'f',
    source,
    as: 'text',
    optional: false,
    ...(all ? { all: true } : {}),
  };
  const declaration = { id: 'q', facts: [fact] } as unknown as SqlRequestDeclaration;
  const match = readSqlResult(declaration, new Map(), result);
  if (match.kind === 'matched') return match.facts.map(({ value }) => (all ? splitValues(value) : value));
  return 'why' in match ? `${match.kind}: ${match.why}` : match.kind;
}

const ID = { in: 'result', column: 'id' } as const;
const ROWS = [{ id: 7 }, { id: 8 }];

describe('a fact of a result', () => {
  test('is that of the first row, of a numbered one, or of the only one', () => {
    expect(read(ID, ROWS)).toEqual(['7']);
    expect(read({ ...ID, row: 1 }, ROWS)).toEqual(['8']);
    expect(read({ ...ID, row: 'only' }, [{ id: 7 }])).toEqual(['7']);
    expect(read({ ...ID, row: 'only' }, ROWS)).toContain('there are 2 rows');
    expect(read({ ...ID, row: 5 }, ROWS)).toContain('it is not there');
  });

  test('is the number of rows that were changed, where the server says it', () => {
    expect(read({ in: 'affected' }, ROWS)).toEqual(['2']);
    expect(read({ in: 'affected' }, ROWS, { affected: null })).toContain('it is not there');
    expect(read({ in: 'response-status' }, ROWS)).toContain('response status: it is not there');
  });

  test('cannot be told beyond the rows that were kept', () => {
    expect(read({ ...ID, row: 5 }, ROWS, { rowCount: 9 })).toBe(
      'cannot-read: the result is longer than the row limit',
    );
    expect(read(ID, ROWS, { rowCount: 9 }, true)).toBe(
      'cannot-read: the result is longer than the row limit',
    );
  });

  test('is unclear in a column that stands there twice', () => {
    const columns = [
      { name: 'id', type: 'int4' },
      { name: 'ID', type: 'int4' },
    ];
    expect(read(ID, ROWS, { columns })).toContain('more than once');
    expect(read(ID, ROWS, { columns }, true)).toContain('more than once');
  });

  test('is the list of all rows, of none, and of no list where a row has no value', () => {
    expect(read(ID, ROWS, {}, true)).toEqual([['7', '8']]);
    expect(read(ID, [], {}, true)).toEqual([[]]);
    expect(read({ ...ID, column: 'other' }, ROWS, {}, true)).toContain('it is not there');
    expect(read(ID, ROWS, { rows: [[{ type: 'number', text: '7' }], [{ type: 'null' }]] }, true)).toContain(
      'a row has no value there',
    );
  });
});
