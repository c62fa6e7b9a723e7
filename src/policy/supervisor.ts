// One application under a policy that can be replaced. Enters: events, documents; leaves: what its monitor says.
import type { Event, FlowEvent } from '../events/event.ts';
import type { Flow, Micros } from '../flow.ts';
import type { ChainId, EngineOutput, VerdictId } from '../verdict.ts';
import { type CompiledPolicy, compile } from './compile.ts';
import type { PolicyDocument } from './document.ts';
import { unpack } from './journal/entry.ts';
import { Journal } from './journal/journal.ts';
import { Monitor, type Shared } from './monitor.ts';
import { type Rejudged, Rejudging } from './rejudge.ts';
import type { TokenLookup } from './tokens/reading.ts';

/** What supervisors of several applications share. */
export interface Common {
  /** True for a flow whose requests are held until their verdicts. */
  readonly held: (flow: Flow) => boolean;
  readonly nextVerdict: () => VerdictId;
  readonly nextChain: () => number;
  /** What is known of the tokens of an application. */
  readonly tokens: (application: string) => TokenLookup | undefined;
  /** Bytes of events that are kept to be judged again; null to keep none. */
  readonly journal: number | null;
  /** Open chains up to which none is packed. */
  readonly unpackedChains: number;
}

/** Counts of monitors, which begin anew with each policy. */
export interface MonitorCounts {
  readonly opened: number;
  readonly evicted: number;
  readonly unmonitored: number;
  readonly covered: number;
  /** Memories that were given up, and those that were learned again otherwise. */
  readonly forgotten: number;
  readonly redefined: number;
}

const NOTHING_COUNTED: MonitorCounts = {
  opened: 0,
  evicted: 0,
  unmonitored: 0,
  covered: 0,
  forgotten: 0,
  redefined: 0,
};

export class Supervisor {
  readonly #common: Common;
  readonly #shared: Shared;
  readonly #journal: Journal | null;
  #monitor: Monitor;
  #rejudging: Rejudging | null = null;
  /** What monitors before this one counted, and this one while it judged again what those had judged. */
  #before: MonitorCounts = NOTHING_COUNTED;
  /** Policies that judged an open chain before this one. */
  readonly #former = new Map<ChainId, readonly string[]>();

  constructor(document: PolicyDocument, common: Common) {
    const journal = common.journal === null ? null : new Journal(common.journal);
    this.#common = common;
    this.#journal = journal;
    this.#shared = {
      held: common.held,
      witness: journal,
      unpackedChains: common.unpackedChains,
      nextVerdict: (about, denied) => {
        if (this.#rejudging !== null) return this.#rejudging.nextVerdict(about, denied);
        if (denied && about.subject.what === 'request') journal?.denies(about.evidence);
        return common.nextVerdict();
      },
      nextChain: () => {
        if (this.#rejudging !== null) return this.#rejudging.nextChain();
        const serial = common.nextChain();
        journal?.began(serial);
        return serial;
      },
    };
    this.#monitor = new Monitor(this.#compile(document), this.#shared);
  }

  #compile(document: PolicyDocument): CompiledPolicy {
    return compile(document, this.#common.tokens(document.application));
  }

  get monitor(): Monitor {
    return this.#monitor;
  }

  get journal(): Pick<Journal, 'bytes' | 'size' | 'evicted'> | null {
    return this.#journal;
  }

  get counts(): MonitorCounts {
    return combined(this.#before, countsOf(this.#monitor), (before, now) => before + now);
  }

  handle(event: Event): readonly EngineOutput[] {
    if (event.kind === 'source-end') return this.#named(this.#monitor.finish(event.ts));
    this.#journal?.begin(event);
    const outputs = this.#monitor.handle(event);
    this.#journal?.end(this.#monitor.flows.byId(event.flow.id) !== null, outputs, event.ts);
    return this.#named(outputs);
  }

  pass(now: Micros): readonly EngineOutput[] {
    const outputs = this.#monitor.pass(now);
    this.#journal?.heed(outputs);
    return this.#named(outputs);
  }

  /** The events that it would judge again. */
  *kept(): Generator<FlowEvent> {
    for (const entry of this.#journal?.list() ?? []) yield unpack(entry);
  }

  /** Goes on under another policy; null when it keeps no journal. */
  replace(document: PolicyDocument, now: Micros): Rejudged | null {
    const journal = this.#journal;
    if (journal === null) return null;
    const { nextVerdict, nextChain } = this.#common;
    const old = this.#monitor;
    const counts = this.counts;
    const young = new Monitor(this.#compile(document), this.#shared);
    this.#rejudging = new Rejudging(journal, { verdict: nextVerdict, chain: nextChain });
    const { kept, lost } = journal.chains;
    for (const { id } of [...kept, ...lost])
      this.#former.set(id, [...(this.#former.get(id) ?? []), old.policy.hash]);
    const rejudged = this.#rejudging.run(old, young, now);
    this.#rejudging = null;
    this.#monitor = young;
    this.#before = combined(counts, countsOf(young), (all, again) => all - again);
    return { ...rejudged, outputs: this.#named(rejudged.outputs) };
  }

  /** Records of chains name the policies that judged them before. */
  #named(outputs: readonly EngineOutput[]): readonly EngineOutput[] {
    if (this.#former.size === 0) return outputs;
    return outputs.map((output) => {
      const former = output.kind === 'chain' ? this.#former.get(output.record.id) : undefined;
      if (output.kind !== 'chain' || former === undefined) return output;
      this.#former.delete(output.record.id);
      const [first, ...others] = [...former, ...output.record.policies];
      return first === undefined
        ? output
        : { kind: 'chain', record: { ...output.record, policies: [first, ...others] } };
    });
  }
}

function countsOf({ chains, flows }: Monitor): MonitorCounts {
  const { opened, evicted } = chains.honest;
  const { unmonitored, covered } = flows;
  const { evicted: forgotten, redefined } = chains.memories.statistics;
  return { opened, evicted, unmonitored, covered, forgotten, redefined };
}

function combined(
  a: MonitorCounts,
  b: MonitorCounts,
  combine: (a: number, b: number) => number,
): MonitorCounts {
  return {
    opened: combine(a.opened, b.opened),
    evicted: combine(a.evicted, b.evicted),
    unmonitored: combine(a.unmonitored, b.unmonitored),
    covered: combine(a.covered, b.covered),
    forgotten: combine(a.forgotten, b.forgotten),
    redefined: combine(a.redefined, b.redefined),
  };
}
