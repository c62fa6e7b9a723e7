// The whole way of one event: identity, policy, chain, verdict, block. Enters: events; leaves: what the engine says. No I/O.
import { UNPACKED } from './chain/packer.ts';
import { viewOf } from './chain/view.ts';
import { FlowTapError } from './errors.ts';
import type { Event } from './events/event.ts';
import type { HttpRequest } from './events/http.ts';
import type { Evidence, Flow, Micros } from './flow.ts';
import { type DocumentChange, differenceOf } from './policy/difference.ts';
import type { PolicyDocument } from './policy/document.ts';
import { hashOf } from './policy/hash.ts';
import type { MemoryStatistics } from './policy/memories.ts';
import type { Rejudged } from './policy/rejudge.ts';
import { streams } from './policy/streams.ts';
import { Supervisor } from './policy/supervisor.ts';
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
  /** Bytes of events that are kept so that policies can be replaced; without it they cannot be. */
  readonly journal?: number;
  /**
   * Open user requests of one application up to which none is packed; 100,000 without it. Packed ones take a third of the
   * memory, and an event of one costs about twice as much as another.
   */
  readonly unpackedChains?: number;
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
  /** Those of the open ones that are packed, since nothing happens to them. */
  readonly chainsPacked: number;
  /** What is remembered beyond chains: keys, those given up because there were too many, those learned again otherwise. */
  readonly memories: MemoryStatistics;
  /** Flows between addresses that no policy names. */
  readonly unmonitored: number;
  /** Events on flows whose connection was already denied: covered by that verdict. */
  readonly covered: number;
  /** What is kept so that policies can be replaced; absent when nothing is. `chainsEvicted`: too many bytes. */
  readonly journal?: { readonly entries: number; readonly bytes: number; readonly chainsEvicted: number };
}

export interface Engine {
  /** Takes the next event in order of arrival; gives what can be said by now, in order. */
  handle(event: Event): readonly EngineOutput[];
  /** Lets the traffic's time pass while it is silent; gives what is overdue by `now`. An earlier time changes nothing. */
  advance(now: Micros): readonly EngineOutput[];
  /**
   * Judges by other policies from now on. Open chains and live flows are judged again: what was not denied and is now is
   * said, and its flow is cut; what is not denied any more is named. The same events and the same moment give the same.
   * @throws FlowTapError when the engine was made without a journal
   */
  replace(policies: readonly PolicyDocument[]): Replacement;
  /** The events that are kept to be judged again when policies are replaced. */
  kept(): Iterable<Event>;
  /** What judges now, by application. */
  readonly policies: readonly { readonly application: string; readonly policy: string }[];
  /** True while what was read from these bytes is not decided: something that is still on its way may explain it. */
  waits(evidence: Evidence): boolean;
  /** True for a request that a policy declares to be judged by its head alone, so that its body need not be held. */
  streams(request: Pick<HttpRequest, 'flow' | 'method' | 'target'>): boolean;
  /** An open or recently ended chain, drawn; null when it is gone. */
  view(chain: ChainId): ChainView | null;
  readonly statistics: EngineStatistics;
}

/** What became of one application when the policies were replaced. */
export interface PolicyChange {
  readonly application: string;
  /** Hashes; null for an application that came or went. */
  readonly before: string | null;
  readonly after: string | null;
  readonly differences: readonly DocumentChange[];
  readonly flows: number;
  readonly chains: Rejudged['chains'];
}

export interface Replacement {
  readonly changes: readonly PolicyChange[];
  readonly outputs: readonly EngineOutput[];
  /** True for a verdict of this application that denied something which nothing denies any more. */
  readonly isLifted: (application: string, verdict: VerdictId) => boolean;
}

/** Makes an engine for documents that `checkPolicy` found without errors. Waits for the SQL parsers to load. */
export async function createEngine(options: EngineOptions): Promise<Engine> {
  await loadSqlParsers();
  let verdictCount = 0;
  let chainCount = 0;
  const supervise = (document: PolicyDocument, applications: number): Supervisor =>
    new Supervisor(document, {
      tokens: (application) => options.tokens?.lookup(application),
      held: options.holds ?? (() => options.containment === 'redirect'),
      nextVerdict: () => `v${++verdictCount}` as VerdictId,
      nextChain: () => ++chainCount,
      journal: options.journal == null ? null : Math.floor(options.journal / applications),
      unpackedChains: options.unpackedChains ?? UNPACKED,
    });
  let supervisors = options.policies.map((document) => supervise(document, options.policies.length));
  const verdicts = { pass: 0, drop: 0, indeterminate: 0 };
  let events = 0;
  let ambiguous = 0;
  let now: Micros = 0;

  function count(outputs: readonly EngineOutput[]): readonly EngineOutput[] {
    for (const output of outputs) {
      if (output.kind !== 'verdict') continue;
      verdicts[output.verdict.kind]++;
      if (output.verdict.candidates > 1) ambiguous++;
    }
    return outputs;
  }

  return {
    handle(event) {
      events++;
      now = Math.max(now, event.ts);
      const [only] = supervisors;
      return count(
        supervisors.length === 1 && only !== undefined
          ? only.handle(event)
          : supervisors.flatMap((supervisor) => supervisor.handle(event)),
      );
    },
    advance(to) {
      now = Math.max(now, to);
      return count(supervisors.flatMap((supervisor) => supervisor.pass(to)));
    },
    replace(policies) {
      const replacement = replaceAll(supervisors, policies, now, (document) =>
        supervise(document, policies.length),
      );
      supervisors = replacement.supervisors;
      count(replacement.outputs);
      return replacement;
    },
    *kept() {
      for (const supervisor of supervisors) yield* supervisor.kept();
    },
    waits: (evidence) => supervisors.some(({ monitor }) => monitor.waits(evidence)),
    streams: (request) =>
      supervisors.some(({ monitor: { policy, flows } }) =>
        streams(policy, flows.byId(request.flow.id), request),
      ),
    view(id) {
      for (const { monitor } of supervisors) {
        const chain = monitor.chains.honest.get(id) ?? monitor.chains.tainted.get(id);
        if (chain !== null) return viewOf(chain);
      }
      return null;
    },
    get policies() {
      return supervisors.map(({ monitor }) => ({
        application: monitor.policy.document.application,
        policy: monitor.policy.hash,
      }));
    },
    get statistics() {
      const sum = (of: (supervisor: Supervisor) => number): number =>
        supervisors.reduce((total, supervisor) => total + of(supervisor), 0);
      return {
        events,
        verdicts: { ...verdicts },
        ambiguous,
        chainsOpened: sum(({ counts }) => counts.opened),
        chainsOpen: sum(({ monitor }) => monitor.chains.honest.open),
        chainsEvicted: sum(({ counts }) => counts.evicted),
        chainsPacked: sum(({ monitor }) => monitor.chains.honest.packed),
        memories: {
          remembered: sum(({ monitor }) => monitor.chains.memories.statistics.remembered),
          evicted: sum(({ counts }) => counts.forgotten),
          redefined: sum(({ counts }) => counts.redefined),
        },
        unmonitored: sum(({ counts }) => counts.unmonitored),
        covered: sum(({ counts }) => counts.covered),
        ...(options.journal == null
          ? {}
          : {
              journal: {
                entries: sum(({ journal }) => journal?.size ?? 0),
                bytes: sum(({ journal }) => journal?.bytes ?? 0),
                chainsEvicted: sum(({ journal }) => journal?.evicted ?? 0),
              },
            }),
      };
    },
  };
}

/** Each application goes on under its new policy; what did not change goes on as it is. */
function replaceAll(
  supervisors: readonly Supervisor[],
  policies: readonly PolicyDocument[],
  now: Micros,
  supervise: (document: PolicyDocument) => Supervisor,
): Replacement & { readonly supervisors: Supervisor[] } {
  const old = new Map(supervisors.map((each) => [each.monitor.policy.document.application, each]));
  const changes: PolicyChange[] = [];
  const outputs: EngineOutput[] = [];
  const lifted = new Map<string, ReadonlySet<VerdictId>>();
  const none = { flows: 0, chains: { continued: 0, ended: 0, unknown: 0 } };
  const next = policies.map((document) => {
    const { application } = document;
    const after = hashOf(document);
    const supervisor = old.get(application);
    old.delete(application);
    if (supervisor === undefined) {
      changes.push({ application, before: null, after, differences: [], ...none });
      return supervise(document);
    }
    const { document: former, hash: before } = supervisor.monitor.policy;
    if (before === after) return supervisor;
    const rejudged = supervisor.replace(document, now);
    if (rejudged === null) throw new FlowTapError('fault', 'this engine keeps nothing to judge again');
    outputs.push(...rejudged.outputs);
    lifted.set(application, rejudged.lifted);
    const { flows, chains } = rejudged;
    changes.push({ application, before, after, differences: differenceOf(former, document), flows, chains });
    return supervisor;
  });
  for (const [application, { monitor }] of old) {
    changes.push({ application, before: monitor.policy.hash, after: null, differences: [], ...none });
    // What waits is no matter of a policy that is gone.
    outputs.push(...monitor.finish(now).filter(({ kind }) => kind === 'chain'));
  }
  const gone = new Set(old.keys());
  return {
    supervisors: next,
    changes,
    outputs,
    isLifted: (application, verdict) =>
      gone.has(application) || lifted.get(application)?.has(verdict) === true,
  };
}
