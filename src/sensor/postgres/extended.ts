// The client's half of PostgreSQL's extended query protocol. Enters: its messages; leaves: prepares and statements.
import type { Ambiguity } from '../../events/common.ts';
import type { SqlValue } from '../../events/sql.ts';
import { ByteReader } from '../sql/byte-reader.ts';
import { decodeText } from '../sql/text.ts';
import type { Connection } from './connection.ts';
import type { Message } from './framing.ts';
import {
  type BindMessage,
  formatOf,
  readBind,
  readBindNames,
  readExecute,
  readName,
  readParse,
  readTarget,
} from './frontend.ts';
import { type Requests, spanOf } from './requests.ts';
import type { Portal, Statement } from './state.ts';
import { NO_EFFECTS, textEffects } from './text-effects.ts';
import { NULL_VALUE, readValue } from './value.ts';

const NOTHING = new Uint8Array(0);

export class Extended {
  readonly #connection: Connection;
  readonly #requests: Requests;
  /** What was sent while the server passes over everything: undone at the Sync. */
  #skipped: (() => void)[] = [];

  constructor(connection: Connection, requests: Requests) {
    this.#connection = connection;
    this.#requests = requests;
  }

  parse(message: Message): void {
    const connection = this.#connection;
    if (message.state === 'lost') {
      // Which name it defined anew is not known.
      connection.statements.clear();
      this.#requests.incomplete(message, 'a Parse');
      if (connection.skipping === null) this.#requests.await({ kind: 'parse', statement: null }, message);
      return;
    }
    const parsed = message.state === 'whole' ? readParse(message.body) : null;
    if (message.state === 'whole' && parsed === null) {
      this.#requests.malformed(message, 'a Parse that is none');
      return;
    }
    if (parsed === null) this.#requests.incomplete(message, 'a Parse');
    const name = parsed?.name ?? readName(new ByteReader(message.body));
    const bytes = parsed?.text ?? NOTHING;
    const { characters, ambiguities } = this.#requests.characters(bytes);
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
    this.#requests.await({ kind: 'parse', statement }, message);
  }

  bind(message: Message): void {
    const connection = this.#connection;
    const bind = message.state === 'whole' ? readBind(message.body) : null;
    if (message.state === 'whole' && bind === null) {
      this.#requests.malformed(message, 'a Bind that is none');
      return;
    }
    const names = bind ?? (message.state === 'cut' ? readBindNames(message.body) : null);
    if (bind === null) this.#requests.incomplete(message, 'a Bind');
    if (names === null) {
      connection.portals.clear();
      if (connection.skipping === null) this.#requests.await({ kind: 'bind', portal: null }, message);
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
      resultFormats: bind?.resultFormats ?? NOTHING,
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
    this.#requests.await({ kind: 'bind', portal }, message, portal.resultFormats.length);
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

  describe(message: Message): void {
    const target = message.state === 'whole' ? readTarget(message.body) : null;
    if (message.state === 'whole' && target === null) {
      this.#requests.malformed(message, 'a Describe that is none');
      return;
    }
    if (target === null) this.#requests.incomplete(message, 'a Describe');
    if (this.#connection.skipping !== null) return;
    const { statements, portals } = this.#connection;
    if (target?.what === 'P') {
      this.#requests.await({ kind: 'describe-portal', portal: portals.get(target.name) ?? null }, message);
      return;
    }
    const statement = target === null ? null : (statements.get(target.name) ?? null);
    this.#requests.await({ kind: 'describe-statement', statement }, message);
  }

  execute(message: Message): void {
    const connection = this.#connection;
    const execute = message.state === 'whole' ? readExecute(message.body) : null;
    if (message.state === 'whole' && execute === null) {
      this.#requests.malformed(message, 'an Execute that is none');
      return;
    }
    if (execute === null) this.#requests.incomplete(message, 'an Execute');
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
      this.#requests.refuse(request);
      return;
    }
    connection.lastOfBatch = request;
    this.#requests.await({ kind: 'execute', request, portal }, message, portal?.resultFormats.length ?? 0);
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
    this.#requests.emitStatement(
      { ...message, start },
      'bound',
      request,
      text,
      portal?.values ?? [],
      ambiguities,
    );
  }

  close(message: Message): void {
    const target = message.state === 'whole' ? readTarget(message.body) : null;
    if (message.state === 'whole' && target === null) {
      this.#requests.malformed(message, 'a Close that is none');
      return;
    }
    const { statements, portals, skipping } = this.#connection;
    if (target === null) {
      this.#requests.incomplete(message, 'a Close');
      statements.clear();
      portals.clear();
    } else if (target.what === 'S') statements.delete(target.name);
    else portals.delete(target.name);
    if (skipping === null) this.#requests.await({ kind: 'close' }, message);
  }

  #undoAtSync(message: Message, undo: () => void): void {
    this.#skipped.push(undo);
    if (this.#skipped.length > this.#connection.limits.pipeline) {
      this.#connection.fail('limit', spanOf(message), 'too many messages after an error without a Sync');
    }
  }

  /** A Sync: the server listens again, and what it passed over was never defined. */
  synchronised(): void {
    for (const undo of this.#skipped) undo();
    this.#skipped = [];
  }
}
