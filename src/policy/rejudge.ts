// Judges what a journal holds by another policy. Enters: a journal, the old and the new monitor; leaves: what is newly denied, what no longer is.
import { missingSteps } from '../chain/agreement.ts';
import type { ChainState } from '../chain/chain-state.ts';
import type { FlowEvent } from '../events/event.ts';
import type { Micros } from '../flow.ts';
import type { ChainId, ChainRecord, EngineOutput, Verdict, VerdictId } from '../verdict.ts';
import { aspectOf, type Begun, type Entry, type FlowTail, type Said, unpack } from './journal/entry.ts';
import type { Journal } from './journal/journal.ts';
import { lostOf } from './lost-chains.ts';
import type { Monitor } from './monitor.ts';
import { recordOf } from './reports.ts';
import type { About } from './verdicts.ts';

/** What became of one application's flows and chains. */
export interface Rejudged {
  /** What is to be said: verdicts that fell now, records of chains that the new policy does not explain. */
  readonly outputs: readonly EngineOutput[];
  /** Verdicts that denied something and would not any more. */
  readonly lifted: ReadonlySet<VerdictId>;
  readonly flows: number;
  /** Chains that go on, that ended because of it, and that are open although too little is known of them. */
  readonly chains: { readonly continued: number; readonly ended: number; readonly unknown: number };
}

interface Names {
  readonly verdict: () => VerdictId;
  readonly chain: () => number;
}

/** Gives names while events are judged again: what was said before keeps its name. */
export class Rejudging {
  readonly #journal: Journal;
  readonly #names: Names;
  readonly #said = new Map<Entry | FlowTail, readonly Said[]>();
  readonly #begun = new Map<Entry, Begun[]>();
  /** Chains that had ended before. */
  readonly #ended = new Set<ChainId>();
  readonly #waited = new Set<Entry>();
  /** Verdicts that fall now; the value is false for those that say again what was said. */
  readonly #fresh = new Map<VerdictId, Entry | FlowTail | null>();

  constructor(journal: Journal, names: Names) {
    this.#journal = journal;
    this.#names = names;
  }

  /** The name of a verdict: that of an equal one which was said before, or a new one. */
  nextVerdict(about: About, denied: boolean): VerdictId {
    const { subject, evidence, flow, step } = about;
    const of = aspectOf(subject.what, step);
    const holder =
      subject.what === 'connection' ? this.#journal.tail(flow.id) : this.#journal.entry(evidence);
    if (subject.what === 'request' && denied) this.#journal.denies(evidence);
    const before = holder === null ? [] : (this.#said.get(holder) ?? []).filter((each) => each.of === of);
    const same = before.find((each) => each.denied === denied) ?? (denied ? undefined : before[0]);
    if (same !== undefined) return same.id;
    const id = this.#names.verdict();
    // What passes and was not said is said when it waited; what is not of the journal is said as always.
    const waited = holder === null || (isEntry(holder) && this.#waited.has(holder));
    const past = holder !== null && isEntry(holder) && isPast(holder);
    if (!past && (denied || waited)) this.#fresh.set(id, waited ? null : holder);
    return id;
  }

  /** The number of a chain: that of the one which the same request began before, or a new one. */
  nextChain(): number {
    const { entry, denied } = this.#journal.judged;
    const begun = entry === null ? undefined : this.#begun.get(entry);
    const at = begun?.findIndex(({ tainted }) => tainted === denied) ?? -1;
    const [known] = at < 0 ? [] : (begun?.splice(at, 1) ?? []);
    const serial = known?.serial ?? this.#names.chain();
    this.#journal.began(serial);
    return serial;
  }

  /** Feeds the journal to the new monitor. */
  run(old: Monitor, young: Monitor, now: Micros): Rejudged {
    const journal = this.#journal;
    journal.sweep(now);
    const chains = journal.chains;
    const tails = [...journal.tails];
    const entries = journal.list();
    for (const entry of entries) {
      this.#said.set(entry, entry.said);
      this.#begun.set(entry, [...entry.begun]);
      if (entry.past) for (const { serial } of entry.begun) this.#ended.add(`c${serial}` as ChainId);
      if (entry.waiting) this.#waited.add(entry);
      entry.said = [];
      entry.waiting = false;
    }
    for (const tail of tails) {
      this.#said.set(tail, tail.said);
      tail.said = [];
    }
    journal.release();
    for (const chain of chains.lost) young.lost.add(lostOf(chain));
    for (const chain of old.lost.alive(now)) young.lost.add(chain);

    const outputs: EngineOutput[] = [];
    const take = (said: readonly EngineOutput[]): void => {
      journal.heed(said.map((output) => this.#dated(output, now)));
      for (const output of said) outputs.push(...this.#sift(output, old, young, now));
    };
    // What is judged again recalls what was known by then, and what was forgotten since stays forgotten.
    young.chains.memories.carryOver(old.chains.memories, now);
    const order = [...tails, ...entries].sort((a, b) => a.sequence - b.sequence || rank(a) - rank(b));
    for (const each of order) {
      take(young.handle(isEntry(each) ? unpack(each) : attemptOf(each)));
    }
    for (const { live, flow } of tails) {
      const record = live ? null : young.flows.byId(flow.id);
      if (record !== null) young.flows.end(record);
    }
    young.flows.carryOver(old.flows);
    young.chains.jobs.carryOver(old.chains.jobs);
    young.chains.memories.carryOver(old.chains.memories, now);
    take(young.pass(now));
    // A new policy may expect more of them, but they are over.
    for (const id of this.#ended) {
      young.chains.honest.dismiss(id, now);
      young.chains.tainted.dismiss(id, now);
    }
    journal.sweep(now);

    const kept = new Set(journal.chains.kept.map(({ serial }) => serial));
    const gone = chains.kept.filter(({ serial, tainted }) => tainted === null && !kept.has(serial));
    const said = new Set(outputs.flatMap((each) => (each.kind === 'chain' ? [each.record.id] : [])));
    for (const chain of [...gone.filter(({ id }) => !said.has(id)), ...chains.lost.filter(isHonest)])
      outputs.push({ kind: 'chain', record: abandoned(old, young, chain, now) });
    return {
      outputs,
      lifted: this.#lifted([...tails, ...entries]),
      flows: tails.filter(({ live }) => live).length,
      chains: {
        continued: chains.kept.filter(isHonest).length - gone.length,
        ended: gone.length,
        unknown: chains.lost.filter(isHonest).length,
      },
    };
  }

  /** What is said of it: nothing of what was said before. */
  #sift(output: EngineOutput, old: Monitor, young: Monitor, now: Micros): readonly EngineOutput[] {
    switch (output.kind) {
      case 'chain':
        return this.#ended.has(output.record.id) ? [] : [output];
      case 'block': {
        const holder = this.#fresh.get(output.block.verdict);
        if (holder === undefined) return [];
        if (holder === null) return [output];
        return isLive(holder) ? [this.#dated(output, now)] : [];
      }
      case 'verdict': {
        const holder = this.#fresh.get(output.verdict.id);
        if (holder === undefined) return [];
        if (holder === null) return [output];
        return [{ kind: 'verdict', verdict: fallen(output.verdict, old, young, isLive(holder), now) }];
      }
    }
  }

  /** A block because of a verdict that falls now begins now. */
  #dated(output: EngineOutput, now: Micros): EngineOutput {
    if (output.kind !== 'block' || (this.#fresh.get(output.block.verdict) ?? null) === null) return output;
    return { kind: 'block', block: { ...output.block, from: now } };
  }

  /** Of what was judged again: what was denied and is denied by nothing now. */
  #lifted(judged: readonly (Entry | FlowTail)[]): ReadonlySet<VerdictId> {
    const lifted = new Set<VerdictId>();
    for (const each of judged) {
      const waits = isEntry(each) && each.waiting;
      const after = each.said;
      for (const { of, id, denied } of this.#said.get(each) ?? []) {
        if (!denied || waits || after.some((other) => other.of === of && other.denied)) continue;
        // A request on a connection that is denied now is covered by that verdict.
        const tail = isEntry(each) ? each.tail : each;
        if (!tail.said.some((other) => other.denied)) lifted.add(id);
      }
      if (after.every(({ denied }) => !denied)) each.until = null;
    }
    return lifted;
  }
}

function isHonest({ tainted }: ChainState): boolean {
  return tainted === null;
}

function isLive(holder: Entry | FlowTail): boolean {
  return isEntry(holder) ? holder.tail.live : holder.live;
}

function isEntry(each: Entry | FlowTail): each is Entry {
  return 'key' in each;
}

/** True for what only says what others rest on: nothing that passed in a chain which has ended is denied afterwards. */
function isPast({ past, leaders }: Entry): boolean {
  return past || (leaders.size > 0 && [...leaders].every((leader) => leader.past));
}

/** A flow is judged before its first event. */
function rank(each: Entry | FlowTail): number {
  return isEntry(each) ? 1 : 0;
}

/** Whatever its first event was, it is the connection that is judged. */
function attemptOf({ flow, ts, at }: FlowTail): FlowEvent {
  return { kind: 'connection-attempt', flow, ts, at };
}

/** A verdict that falls now, on what passed before. */
function fallen(verdict: Verdict, old: Monitor, young: Monitor, live: boolean, now: Micros): Verdict {
  const text = `The policy was replaced (${old.policy.hash} by ${young.policy.hash}): the one before did not deny this.`;
  const ended = verdict.action === 'block' && !live;
  return {
    ...verdict,
    ts: now,
    reasons: [...verdict.reasons, { code: 'policy-replaced', text }],
    ...(ended ? { action: 'observe', restraint: 'ended' } : {}),
    effect: 'detected',
  };
}

function abandoned(old: Monitor, young: Monitor, chain: ChainState, now: Micros): ChainRecord {
  const record = recordOf(old.policy, {
    kind: 'ended',
    chain,
    outcome: 'abandoned',
    missing: missingSteps(chain),
  });
  return { ...record, ended: now, policies: [young.policy.hash] };
}
