// What the requests of a source say to a policy, beside any engine. Enters: events in order; leaves: matches with their facts.
import type { FactReading } from '../chain/scope.ts';
import type { Event } from '../events/event.ts';
import type { Evidence } from '../flow.ts';
import { type CompiledPolicy, compile } from '../policy/compile.ts';
import type { PolicyDocument } from '../policy/document.ts';
import { FlowBook } from '../policy/flows.ts';
import { observe } from '../policy/observe/observe.ts';
import { tokensOf } from './tokens.ts';

/** A request that is a declared one, or the answer to one. */
export interface Said {
  readonly kind: 'request' | 'answer';
  /** Id of the declared request. */
  readonly request: string;
  /** For an answer, the bytes of the request that it answers. */
  readonly about: Evidence;
  readonly facts: readonly FactReading[];
  /** False for an answer that says that the request failed. */
  readonly ok: boolean;
}

interface Asked {
  readonly request: string;
  readonly evidence: Evidence;
}

/** Requests that wait for their answers; more than this and the oldest is forgotten. */
const MOST_ASKED = 100_000;

/** Reads events as the engine does, with the same look-ups, but decides nothing. */
export class Reader {
  readonly policy: CompiledPolicy;
  readonly #flows: FlowBook;
  readonly #asked = new Map<string, Asked>();

  /** The SQL parsers must have been loaded and tokens verified: an engine that judged the events did so. */
  constructor(document: PolicyDocument) {
    this.policy = compile(document, tokensOf(document).lookup(document.application));
    this.#flows = new FlowBook(this.policy);
  }

  read(event: Event): readonly Said[] {
    if (event.kind === 'source-end') return [];
    const record = this.#flows.of(event);
    if (record === null || record.status !== 'declared') return [];
    const seen = observe(this.policy, record, event);
    if (event.kind === 'connection-end') this.#flows.end(record);
    if (seen?.kind === 'request' && seen.match.kind === 'matched') {
      const { id, facts } = seen.match;
      if (seen.awaits !== null)
        this.#remember(`${event.flow.id} ${seen.awaits}`, { request: id, evidence: seen.evidence });
      return [{ kind: 'request', request: id, about: seen.evidence, facts, ok: true }];
    }
    if (seen?.kind !== 'answer') return [];
    return seen.of.flatMap((name) => {
      const asked = this.#asked.get(`${event.flow.id} ${name}`);
      if (asked === undefined) return [];
      this.#asked.delete(`${event.flow.id} ${name}`);
      const match = seen.ok ? (seen.read?.(asked.request) ?? null) : null;
      const facts = match?.kind === 'matched' ? match.facts : [];
      return [{ kind: 'answer', request: asked.request, about: asked.evidence, facts, ok: seen.ok }];
    });
  }

  #remember(name: string, asked: Asked): void {
    if (this.#asked.size >= MOST_ASKED) {
      const oldest = this.#asked.keys().next();
      if (oldest.done !== true) this.#asked.delete(oldest.value);
    }
    this.#asked.set(name, asked);
  }
}

/** Names the bytes of a request within one source. */
export function nameOfBytes({ flow, side, start, end }: Evidence): string {
  return `${flow} ${side} ${start} ${end}`;
}
