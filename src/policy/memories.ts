// What is remembered of user requests beyond their chains. Enters: answered requests, requests that recall; leaves: facts, or why there are none.
import { ownText } from '../chain/own-text.ts';
import type { FactReading } from '../chain/scope.ts';
import type { Instance } from '../chain/state.ts';
import type { Micros } from '../flow.ts';
import type { CompiledPolicy } from './compile.ts';
import type { MemoryDeclaration, RequestDeclaration } from './document.ts';

/** What a request recalls. */
export type Recall =
  | { readonly kind: 'recalled'; readonly facts: readonly FactReading[] }
  /** It was never learned, or forgotten: that is certain. */
  | { readonly kind: 'gone'; readonly fact: string; readonly why: string }
  /** It may have been learned before we began to look, or was given up. */
  | { readonly kind: 'unknown'; readonly memory: string; readonly why: string };

interface Entry {
  /** Null for a key that was forgotten: it is known that it means nothing any more. */
  readonly facts: readonly FactReading[] | null;
  readonly learned: Micros;
}

const MARK = ' (remembered';

const NOTHING: Recall = { kind: 'recalled', facts: [] };

/** All memories of one application. */
export class Memories {
  readonly #policy: CompiledPolicy;
  readonly #memories: ReadonlyMap<string, Memory>;
  /** The requests that recall each memory. */
  readonly #recalling: ReadonlyMap<string, readonly string[]>;
  readonly #learners: ReadonlyMap<string, readonly RequestDeclaration[]>;
  #learned = new Set<string>();

  constructor(policy: CompiledPolicy) {
    const { memories = [], requests } = policy.document;
    const users = (how: 'recalls' | 'remembers', memory: string) =>
      requests.filter((request) => request[how]?.includes(memory));
    this.#policy = policy;
    this.#memories = new Map(memories.map((declaration) => [declaration.name, new Memory(declaration)]));
    this.#recalling = new Map(memories.map(({ name }) => [name, users('recalls', name).map(({ id }) => id)]));
    this.#learners = new Map(memories.map(({ name }) => [name, users('remembers', name)]));
  }

  /**
   * Goes on at `now` with what another policy remembered. What it did not remember, or compared otherwise, cannot be told
   * any more.
   */
  carryOver(from: Memories, now: Micros): void {
    const alike = ({ by, keeps }: MemoryDeclaration): boolean =>
      [by, ...keeps].every(
        (fact) => this.#policy.normalisers.get(fact) === from.#policy.normalisers.get(fact),
      );
    for (const [name, memory] of this.#memories) {
      const before = from.#memories.get(name);
      const carried = before !== undefined && memory.carryOver(before, alike);
      const taught = new Set(from.#learners.get(name)?.map(({ id }) => id));
      const learners = this.#learners.get(name) ?? [];
      if (!carried || !learners.every(({ id }) => taught.has(id))) memory.miss(now);
    }
  }

  /** Lets time pass. The first call is the beginning: what was learned before it is not known. */
  advance(now: Micros): void {
    for (const memory of this.#memories.values()) memory.advance(now);
  }

  /** The facts that a request's own facts recall. A request without the key of a memory recalls nothing. */
  recall(id: string, facts: readonly FactReading[], now: Micros): Recall {
    const names = this.#policy.requests.get(id)?.recalls;
    if (names === undefined) return NOTHING;
    const recalled: FactReading[] = [];
    for (const name of names) {
      const found = this.#memories.get(name)?.recall(facts, now) ?? NOTHING;
      if (found.kind !== 'recalled') return found;
      recalled.push(...found.facts);
    }
    return { kind: 'recalled', facts: recalled };
  }

  /** A request was answered with success, and nothing is wrong with its answer. */
  answered(instance: Instance, now: Micros): void {
    const declaration = this.#policy.requests.get(instance.plan.request);
    for (const name of declaration?.remembers ?? []) {
      if (this.#memories.get(name)?.learn(instance, now) === true)
        for (const id of this.#recalling.get(name) ?? []) this.#learned.add(id);
    }
    for (const name of declaration?.forgets ?? []) this.#memories.get(name)?.forget(instance, now);
  }

  /** Something that this service was asked, or answered, passed without being read: it may have been what is remembered. */
  missed(service: string, now: Micros): void {
    for (const [name, learners] of this.#learners)
      if (learners.some(({ to }) => to === service)) this.#memories.get(name)?.miss(now);
  }

  /** Kinds of request that may recall more than before the last call. */
  takeLearned(): ReadonlySet<string> {
    const learned = this.#learned;
    if (learned.size > 0) this.#learned = new Set();
    return learned;
  }

  get statistics(): MemoryStatistics {
    const all = [...this.#memories.values()];
    const sum = (of: (memory: Memory) => number): number => all.reduce((total, each) => total + of(each), 0);
    return {
      remembered: sum(({ size }) => size),
      evicted: sum(({ evicted }) => evicted),
      redefined: sum(({ redefined }) => redefined),
    };
  }
}

export interface MemoryStatistics {
  readonly remembered: number;
  /** Given up because there were too many. */
  readonly evicted: number;
  /** Keys that were learned again with other facts. */
  readonly redefined: number;
}

class Memory {
  readonly #declaration: MemoryDeclaration;
  /** By key, in the order of learning. */
  readonly #entries = new Map<string, Entry>();
  /** Since when everything that was learned is known; null before the first event. */
  #since: Micros | null = null;
  /** When the youngest of what is too old by now was learned. */
  #expired: Micros | null = null;
  evicted = 0;
  redefined = 0;

  constructor(declaration: MemoryDeclaration) {
    this.#declaration = declaration;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** What is known by now stays. False when it is of no use here. */
  carryOver(from: Memory, alike: (declaration: MemoryDeclaration) => boolean): boolean {
    const { by, keeps } = from.#declaration;
    const same = by === this.#declaration.by && this.#declaration.keeps.every((fact) => keeps.includes(fact));
    if (!same || !alike(this.#declaration)) return false;
    const learnedSince = [...this.#entries];
    this.#entries.clear();
    for (const [key, entry] of from.#entries) {
      const facts = entry.facts?.filter(({ fact }) => this.#declaration.keeps.includes(fact)) ?? null;
      this.#put(key, { facts, learned: entry.learned });
    }
    // What was judged again just now is what the other one has learned already, unless it denied it.
    for (const [key, entry] of learnedSince) if (!this.#entries.has(key)) this.#put(key, entry);
    this.#doubt(from.#since);
    this.#expired = latest(this.#expired, from.#expired);
    // What was too old there may be young enough here.
    if (this.#declaration.lifetime > from.#declaration.lifetime) this.#doubt(from.#expired);
    return true;
  }

  advance(now: Micros): void {
    this.#since ??= now;
    for (const [key, { learned }] of this.#entries) {
      if (learned + this.#declaration.lifetime >= now) break;
      this.#entries.delete(key);
      this.#expired = latest(this.#expired, learned);
    }
  }

  miss(now: Micros): void {
    this.#doubt(now);
  }

  /** What was learned until then may not be known. */
  #doubt(until: Micros | null): void {
    this.#since = latest(this.#since, until);
  }

  recall(facts: readonly FactReading[], now: Micros): Recall {
    const { name, by, lifetime } = this.#declaration;
    const key = facts.find(({ fact }) => fact === by);
    if (key === undefined) return NOTHING;
    const entry = this.#entries.get(key.value);
    const later = entry?.facts === null && entry.learned > now;
    if (entry !== undefined && entry.learned + lifetime >= now && !later) {
      return entry.facts === null
        ? { kind: 'gone', fact: by, why: `${name}: it was forgotten` }
        : { kind: 'recalled', facts: entry.facts };
    }
    // Whatever was learned before that moment would have been forgotten by now anyway.
    return !later && this.#since !== null && this.#since + lifetime < now
      ? { kind: 'gone', fact: by, why: `${name}: nothing is remembered of it` }
      : {
          kind: 'unknown',
          memory: name,
          why: `nothing is remembered in ${name}, but it may have been learned unseen`,
        };
  }

  /** False when the chain does not have all of the facts. */
  learn({ scope }: Instance, now: Micros): boolean {
    const { name, by, keeps } = this.#declaration;
    const key = scope.fact(by);
    const kept = keeps.map((fact) => scope.fact(fact));
    if (key === undefined || !kept.every((reading) => reading !== undefined)) return false;
    const before = this.#entries.get(key.value)?.facts ?? null;
    const differs = before?.some(({ fact, value }) => scope.fact(fact)?.value !== value) === true;
    if (differs) this.redefined++;
    const how = differs ? `${MARK} anew in ${name})` : `${MARK} in ${name})`;
    const facts = kept.map(({ fact, value, source, evidence }) => ({
      fact,
      // It is kept for longer than what it was cut from.
      value: ownText(value),
      // What is recalled and remembered again says where it was learned first, and does not grow.
      source: `${source.split(MARK, 1)[0] ?? ''}${how}`,
      evidence,
    }));
    this.#put(ownText(key.value), { facts, learned: now });
    return true;
  }

  forget({ scope }: Instance, now: Micros): void {
    const key = scope.fact(this.#declaration.by);
    if (key !== undefined) this.#put(ownText(key.value), { facts: null, learned: now });
  }

  #put(key: string, entry: Entry): void {
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    if (this.#entries.size <= this.#declaration.most) return;
    const oldest = this.#entries.keys().next();
    if (oldest.done === true) return;
    this.#entries.delete(oldest.value);
    this.evicted++;
    this.#doubt(entry.learned);
  }
}

function latest(a: Micros | null, b: Micros | null): Micros | null {
  return a === null || b === null ? (a ?? b) : Math.max(a, b);
}
