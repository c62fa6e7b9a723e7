// The state that both sides of a MySQL connection share. Enters: facts from either side; leaves: events through the context.
import type { Ambiguity } from '../../events/common.ts';
import type { EventDraft } from '../../events/event.ts';
import type { LostCause } from '../../events/lost.ts';
import type { Side, Span } from '../../flow.ts';
import type { ParserContext, SensorLimits } from '../parser.ts';
import { BoundedStore } from '../sql/bounded-store.ts';
import { Queue } from '../sql/queue.ts';
import { type DecodedText, decodeText, latin1 } from '../sql/text.ts';
import { type Capabilities, type Flags, UNKNOWN_CAPABILITIES } from './capabilities.ts';
import { type CharsetClass, charsetByCollation } from './charset.ts';
import type { LoginRequest } from './handshake.ts';
import type { Column } from './replies.ts';
import type { Pending, PreparedStatement } from './state.ts';
import type { TextEffects } from './text-effects.ts';

/** Kept statements together may weigh this many longest messages. */
const KEPT_MESSAGES = 4;

/** Bytes that a column's definition is taken to hold in memory. */
export const COLUMN_WEIGHT = 128;

/** `greeting`, `request`, `proof`: of the login. `infile`: the client sends a file. */
export type Phase = 'greeting' | 'request' | 'proof' | 'command' | 'infile';

export class Connection {
  readonly limits: SensorLimits;
  readonly statements: BoundedStore<number, PreparedStatement>;
  readonly pending = new Queue<Pending>();
  phase: Phase = 'greeting';
  capabilities: Capabilities = UNKNOWN_CAPABILITIES;
  serverFlags: Flags = { basic: 0, extended: 0 };
  /** Flags of the login, for COM_CHANGE_USER; null where it was not seen. */
  flags: Flags | null = null;
  login: LoginRequest | null = null;
  /** The statement that MariaDB's number -1 means. */
  lastPrepared: PreparedStatement | null = null;
  /** Bytes that came by COM_STMT_SEND_LONG_DATA and are not used up. */
  longBytes = 0;
  /** Sequence number that the server's next packet should have; null where it cannot be told. */
  expected: number | null = null;
  dead = false;
  #user: string | null = null;
  #database: string | null = null;
  #charset: CharsetClass = 'other';
  /** Commands under way that may change the user, the database (also with the user), and the character set. */
  #logins = 0;
  #moves = 0;
  #doubts = 0;
  #requests = 0;
  #forgot = false;
  readonly #context: ParserContext;
  readonly #stop: () => void;

  /** `stop` is called when nothing more will be understood. */
  constructor(context: ParserContext, stop: () => void) {
    this.#context = context;
    this.#stop = stop;
    this.limits = context.limits;
    this.statements = new BoundedStore(this.limits.prepared, this.limits.statement * KEPT_MESSAGES, () =>
      this.#forget(),
    );
  }

  emit(span: Span, draft: EventDraft): void {
    this.#context.emit(span, draft);
  }

  /** The number of a new request. */
  nextRequest(): number {
    this.#requests += 1;
    return this.#requests;
  }

  /** Who is logged in; null while that may be changing. */
  get user(): string | null {
    return this.#logins > 0 ? null : this.#user;
  }

  /** The default database; null for none, or while it may be changing. */
  get database(): string | null {
    return this.#logins + this.#moves > 0 ? null : this.#database;
  }

  get charset(): CharsetClass {
    return this.#doubts > 0 ? 'other' : this.#charset;
  }

  /** The server let this client in. */
  accept({ user, database, collation }: LoginRequest): void {
    this.#user = user;
    this.#database = database;
    this.#charset = collation === null ? 'other' : charsetByCollation(collation);
  }

  /** The login was not seen, and the answers now showed whether EOF packets are left out. */
  learnEof(deprecateEof: boolean): void {
    this.capabilities = { ...this.capabilities, deprecateEof };
  }

  /** A command is under way. False when too many are, which ends the analysis. */
  await(entry: Pending, span: Span): boolean {
    this.#count(entry, 1);
    this.pending.push(entry, 1);
    if (this.pending.length <= this.limits.pipeline) return true;
    this.fail('limit', span, 'too many commands wait for their answers');
    return false;
  }

  /** The first command under way is answered; `ok`: what it says it does is done. */
  settle(ok: boolean): void {
    const entry = this.pending.shift();
    if (entry === undefined) return;
    this.#count(entry, -1);
    if (!ok) return;
    if (entry.effects.database !== undefined) this.#database = entry.effects.database;
    if (entry.effects.charset !== undefined) this.#charset = entry.effects.charset;
    if (entry.login !== null) this.accept(entry.login);
  }

  /** What the server itself says of the session. */
  track(database: string | undefined, charset: CharsetClass | undefined): void {
    if (database !== undefined) this.#database = database;
    if (charset !== undefined) this.#charset = charset;
  }

  /** True when `effects` change the character set, or leave one that is not UTF-8. */
  doubtful(effects: TextEffects): boolean {
    return effects.charset !== undefined && (effects.charset !== 'utf8' || this.charset !== 'utf8');
  }

  /** Commands were lost: whatever they could change is not known any more. */
  distrust(): void {
    this.#user = null;
    this.#charset = 'other';
    this.forgetStatements();
    this.abandon();
  }

  /** Answers were lost: nothing that waits will be matched, and what it changed is not known. */
  abandon(): void {
    this.#database = null;
    if (this.#doubts > 0) this.#charset = 'other';
    if (this.#logins > 0) this.#user = null;
    this.#logins = 0;
    this.#moves = 0;
    this.#doubts = 0;
    this.pending.clear();
  }

  /** The columns that an execution gave; they may be left out of the next answer. */
  setColumns(statement: PreparedStatement, columns: readonly Column[]): void {
    const more = columns.length - statement.columns.length;
    statement.columns = columns;
    if (statement.id !== null && more > 0)
      this.statements.grow(statement.id, statement, more * COLUMN_WEIGHT);
  }

  /** Prepared statements are gone, or not known any more. */
  forgetStatements(): void {
    this.statements.clear();
    this.lastPrepared = null;
    this.longBytes = 0;
  }

  /** Text as the server takes it, and whether that is sure. A backslash counts where it may be half of a character. */
  characters(bytes: Uint8Array): { readonly text: string; readonly ambiguities: readonly Ambiguity[] } {
    const decoded: DecodedText = decodeText(bytes);
    const { charset } = this;
    const sure =
      charset === 'utf8' ? decoded.valid : decoded.ascii && (charset === 'single' || !bytes.includes(0x5c));
    if (sure) return { text: decoded.text, ambiguities: [] };
    const detail =
      charset === 'utf8'
        ? 'the text is not valid UTF-8'
        : 'the text is in a character set other than UTF-8, or unknown';
    const text = charset === 'other' && decoded.valid ? decoded.text : latin1(bytes);
    return { text, ambiguities: [{ code: 'sql-encoding', detail }] };
  }

  /** One passage was not understood; what follows is. */
  note(cause: LostCause, span: Span, detail: string): void {
    this.emit(span, { kind: 'analysis-lost', cause, protocol: 'mysql', detail, lasting: false });
  }

  /** Nothing more of this connection will be understood. */
  fail(cause: LostCause, span: Span, detail: string): void {
    if (this.dead) return;
    this.dead = true;
    this.emit(span, { kind: 'analysis-lost', cause, protocol: 'mysql', detail, lasting: true });
    this.forgetStatements();
    this.pending.clear();
    this.#stop();
  }

  malformed(side: Side, start: number, end: number, detail: string): void {
    this.fail('malformed', { side, start, end }, detail);
  }

  #count({ effects, login, doubt }: Pending, by: 1 | -1): void {
    if (login !== null) this.#logins += by;
    if (effects.database !== undefined) this.#moves += by;
    if (doubt) this.#doubts += by;
  }

  #forget(): void {
    if (this.#forgot) return;
    this.#forgot = true;
    this.note('limit', { side: 'orig', start: 0, end: 0 }, 'more prepared statements than are kept');
  }
}
