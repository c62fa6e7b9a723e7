// What the client of a PostgreSQL connection asks. Enters: its messages; leaves: statement and command events.
import type { Ambiguity } from '../../events/common.ts';
import type { SqlValue } from '../../events/sql.ts';
import type { Span } from '../../flow.ts';
import { ByteReader } from '../sql/byte-reader.ts';
import { type DecodedText, decodeText, latin1 } from '../sql/text.ts';
import type { Connection } from './connection.ts';
import type { Message } from './framing.ts';
import {
  type BindMessage,
  formatOf,
  readBind,
  readBindNames,
  readExecute,
  readParse,
  readString,
  readTarget,
} from './frontend.ts';
import type { Pending, Portal, Statement } from './state.ts';
import { NO_EFFECTS, type TextEffects, textEffects } from './text-effects.ts';
import { NULL_VALUE, readValue } from './value.ts';

const NO_FORMATS = new Uint8Array(0);
/** The server gives the connection up at any other (copyfromparse.c, `CopyGetData`). */
const DURING_COPY = new Set('dcfHSX');

interface CopyData {
  readonly start: number;
  readonly request: number;
  bytes: number;
}

export class Client {
  readonly #connection: Connection;
  #copy: CopyData | null = null;
  /** What was sent while the server passes over everything: undone at the Sync. */
  #skipped: (() => void)[] = [];

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** A message after the start-up. */
  message(message: Message): void {
    if (this.#connection.copyIn && !DURING_COPY.has(message.type)) {
      this.#malformed(message, 'a request in the middle of COPY data');
      return;
    }
    switch (message.type) {
      case 'Q':
        this.#query(message);
        return;
      case 'P':
        this.#parse(message);
        return;
      case 'B':
        this.#bind(message);
        return;
      case 'D':
        this.#describe(message);
        return;
      case 'E':
        this.#execute(message);
        return;
      case 'C':
        this.#close(message);
        return;
      case 'S':
        this.#sync(message);
        return;
      case 'F':
        this.#functionCall(message);
        return;
      case 'd':
        this.#copyData(message);
        return;
      case 'c':
      case 'f':
        this.#copyEnd(message);
        return;
      default:
        // Flush and Terminate ask nothing; what a password message holds is not looked at.
        return;
    }
  }

  #query(message: Message): void {
    const { epoch, skipping, request } = this.#begin();
    const text = message.state === 'whole' ? readString(message.body) : null;
    if (message.state === 'whole' && text === null) {
      this.#malformed(message, 'a query that does not end');
      return;
    }
    let effects: TextEffects = { statements: 'all', portals: true, encoding: true };
    if (text === null) this.#incomplete(message, 'a query');
    else {
      const decoded = decodeText(text);
      const { characters, ambiguities } = this.#characters(decoded, text, 'the text');
      effects = textEffects(characters);
      this.#emitStatement(message, 'text', request, characters, [], ambiguities);
    }
    if (skipping) {
      this.#refuse(request);
      return;
    }
    this.#connection.apply(effects, epoch);
    this.#connection.statements.delete('');
    this.#connection.portals.delete('');
    this.#await({ kind: 'query', request, epoch, effects }, message);
  }

  #functionCall(message: Message): void {
    const { epoch, skipping, request } = this.#begin();
    const reader = new ByteReader(message.body);
    const oid = reader.u32be();
    const { user, database } = this.#connection;
    this.#connection.emit(spanOf(message), {
      kind: 'sql-command',
      dialect: 'postgres',
      request,
      command: 'FunctionCall',
      argument: reader.ok ? String(oid) : null,
      user,
      database,
    });
    if (skipping) {
      this.#refuse(request);
      return;
    }
    this.#await({ kind: 'function', request, epoch }, message);
  }

  /** A message that is answered by a ReadyForQuery of its own, unless the server passes over it. */
  #begin(): { readonly epoch: number; readonly skipping: boolean; readonly request: number } {
    const connection = this.#connection;
    const skipping = connection.skipping !== null;
    if (!skipping) {
      connection.epoch += 1;
      connection.lastOfBatch = null;
    }
    return { epoch: connection.epoch, skipping, request: connection.nextRequest() };
  }

  #parse(message: Message): void {
    const connection = this.#connection;
    if (message.state === 'lost') {
      // Which name it defined anew is not known.
      connection.statements.clear();
      this.#incomplete(message, 'a Parse');
      if (connection.skipping === null) this.#await({ kind: 'parse', statement: null }, message);
      return;
    }
    const parsed = message.state === 'whole' ? readParse(message.body) : null;
    if (message.state === 'whole' && parsed === null) {
      this.#malformed(message, 'a Parse that is none');
      return;
    }
    if (parsed === null) this.#incomplete(message, 'a Parse');
    const name = parsed?.name ?? latin1(new ByteReader(message.body).untilZero());
    const bytes = parsed?.text ?? NO_FORMATS;
    const { characters, ambiguities } = this.#characters(decodeText(bytes), bytes, 'the text');
    const statement: Statement = {
      name,
      text: parsed === null ? null : characters,
      oids: parsed?.oids ?? [],
      effects: parsed === null ? NO_EFFECTS : textEffects(characters),
      ambiguities,
      start: message.start,
      batch: connection.epoch,
      described: null,
      columns: null,
      confirmed: false,
      claimed: false,
    };
    if (parsed !== null) {
      connection.emit(spanOf(message), {
        kind: 'sql-prepare',
        dialect: 'postgres',
        name: decodeText(Buffer.from(name, 'latin1')).text,
        text: characters,
        ambiguities,
      });
    }
    connection.statements.set(name, statement, message.body.length + 128);
    if (connection.skipping !== null) {
      this.#undoAtSync(message, () => connection.statements.deleteIf(name, statement));
      return;
    }
    this.#await({ kind: 'parse', statement }, message);
  }

  #bind(message: Message): void {
    const connection = this.#connection;
    const bind = message.state === 'whole' ? readBind(message.body) : null;
    if (message.state === 'whole' && bind === null) {
      this.#malformed(message, 'a Bind that is none');
      return;
    }
    const names = bind ?? (message.state === 'cut' ? readBindNames(message.body) : null);
    if (bind === null) this.#incomplete(message, 'a Bind');
    if (names === null) {
      connection.portals.clear();
      if (connection.skipping === null) this.#await({ kind: 'bind', portal: null }, message);
      return;
    }
    const statement = connection.statements.get(names.statement) ?? null;
    const claims = statement !== null && !statement.claimed && statement.batch === connection.epoch;
    if (claims) statement.claimed = true;
    const ambiguities: Ambiguity[] = [...(statement?.ambiguities ?? [])];
    const missing: Ambiguity = { code: 'sql-parameters', detail: 'the bound values were not read' };
    const values = bind === null ? [] : this.#readValues(bind, statement, ambiguities);
    if (bind === null) ambiguities.push(missing);
    const portal: Portal = {
      name: names.portal,
      statement,
      values,
      ambiguities,
      resultFormats: bind?.resultFormats ?? NO_FORMATS,
      start: claims ? statement.start : message.start,
      batch: connection.epoch,
      columns: null,
      request: null,
    };
    connection.portals.set(names.portal, portal, message.body.length * 2 + 128);
    if (connection.skipping !== null) {
      this.#undoAtSync(message, () => connection.portals.deleteIf(names.portal, portal));
      return;
    }
    this.#await({ kind: 'bind', portal }, message, portal.resultFormats.length);
  }

  #readValues(bind: BindMessage, statement: Statement | null, ambiguities: Ambiguity[]): SqlValue[] {
    const { utf8 } = this.#connection;
    const { values, formats } = bind;
    const known = Math.max(statement?.oids.length ?? 0, statement?.described?.length ?? 0);
    if ((formats.length > 1 && formats.length !== values.length) || known > values.length) {
      ambiguities.push({
        code: 'sql-parameters',
        detail: 'the number of bound values does not fit the statement',
      });
    } else if (
      statement?.described !== null &&
      statement?.described !== undefined &&
      known !== values.length
    ) {
      ambiguities.push({
        code: 'sql-parameters',
        detail: 'more values are bound than the statement has parameters',
      });
    }
    let sure = true;
    const read = values.map((value, index) => {
      if (value === null) return NULL_VALUE;
      const oid = statement?.oids[index] || statement?.described?.[index] || 0;
      const result = readValue(value, oid, formatOf(formats, index) ?? 0, utf8);
      sure &&= result.sure;
      return result.value;
    });
    if (!sure) ambiguities.push(this.#connection.encodingAmbiguity('a bound value'));
    return read;
  }

  #describe(message: Message): void {
    const target = message.state === 'whole' ? readTarget(message.body) : null;
    if (message.state === 'whole' && target === null) {
      this.#malformed(message, 'a Describe that is none');
      return;
    }
    if (target === null) this.#incomplete(message, 'a Describe');
    if (this.#connection.skipping !== null) return;
    const { statements, portals } = this.#connection;
    if (target?.what === 'P') {
      this.#await({ kind: 'describe-portal', portal: portals.get(target.name) ?? null }, message);
      return;
    }
    const statement = target === null ? null : (statements.get(target.name) ?? null);
    this.#await({ kind: 'describe-statement', statement }, message);
  }

  #execute(message: Message): void {
    const connection = this.#connection;
    const execute = message.state === 'whole' ? readExecute(message.body) : null;
    if (message.state === 'whole' && execute === null) {
      this.#malformed(message, 'an Execute that is none');
      return;
    }
    if (execute === null) this.#incomplete(message, 'an Execute');
    const portal = execute === null ? null : (connection.portals.get(execute.portal) ?? null);
    // A portal runs once; a later Execute of it only fetches more of the same (portal.h, "PortalStrategy").
    const request = portal?.request ?? connection.nextRequest();
    if (portal === null || portal.request === null) this.#emitBound(message, portal, request);
    if (portal !== null) {
      portal.request = request;
      portal.values = [];
      portal.ambiguities = [];
    }
    if (connection.skipping !== null) {
      this.#refuse(request);
      return;
    }
    connection.lastOfBatch = request;
    this.#await({ kind: 'execute', request, portal }, message, portal?.resultFormats.length ?? 0);
    connection.apply(portal?.statement?.effects ?? NO_EFFECTS, connection.epoch + 1);
  }

  #emitBound(message: Message, portal: Portal | null, request: number): void {
    const { epoch } = this.#connection;
    const statement = portal?.statement ?? null;
    const text = statement?.text ?? null;
    const ambiguities = [...(portal?.ambiguities ?? [])];
    if (text === null) {
      const detail = portal === null ? 'the portal is not known' : 'the statement was prepared unseen';
      ambiguities.push({ code: 'sql-unknown-statement', detail });
    } else if (statement?.confirmed === false && statement.batch !== epoch) {
      // Had its Parse been passed over for an error, an older statement of that name would run.
      const detail = 'the server has not yet confirmed the Parse of an earlier batch';
      ambiguities.push({ code: 'sql-unknown-statement', detail });
    }
    const start = portal !== null && portal.batch === epoch ? portal.start : message.start;
    this.#emitStatement({ ...message, start }, 'bound', request, text, portal?.values ?? [], ambiguities);
  }

  #close(message: Message): void {
    const target = message.state === 'whole' ? readTarget(message.body) : null;
    if (message.state === 'whole' && target === null) {
      this.#malformed(message, 'a Close that is none');
      return;
    }
    const { statements, portals, skipping } = this.#connection;
    if (target === null) {
      this.#incomplete(message, 'a Close');
      statements.clear();
      portals.clear();
    } else if (target.what === 'S') statements.delete(target.name);
    else portals.delete(target.name);
    if (skipping === null) this.#await({ kind: 'close' }, message);
  }

  #sync(message: Message): void {
    const connection = this.#connection;
    if (connection.copyIn) return;
    connection.skipping = null;
    for (const undo of this.#skipped) undo();
    this.#skipped = [];
    connection.epoch += 1;
    this.#await({ kind: 'sync', epoch: connection.epoch, request: connection.lastOfBatch }, message);
    connection.lastOfBatch = null;
  }

  #copyData(message: Message): void {
    this.#copy ??= { start: message.start, request: this.#connection.request, bytes: 0 };
    this.#copy.bytes += message.length;
  }

  #copyEnd(message: Message): void {
    const copy = this.#copy ?? { start: message.start, request: this.#connection.request, bytes: 0 };
    this.#copy = null;
    this.#connection.copyIn = false;
    const { user, database } = this.#connection;
    const command = {
      kind: 'sql-command',
      dialect: 'postgres',
      request: copy.request,
      user,
      database,
    } as const;
    const span: Span = { side: 'orig', start: copy.start, end: message.end };
    this.#connection.emit(span, { ...command, command: 'CopyData', argument: String(copy.bytes) });
    if (message.type === 'f') {
      this.#connection.emit(spanOf(message), { ...command, command: 'CopyFail', argument: null });
    }
    if (this.#connection.skipping === null) this.#await({ kind: 'copy-end' }, message);
  }

  #characters(
    { text, ascii, valid }: DecodedText,
    bytes: Uint8Array,
    what: string,
  ): { readonly characters: string; readonly ambiguities: readonly Ambiguity[] } {
    if (ascii || (valid && this.#connection.utf8)) return { characters: text, ambiguities: [] };
    return { characters: latin1(bytes), ambiguities: [this.#connection.encodingAmbiguity(what)] };
  }

  #emitStatement(
    at: { readonly start: number; readonly end: number },
    via: 'text' | 'bound',
    request: number,
    text: string | null,
    parameters: readonly SqlValue[],
    ambiguities: readonly Ambiguity[],
  ): void {
    const { user, database } = this.#connection;
    this.#connection.emit(
      { side: 'orig', start: at.start, end: at.end },
      {
        kind: 'sql-statement',
        dialect: 'postgres',
        request,
        via,
        text,
        parameters,
        user,
        database,
        ambiguities,
      },
    );
  }

  /** The server passes over this request: its result is the error that made it do so. */
  #refuse(request: number): void {
    const { skipping } = this.#connection;
    if (skipping === null) return;
    this.#connection.emit(skipping.span, {
      kind: 'sql-result',
      dialect: 'postgres',
      request,
      outcome: 'error',
      code: skipping.code,
      columns: [],
      rows: [],
      rowCount: 0,
      affected: null,
      last: true,
    });
  }

  #undoAtSync(message: Message, undo: () => void): void {
    this.#skipped.push(undo);
    if (this.#skipped.length > this.#connection.limits.pipeline) {
      this.#connection.fail('limit', spanOf(message), 'too many messages after an error without a Sync');
    }
  }

  #await(entry: Pending, message: Message, weight = 0): void {
    this.#connection.await(entry, spanOf(message), weight);
  }

  /** A message that is too long to be read whole, or of which bytes are missing. */
  #incomplete(message: Message, what: string): void {
    if (message.state === 'lost')
      this.#connection.note('gap', spanOf(message), `bytes of ${what} are missing`);
    else this.#connection.note('limit', spanOf(message), `${what} of ${message.length} bytes`);
  }

  #malformed(message: Message, detail: string): void {
    this.#connection.malformed('orig', message.start, message.end, detail);
  }
}

function spanOf(message: Message): Span {
  return { side: 'orig', start: message.start, end: message.end };
}
