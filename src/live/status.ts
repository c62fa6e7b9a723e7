// How the live service is, for whoever asks. Enters: what its parts count; leaves: a health report, and metrics.
import type { Family, Sample } from '../audit/metrics.ts';
import type { Statistics } from '../broker/statistics.ts';
import type { Engine, EngineStatistics } from '../engine.ts';
import type { SwitchView } from './bridge.ts';
import type { GateView } from './gate.ts';
import type { Outputs } from './outputs.ts';
import type { WatchView } from './watch.ts';

/** One Zeek at one moment. */
export interface ZeekSnapshot {
  readonly name: string;
  readonly view: WatchView;
  readonly load: Statistics | null;
  /** Numbers of its source, perhaps in groups. */
  readonly source: object;
  /** Of the events that it sent, how many wait for earlier ones of others. */
  readonly waiting: number;
  readonly unsent: number;
}

export interface Snapshot {
  readonly zeeks: readonly ZeekSnapshot[];
  readonly engine: EngineStatistics;
  readonly policies: Engine['policies'];
  /** Null when nothing is blocked with a switch. */
  readonly bridge: SwitchView | null;
  /** Null when nothing is held. */
  readonly gate: GateView | null;
  readonly blocks: { readonly desired: number; readonly evicted: number; readonly strayReports: number };
  readonly merge: { readonly waiting: number; readonly early: number; readonly restamped: number };
  readonly outputs: Outputs['state'];
  readonly uptimeSeconds: number;
}

export interface Health {
  /** `failed`: nothing is seen. `degraded`: something is not seen, or late. */
  readonly status: 'ok' | 'degraded' | 'failed';
  readonly reasons: readonly string[];
  readonly policies: Engine['policies'];
  readonly zeeks: readonly {
    readonly name: string;
    readonly state: string;
    readonly node: string | null;
    readonly version: string | null;
    readonly slow: boolean;
    readonly clock: string;
    readonly why: string | null;
  }[];
  readonly gate?: { readonly name: string; readonly open: boolean };
  readonly switch?: { readonly bridge: string; readonly state: string; readonly why: string | null };
}

/** What `/healthz` says. */
export function healthOf({ zeeks, bridge, gate, outputs, policies }: Snapshot): Health {
  const reasons = zeeks.flatMap(({ name, view }) => [
    ...(view.state === 'connected' ? [] : [`${name} is ${view.state}: ${view.why}`]),
    ...(view.slow ? [`${name} is slow: its events come faster than they are judged`] : []),
    ...(view.clock === 'right' ? [] : [`${name}: its time is ${view.clock} of this machine's clock`]),
  ]);
  if (bridge !== null && bridge.state !== 'ready')
    reasons.push(`bridge ${bridge.bridge} is ${bridge.state}: ${bridge.why}`);
  if (outputs.full) reasons.push('the audit is not written as fast as it comes');
  if (gate?.open === false) reasons.push(`${gate.name} takes no connections`);
  const blind = gate?.open !== true && zeeks.every(({ view }) => view.state !== 'connected');
  return {
    status: blind ? 'failed' : reasons.length > 0 ? 'degraded' : 'ok',
    reasons,
    policies,
    zeeks: zeeks.map(({ name, view }) => ({
      name,
      state: view.state,
      node: view.node,
      version: view.version,
      slow: view.slow,
      clock: view.clock,
      why: view.why === '' ? null : view.why,
    })),
    ...(gate === null ? {} : { gate: { name: gate.name, open: gate.open } }),
    ...(bridge === null
      ? {}
      : {
          switch: { bridge: bridge.bridge, state: bridge.state, why: bridge.why === '' ? null : bridge.why },
        }),
  };
}

/** What `/metrics` says. */
export function metricsOf(snapshot: Snapshot): readonly Family[] {
  const { zeeks, engine, policies, bridge, gate, blocks, merge, outputs, uptimeSeconds } = snapshot;
  const each = (value: (zeek: ZeekSnapshot) => number): readonly Sample[] =>
    zeeks.map((zeek) => ({ labels: { zeek: zeek.name }, value: value(zeek) }));
  const one = (value: number): readonly Sample[] => [{ value }];
  const counter = (name: string, help: string, samples: readonly Sample[]): Family => ({
    name: `flowtap_${name}_total`,
    type: 'counter',
    help,
    samples,
  });
  const gauge = (name: string, help: string, samples: readonly Sample[]): Family => ({
    name: `flowtap_${name}`,
    type: 'gauge',
    help,
    samples,
  });
  return [
    gauge('uptime_seconds', 'Since the service was started.', one(uptimeSeconds)),
    gauge(
      'zeek_up',
      '1: it is connected and can be used.',
      each(({ view }) => (view.state === 'connected' ? 1 : 0)),
    ),
    gauge(
      'zeek_slow',
      '1: its events come faster than they are judged.',
      each(({ view }) => (view.slow ? 1 : 0)),
    ),
    gauge(
      'zeek_queued_frames',
      'Frames that wait to be read.',
      each(({ load }) => load?.queuedFrames ?? 0),
    ),
    gauge(
      'zeek_waiting_events',
      'Events that wait for earlier ones of other Zeeks.',
      each(({ waiting }) => waiting),
    ),
    counter(
      'zeek_changes',
      'What happened to it, by the names of the audit.',
      zeeks.flatMap(({ name, view }) =>
        [...view.changes].map(([change, value]) => ({ labels: { zeek: name, change }, value })),
      ),
    ),
    counter(
      'zeek_unsent',
      'Events that could not be sent to it.',
      each(({ unsent }) => unsent),
    ),
    gauge(
      'zeek_source',
      'What its source counted, by name.',
      zeeks.flatMap(({ name, source }) =>
        numbersOf(source).map(([count, value]) => ({ labels: { zeek: name, count }, value })),
      ),
    ),
    counter('events', 'Events that were judged.', one(engine.events)),
    counter(
      'verdicts',
      'Verdicts by kind.',
      Object.entries(engine.verdicts).map(([verdict, value]) => ({ labels: { verdict }, value })),
    ),
    counter(
      'verdicts_ambiguous',
      'Requests that several chains could have explained.',
      one(engine.ambiguous),
    ),
    gauge('chains_open', 'Open user requests.', one(engine.chainsOpen)),
    counter('chains_opened', 'User requests.', one(engine.chainsOpened)),
    counter('chains_evicted', 'User requests given up to bound memory.', one(engine.chainsEvicted)),
    gauge('memories', 'Keys remembered beyond user requests.', one(engine.memories.remembered)),
    counter('memories_evicted', 'Keys given up to bound memory.', one(engine.memories.evicted)),
    counter('memories_redefined', 'Keys learned again with other facts.', one(engine.memories.redefined)),
    counter('flows_unmonitored', 'Flows between addresses that no policy names.', one(engine.unmonitored)),
    gauge(
      'policy',
      '1: this policy judges, by the hash of its document.',
      policies.map((labels) => ({ labels: { ...labels }, value: 1 })),
    ),
    gauge('journal_bytes', 'Bytes of events kept to be judged again.', one(engine.journal?.bytes ?? 0)),
    counter(
      'journal_chains_evicted',
      'Open user requests whose events were given up to bound memory.',
      one(engine.journal?.chainsEvicted ?? 0),
    ),
    gauge('blocks', 'Blocks that are wanted.', one(blocks.desired)),
    counter('blocks_evicted', 'Blocks given up to bound memory.', one(blocks.evicted)),
    counter('block_reports_stray', 'Reports on blocks that are not known.', one(blocks.strayReports)),
    ...(bridge === null
      ? []
      : [
          gauge('switch_up', '1: it holds what it shall.', [
            { labels: { bridge: bridge.bridge }, value: bridge.state === 'ready' ? 1 : 0 },
          ]),
          counter(
            'switch_changes',
            'What happened to it, by the names of the audit.',
            [...bridge.changes].map(([change, value]) => ({
              labels: { bridge: bridge.bridge, change },
              value,
            })),
          ),
        ]),
    ...(gate === null
      ? []
      : [
          gauge('gate_up', '1: it takes connections.', one(gate.open ? 1 : 0)),
          counter('gate_connections', 'Connections that it took.', one(gate.statistics.connections)),
          gauge('gate_connections_open', 'Connections in the path.', one(gate.statistics.open)),
          gauge('gate_held_bytes', 'Bytes that are held.', one(gate.statistics.heldBytes)),
          gauge(
            'gate_held_bytes_most',
            'The most that were held at once.',
            one(gate.statistics.mostHeldBytes),
          ),
          gauge('gate_held', 'Requests and answers that wait for their verdicts.', one(gate.statistics.held)),
          counter('gate_decided', 'What was held and decided.', one(gate.statistics.decided)),
          counter(
            'gate_hold_seconds',
            'For how long that was held, in all.',
            one(gate.statistics.heldMs / 1000),
          ),
          counter(
            'gate_refused',
            'What was denied, by protocol and by how that was said.',
            [...gate.statistics.refused].map(([name, value]) => {
              const [protocol = '', how = ''] = name.split(' ');
              return { labels: { protocol, how }, value };
            }),
          ),
          counter('gate_late', 'What was held as long as it may be.', one(gate.statistics.late)),
          counter('gate_full', 'Connections cut off because a bound was reached.', one(gate.statistics.full)),
        ]),
    gauge('merge_waiting_events', 'Events that wait for earlier ones.', one(merge.waiting)),
    counter('merge_early', 'Events judged before their time, since too many waited.', one(merge.early)),
    counter('merge_restamped', 'Events whose time was ahead of the clock.', one(merge.restamped)),
    gauge('audit_pending_bytes', 'Bytes of the audit that are not written yet.', one(outputs.pendingBytes)),
    counter('log_dropped', 'Lines of the log that were not written.', one(outputs.logDropped)),
  ];
}

/** The numbers of an object and of the objects in it, by their path. */
function numbersOf(object: object, prefix = ''): readonly (readonly [string, number])[] {
  return Object.entries(object).flatMap(([name, value]): readonly (readonly [string, number])[] => {
    if (typeof value === 'number' || typeof value === 'bigint') return [[`${prefix}${name}`, Number(value)]];
    return typeof value === 'object' && value !== null ? numbersOf(value, `${prefix}${name}.`) : [];
  });
}
