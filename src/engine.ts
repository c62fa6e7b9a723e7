// The whole way of one event: identity, policy, chain, verdict, block. Enters: events; leaves: what the engine says. No I/O.
import { viewOf } from './chain/view.ts';
import type { Event } from './events/event.ts';
import type { HttpRequest } from './events/http.ts';
import type { Evidence, Flow, Micros } from './flow.ts';
import { compile } from './policy/compile.ts';
import type { PolicyDocument } from './policy/document.ts';
import type { MemoryStatistics } from './policy/memories.ts';
import { Monitor, type Shared } from './policy/monitor.ts';
import { streams } from './policy/streams.ts';
import type { Tokens } from './policy/tokens/tokens.ts';
import { loadSqlParsers } from './sql/read.ts';
import type { ChainId, ChainView, EngineOutput, VerdictId, VerdictKind } from './verdict.ts';

/** What happens with a request while it is judged: `forward` copies it here, `redirect` holds it here (paper, III-A). */
export type Containment = 'forward' | 'redirect';

export interface EngineOptions {
  readonly policies: readonly PolicyDocument[];
  readonly containment: Containment;
  /** Verifies the tokens of each event before it is handled. Without it no claim is clear. */
  readonly tokens?: Tokens;
  /** Whose requests are held, where some are and others only seen as copies; without it, `containment` says it of all. */
  readonly holds?: (flow: Flow) => boolean;
}

/** Counts of what the engine did; nothing is lost in silence. */
export interface EngineStatistics {
  readonly events: number;
  readonly verdicts: Readonly<Record<VerdictKind, number>>;
  /** Requests that more than one open chain could have explained. */
  readonly ambiguous: number;
  readonly chainsOpened: number;
  readonly chainsOpen: number;
  /** Chains given up because too many were open. */
  readonly chainsEvicted: number;
  /** What is remembered beyond chains: keys, those given up because there were too many, those learned again otherwise. */
  readonly memories: MemoryStatistics;
  /** Flows between addresses that no policy names. */
  readonly unmonitored: number;
  /** Events on flows whose connection was already denied: covered by that verdict. */
  readonly covered: number;
}

export interface Engine {
  /** Takes the next event in order of arrival; gives what can be said by now, in order. */
  handle(event: Event): readonly EngineOutput[];
  /** Lets the traffic's time pass while it is silent; gives what is overdue by `now`. An earlier time changes nothing. */
  advance(now: Micros): readonly EngineOutput[];
  /** True while what was read from these bytes is not decided: something that is still on its way may explain it. */
  waits(evidence: Evidence): boolean;
  /** True for a request that a policy declares to be judged by its head alone, so that its body need not be held. */
  streams(request: Pick<HttpRequest, 'flow' | 'method' | 'target'>): boolean;
  /** An open or recently ended chain, drawn; null when it is gone. */
  view(chain: ChainId): ChainView | null;
  readonly statistics: EngineStatistics;
}

/** Makes an engine for documents that `checkPolicy` found without errors. Waits for the SQL parsers to load. */
export async function createEngine(options: EngineOptions): Promise<Engine> {
  await loadSqlParsers();
  let verdictCount = 0;
  let chainCount = 0;
  const shared: Shared = {
    held: options.holds ?? (() => options.containment === 'redirect'),
    nextVerdict: () => `v${++verdictCount}` as VerdictId,
    nextChain: () => ++chainCount,
  };
  const monitors = options.policies.map((document) => {
    const lookup = options.tokens?.lookup(document.application);
    return new Monitor(compile(document, lookup), shared);
  });
  const verdicts = { pass: 0, drop: 0, indeterminate: 0 };
  let events = 0;
  let ambiguous = 0;

  function count(output: EngineOutput): void {
    if (output.kind !== 'verdict') return;
    verdicts[output.verdict.kind]++;
    if (output.verdict.candidates > 1) ambiguous++;
  }

  return {
    handle(event) {
      events++;
      const take = (monitor: Monitor): readonly EngineOutput[] =>
        event.kind === 'source-end' ? monitor.finish(event.ts) : monitor.handle(event);
      const [only] = monitors;
      const outputs = monitors.length === 1 && only !== undefined ? take(only) : monitors.flatMap(take);
      for (const output of outputs) count(output);
      return outputs;
    },
    advance(now) {
      const outputs = monitors.flatMap((monitor) => monitor.pass(now));
      for (const output of outputs) count(output);
      return outputs;
    },
    waits: (evidence) => monitors.some((monitor) => monitor.waits(evidence)),
    streams: (request) =>
      monitors.some(({ policy, flows }) => streams(policy, flows.byId(request.flow.id), request)),
    view(id) {
      for (const { chains } of monitors) {
        const chain = chains.honest.get(id) ?? chains.tainted.get(id);
        if (chain !== null) return viewOf(chain);
      }
      return null;
    },
    get statistics() {
      const sum = (of: (monitor: Monitor) => number): number =>
        monitors.reduce((total, monitor) => total + of(monitor), 0);
      return {
        events,
        verdicts: { ...verdicts },
        ambiguous,
        chainsOpened: sum(({ chains }) => chains.honest.opened),
        chainsOpen: sum(({ chains }) => chains.honest.open),
        chainsEvicted: sum(({ chains }) => chains.honest.evicted),
        memories: {
          remembered: sum(({ chains }) => chains.memories.statistics.remembered),
          evicted: sum(({ chains }) => chains.memories.statistics.evicted),
          redefined: sum(({ chains }) => chains.memories.statistics.redefined),
        },
        unmonitored: sum(({ flows }) => flows.unmonitored),
        covered: sum(({ flows }) => flows.covered),
      };
    },
  };
}
