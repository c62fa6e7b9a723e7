// Recorded conversations with a real MariaDB (fixtures/README.md). Enters: captures; leaves: the values that the server has.
import { describe, expect, it } from 'vitest';
import type { Event } from '../../../src/events/event.ts';
import type { SqlResult, SqlStatementRequest, SqlValue } from '../../../src/events/sql.ts';
import { eventsOfCapture } from '../../support/capture.ts';

interface Read {
  readonly events: readonly Event[];
  readonly statements: readonly SqlStatementRequest[];
  readonly results: readonly SqlResult[];
}

async function read(kind: string): Promise<Read> {
  const events = await eventsOfCapture(
    new URL(`./fixtures/conversation-${kind}.pcap.gz`, import.meta.url).pathname,
  );
  const statements = events.filter((event) => event.kind === 'sql-statement');
  const results = events.filter((event) => event.kind === 'sql-result');
  return { events, statements, results };
}

/** Rows of all results of a statement. */
const rowsOf = ({ results }: Read, { request }: SqlStatementRequest): readonly (readonly SqlValue[])[] =>
  results.filter((result) => result.request === request).flatMap(({ rows }) => rows);

describe.each(['old', 'new'])('a conversation with MariaDB 10.11 (%s)', (kind) => {
  it('loses nothing, and answers every request', async () => {
    const { events, statements, results } = await read(kind);
    expect(events.filter(({ kind: what }) => what === 'analysis-lost' || what === 'ambiguity')).toEqual([]);
    const answered = new Set(results.filter(({ last }) => last).map(({ request }) => request));
    expect(statements.filter(({ request }) => !answered.has(request))).toEqual([]);
  });

  it('reads every value alike where it is bound, in text form, and in binary form', async () => {
    const all = await read(kind);
    const insert = all.statements.find(({ text }) => text?.startsWith('insert into v'));
    expect(insert?.parameters).toHaveLength(27);
    for (const [index, bound] of (insert?.parameters ?? []).entries()) {
      const reading = all.statements.filter(({ text }) => text === `select c${index} from v`);
      expect(reading.map(({ via }) => via)).toEqual(['text', 'bound', 'bound']);
      for (const statement of reading) {
        expect(rowsOf(all, statement), `${statement.text} ${statement.via}`).toEqual([[bound]]);
      }
    }
  });

  it('sees values ahead, early executions, cursors, files and what follows an error', async () => {
    const all = await read(kind);
    const bound = all.statements.filter(({ text }) => text?.startsWith('insert into r(a, c)'));
    expect(bound.map(({ parameters }) => parameters[1])).toEqual([
      { type: 'text', text: 'long data' },
      { type: 'text', text: 'again' },
    ]);
    const early = all.statements.find(({ text }) => text?.startsWith('insert into r values'));
    expect(early).toMatchObject({
      parameters: [{ text: '7' }, { text: 'x' }, { text: '' }],
      ambiguities: [],
    });
    const [cursor, whole] = all.statements.filter(({ text }) => text === 'select a, b from r where a > ?');
    if (cursor === undefined || whole === undefined) throw new Error('the cursor is not there');
    expect(rowsOf(all, cursor)).toEqual(rowsOf(all, whole));
    expect(all.events).toContainEqual(
      expect.objectContaining({ command: 'LOCAL INFILE', argument: 'rows.txt' }),
    );
    const last = all.statements.at(-1);
    expect(last).toMatchObject({ text: null, ambiguities: [{ code: 'sql-unknown-statement' }] });
  });
});
