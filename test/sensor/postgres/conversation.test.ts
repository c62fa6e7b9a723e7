// A recorded conversation with a real PostgreSQL (fixtures/README.md). Enters: the capture; leaves: the values that the server has.
import { describe, expect, it } from 'vitest';
import type { Event } from '../../../src/events/event.ts';
import type { SqlResult, SqlStatementRequest } from '../../../src/events/sql.ts';
import { eventsOfCapture } from '../../support/capture.ts';

const CAPTURE = new URL('./fixtures/conversation.pcap.gz', import.meta.url).pathname;

async function read(): Promise<{
  readonly events: readonly Event[];
  readonly statements: readonly SqlStatementRequest[];
  readonly results: readonly SqlResult[];
}> {
  const events = await eventsOfCapture(CAPTURE);
  const statements = events.filter((event) => event.kind === 'sql-statement');
  const results = events.filter((event) => event.kind === 'sql-result');
  return { events, statements, results };
}

describe('a conversation with PostgreSQL 15', () => {
  it('loses nothing, and answers every request', async () => {
    const { events, statements, results } = await read();
    expect(events.filter(({ kind }) => kind === 'analysis-lost' || kind === 'ambiguity')).toEqual([]);
    const answered = new Set(results.filter(({ last }) => last).map(({ request }) => request));
    expect(statements.filter(({ request }) => !answered.has(request))).toEqual([]);
    expect(statements.map(({ request }) => request)).toEqual(statements.map((_, index) => index + 1));
  });

  it('reads every value alike in text form, in binary form, and where it is bound', async () => {
    const { statements, results } = await read();
    const valueFor = (request: number) => results.find((result) => result.request === request)?.rows[0]?.[0];
    let compared = 0;
    for (const [index, bound] of statements.entries()) {
      if (bound.text !== 'select $1') continue;
      const text = statements[index - 2];
      const binary = statements[index - 1];
      const value = valueFor(text?.request ?? 0);
      expect(value, text?.text ?? '').toBeDefined();
      expect(valueFor(binary?.request ?? 0), text?.text ?? '').toEqual(value);
      expect(bound.parameters, text?.text ?? '').toEqual([value]);
      compared += 1;
    }
    expect(compared).toBe(40);
  });

  it('sees COPY, portals in pieces, and what an error passes over', async () => {
    const { events, statements, results } = await read();
    const commands = events.filter((event) => event.kind === 'sql-command');
    expect(commands.map(({ command, argument }) => [command, argument])).toEqual([
      ['CopyData', '12'],
      ['CopyData', '0'],
      ['CopyFail', null],
      ['CopyData', '12'],
    ]);
    const pieces = statements.find(
      ({ parameters }) => parameters[0]?.type === 'number' && parameters[0].text === '0',
    );
    expect(
      results.filter(({ request }) => request === pieces?.request).map(({ rowCount }) => rowCount),
    ).toEqual([1, 1, 0]);
    const [, late] = statements
      .filter(({ text }) => text === 'select 5' || text?.startsWith('select a, b'))
      .slice(-2);
    expect(results.find(({ request }) => request === late?.request)?.code).toBe('22P02');
    expect(statements.at(-2)).toMatchObject({ text: null, ambiguities: [{ code: 'sql-unknown-statement' }] });
  });
});
