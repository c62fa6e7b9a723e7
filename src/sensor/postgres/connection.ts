// The state that both sides of a PostgreSQL connection share. Enters: facts from either side; leaves: events through the context.
import type { Ambiguity } from '../../events/common.ts';
import type { EventDraft } from '../../events/event.ts';
import type { LostCause } from '../../events/lost.ts';
import type { Side, Span } from '../../flow.ts';
import type { ParserContext, SensorLimits } from '../parser.ts';
import { BoundedStore } from '../sql/bounded-store.ts';
import { Queue } from '../sql/queue.ts';
import type { Pending, Portal, Statement } from './state.ts';
import type { TextEffects } from './text-effects.ts';

/** Kept statements and portals together may weigh this many longest messages. */
const KEPT_MESSAGES = 4;
/** Answers that are waited for, per request that may wait: Parse, Bind, Describe, Execute, Close, Sync and two to spare. */
const ANSWERS = 8;

/** Where the login stands. `midstream`: over before we began to look. */
export type Phase = 'startup' | 'login' | 'accepted' | 'ready' | 'midstream';

export class Connection {
  readonly limits: SensorLimits;
  readonly statements: BoundedStore<string, Statement>;
  readonly portals: BoundedStore<string, Portal>;
  readonly pending = new Queue<Pending>();
  phase: Phase = 'startup';
  user: string | null = null;
  database: string | null = null;
  parameters: ReadonlyMap<string, string> = new Map();
  /** Answers to SSLRequest and GSSENCRequest that are still to come. */
  readonly replies: ('ssl' | 'gss')[] = [];
  /** Counts Sync, Query and FunctionCall: each ends a batch and is answered by one ReadyForQuery. */
  epoch = 0;
  /** The last request executed in this batch. */
  lastOfBatch: number | null = null;
  /** The error for which the server passes over everything up to the next Sync. */
  skipping: { readonly code: string; readonly span: Span } | null = null;
  /** The server waits for COPY data: it ignores Sync and Flush until their end. */
  copyIn = false;
  dead = false;
  #utf8 = false;
  /** Up to the answer to this epoch the encoding may be another one. */
  #doubtUntil = 0;
  #requests = 0;
  #forgot = false;
  readonly #context: ParserContext;
  readonly #stop: () => void;

  /** `stop` is called when nothing more will be understood. */
  constructor(context: ParserContext, stop: () => void) {
    this.#context = context;
    this.#stop = stop;
    this.limits = context.limits;
    const heaviest = this.limits.statement * KEPT_MESSAGES;
    const evicted = (): void => this.#forget();
    this.statements = new BoundedStore(this.limits.prepared, heaviest, evicted);
    this.portals = new BoundedStore(this.limits.prepared, heaviest, evicted);
  }

  emit(span: Span, draft: EventDraft): void {
    this.#context.emit(span, draft);
  }

  /** The number of a new request. */
  nextRequest(): number {
    this.#requests += 1;
    return this.#requests;
  }

  /** The newest request's number. */
  get request(): number {
    return this.#requests;
  }

  /** The client's encoding is known to be UTF-8. */
  get utf8(): boolean {
    return this.#utf8 && this.#doubtUntil === 0;
  }

  setEncoding(utf8: boolean): void {
    this.#utf8 = utf8;
  }

  /** The answer to batch `epoch` has come: what it changed was reported before. */
  answered(epoch: number): void {
    if (epoch >= this.#doubtUntil) this.#doubtUntil = 0;
  }

  /** Something will be answered. False when too much waits, which ends the analysis. */
  await(entry: Pending, span: Span, weight: number): boolean {
    this.pending.push(entry, weight);
    const { pipeline, statement } = this.limits;
    if (this.pending.length <= pipeline * ANSWERS && this.pending.weight <= statement * KEPT_MESSAGES)
      return true;
    this.fail('limit', span, 'too many requests wait for their answers');
    return false;
  }

  /** What a text does to names and encoding takes effect when it is sent: before its answer, in epoch `answeredBy`, nobody knows. */
  apply(effects: TextEffects, answeredBy: number): void {
    if (effects.statements === 'all') this.statements.clear();
    else for (const name of effects.statements) this.statements.delete(name);
    if (effects.portals) this.portals.clear();
    if (effects.encoding) this.#doubtUntil = answeredBy;
  }

  /** The ambiguity of a text whose characters are not sure. */
  encodingAmbiguity(what: string): Ambiguity {
    const why = this.utf8 ? 'is not valid UTF-8' : 'is in an encoding other than UTF-8, or unknown';
    return { code: 'sql-encoding', detail: `${what} ${why}` };
  }

  /** One passage was not understood; what follows is. */
  note(cause: LostCause, span: Span, detail: string): void {
    this.emit(span, { kind: 'analysis-lost', cause, protocol: 'postgres', detail, lasting: false });
  }

  /** Nothing more of this connection will be understood. */
  fail(cause: LostCause, span: Span, detail: string): void {
    if (this.dead) return;
    this.dead = true;
    this.emit(span, { kind: 'analysis-lost', cause, protocol: 'postgres', detail, lasting: true });
    this.statements.clear();
    this.portals.clear();
    this.pending.clear();
    this.#stop();
  }

  malformed(side: Side, start: number, end: number, detail: string): void {
    this.fail('malformed', { side, start, end }, detail);
  }

  #forget(): void {
    if (this.#forgot) return;
    this.#forgot = true;
    const span: Span = { side: 'orig', start: 0, end: 0 };
    this.note('limit', span, 'more prepared statements or portals than are kept');
  }
}
