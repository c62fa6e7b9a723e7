// What Zeek's grammars read, against what our readers read of the same bytes. Enters: readings of both; leaves: disagreements.
import type { AmqpEvent } from '../events/amqp.ts';
import type { EventDraft } from '../events/event.ts';
import type { SqlValue } from '../events/sql.ts';
import type { Side, Span } from '../flow.ts';

/** What a grammar read at the beginning of a message. */
interface Claim {
  readonly start: number;
  readonly reading: string;
  readonly about: readonly Buffer[];
}

/** Readings kept a side; messages that become no event must not pile up. */
const MOST = 4096;

/** The readings of one side, by where their messages begin. */
export class Claims {
  readonly #claims: Readonly<Record<Side, Map<number, Claim>>> = { orig: new Map(), resp: new Map() };

  add(side: Side, start: number, reading: string, about: readonly Buffer[]): void {
    if (reading === '' || reading.endsWith('?')) return;
    const claims = this.#claims[side];
    claims.set(start, { start, reading, about });
    if (claims.size > MOST) {
      const oldest = claims.keys().next();
      if (oldest.done !== true) claims.delete(oldest.value);
    }
  }

  /**
   * What two readers of the bytes of `span` disagree on, for a person; null where they agree or where only one of them read.
   * Readings up to the end of the span are of no more use, and forgotten.
   */
  disagreement({ side, start, end }: Span, draft: EventDraft): string | null {
    const claims = this.#claims[side];
    let found: string | null = null;
    for (const [at, claim] of claims) {
      if (at >= end) break;
      if (at >= start) found ??= compare(claim, draft, at === start);
      // PostgreSQL: a Parse that several executions go on from begins before them; it is compared once.
      claims.delete(at);
    }
    return found;
  }
}

function compare({ reading, about }: Claim, draft: EventDraft, first: boolean): string | null {
  const [one, two, three] = about;
  switch (draft.kind) {
    case 'http-request':
      if (!first || reading !== 'request') return null;
      return differ('method', one, draft.method) ?? differ('target', two, draft.target);
    case 'http-response':
      return first && reading === 'response' ? differ('status', one, String(draft.status)) : null;
    case 'amqp-method':
      return first ? compareMethod(reading, about, draft) : null;
    case 'sql-prepare':
      if (reading === 'Parse') return differ('statement', two, draft.text);
      return reading === 'COM_STMT_PREPARE' ? differ('statement', one, draft.text) : null;
    case 'sql-statement':
      if (reading === 'Query' || reading === 'COM_QUERY') return differ('statement', one, draft.text);
      if (draft.ambiguities.length > 0) return null;
      if (reading === 'Bind') return compareValues(about.slice(2), 2, draft.parameters);
      if (reading === 'COM_STMT_EXECUTE' && three !== undefined)
        return compareValues(about.slice(2), 3, draft.parameters);
      return null;
    default:
      return null;
  }
}

/** The bytes that Zeek read are the text that we read, in whichever of the two encodings our readers keep texts in. */
function differ(what: string, bytes: Buffer | undefined, text: string | null): string | null {
  if (bytes === undefined || text === null) return null;
  const same = bytes.toString('latin1') === text || bytes.toString('utf8') === text;
  return same ? null : `Zeek reads another ${what}`;
}

function compareMethod(
  reading: string,
  about: readonly Buffer[],
  { method }: Pick<AmqpEvent, 'method'>,
): string | null {
  if (reading !== method.name) return 'Zeek reads another method';
  for (let i = 0; i + 1 < about.length; i += 2) {
    const name = about[i]?.toString('latin1') ?? '';
    const value: unknown = (method as unknown as Readonly<Record<string, unknown>>)[name];
    if (value === undefined) continue;
    const found = differ(name, about[i + 1], String(value));
    if (found !== null) return found;
  }
  return null;
}

/** Numbers of values, which of them are null, and the bytes of those that are text on the wire as they are to us. */
function compareValues(
  [count, ...values]: readonly Buffer[],
  width: 2 | 3,
  parameters: readonly SqlValue[],
): string | null {
  if (count?.toString('latin1') !== String(parameters.length)) return 'Zeek reads another number of values';
  for (const [i, parameter] of parameters.entries()) {
    const marker = values[i * width + width - 2]?.toString('latin1');
    if ((marker === 'n') !== (parameter.type === 'null')) return 'Zeek reads another null value';
  }
  return null;
}
