// How the live service is, for whoever asks. Enters: what its parts count; leaves: a health report, and metrics.
import type { Family, Sample } from '../audit/metrics.ts';
import type { Statistics } from '../broker/statistics.ts';
import type { Engine, EngineStatistics } from '../engine.ts';
import type { SwitchView } from './bridge.ts';
import type { GateView } from './gate.ts';
import type { Outputs } from './outputs.ts';
import type { WatchView } from './watch.ts';

/** One source at one moment. */
export interface SourceSnapshot {
  readonly kind: 'zeek' | 'capture';
  readonly name: string;
  readonly view: WatchView;
  /** Of the connection to a Zeek; null while there is none. */
  readonly load: Statistics | null;
  /** Numbers of its source, perhaps in groups. */
  readonly source: object;
  /** Of the events that it sent, how many wait for earlier ones of others. */
  readonly waiting: number;
  readonly unsent: number;
}

export interface Snapshot {
  readonly sources: readonly SourceSnapshot[];
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

export interface SourceHealth {
  readonly name: string;
  readonly state: string;
  readonly node: string | null;
  readonly version: string | null;
  readonly slow: boolean;
  readonly clock: string;
  readonly why: string | null;
}

export interface Health {
  /** `failed`: nothing is seen. `degraded`: something is not seen, or late. */
  readonly status: 'ok' | 'degraded' | 'failed';
  readonly reasons: readonly string[];
  readonly policies: Engine['policies'];
  readonly zeeks: readonly SourceHealth[];
  /** Only where there are some. */
  readonly captures?: readonly SourceHealth[];
  readonly gate?: { readonly name: string; readonly open: boolean };
  readonly switch?: { readonly bridge: string; readonly state: string; readonly why: string | null };
}

/** What `/healthz` says. */
export function healthOf({ sources, bridge, gate, outputs, policies }: Snapshot): Health {
  const reasons = sources.flatMap(({ name, view }) => [
    ...(view.state === 'connected' ? [] : [`${name} is ${view.state}: ${view.why}`]),
    ...(view.slow ? [`${name} is slow: what it says comes faster than they are judged`] : []),
    ...(view.clock === 'right' ? [] : [`${name}: its time is ${view.clock} of this machine's clock`]),
  ]);
  if (bridge !== null && bridge.state !== 'ready')
    reasons.push(`bridge ${bridge.bridge} is ${bridge.state}: ${bridge.why}`);
  if (outputs.full) reasons.push('the audit is not written as fast as it comes');
  if (gate?.open === false) reasons.push(`${gate.name} takes no connections`);
  const blind = gate?.open !== true && sources.every(({ view }) => view.state !== 'connected');
  return {
    status: blind ? 'failed' : reasons.length > 0 ? 'degraded' : 'ok',
    reasons,
    policies,
    zeeks: sources.flatMap((source) => (source.kind === 'zeek' ? [sourceHealth(source)] : [])),
    ...(sources.some(({ kind }) => kind === 'capture')
      ? { captures: sources.flatMap((source) => (source.kind === 'capture' ? [sourceHealth(source)] : [])) }
      : {}),
    ...(gate === null ? {} : { gate: { name: gate.name, open: gate.open } }),
    ...(bridge === null
      ? {}
      : {
          switch: { bridge: bridge.bridge, state: bridge.state, why: bridge.why === '' ? null : bridge.why },
        }),
  };
}

function sourceHealth({ name, view }: SourceSnapshot): SourceHealth {
  const { state, node, version, slow, clock, why } = view;
  return { name, state, node, version, slow, clock, why: why === '' ? null : why };
}

/** Who read what the sources say. */
export function sensedBy(sources: readonly SourceSnapshot[]): 'embedded' | 'zeek' | 'both' {
  const kinds = new Set(sources.map(({ kind }) => kind));
  return kinds.size === 2 ? 'both' : kinds.has('capture') ? 'embedded' : 'zeek';
}

/** What `/metrics` says. */
export function metricsOf(snapshot: Snapshot): readonly Family[] {
  const { sources, engine, policies, bridge, gate, blocks, merge, outputs, uptimeSeconds } = snapshot;
  const kinds = (['zeek', 'capture'] as const).filter(
    (kind) => kind === 'zeek' || sources.some((source) => source.kind === kind),
  );
  const one = (value: number): readonly Sample[] => [{ value }];
  return [
    gauge('uptime_seconds', 'Since the service was started.', one(uptimeSeconds)),
    ...kinds.flatMap((kind) =>
      sourceFamilies(
        kind,
        sources.filter((source) => source.kind === kind),
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
    gauge('chains_packed', 'Open user requests that nothing happens to, packed.', one(engine.chainsPacked)),
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

function counter(name: string, help: string, samples: readonly Sample[]): Family {
  return { name: `flowtap_${name}_total`, type: 'counter', help, samples };
}

function gauge(name: string, help: string, samples: readonly Sample[]): Family {
  return { name: `flowtap_${name}`, type: 'gauge', help, samples };
}

/** The numbers of all Zeeks, or of all captures. */
function sourceFamilies(kind: 'zeek' | 'capture', sources: readonly SourceSnapshot[]): readonly Family[] {
  const each = (value: (source: SourceSnapshot) => number): readonly Sample[] =>
    sources.map((source) => ({ labels: { [kind]: source.name }, value: value(source) }));
  const up = kind === 'zeek' ? '1: it is connected and can be used.' : '1: tcpdump listens.';
  const slow = kind === 'zeek' ? '1: its events come faster than they are judged.' : '1: it is not read on.';
  const ofZeek = [
    gauge(
      'zeek_queued_frames',
      'Frames that wait to be read.',
      each(({ load }) => load?.queuedFrames ?? 0),
    ),
    counter(
      'zeek_unsent',
      'Events that could not be sent to it.',
      each(({ unsent }) => unsent),
    ),
  ];
  return [
    gauge(
      `${kind}_up`,
      up,
      each(({ view }) => (view.state === 'connected' ? 1 : 0)),
    ),
    gauge(
      `${kind}_slow`,
      slow,
      each(({ view }) => (view.slow ? 1 : 0)),
    ),
    ...(kind === 'zeek' ? ofZeek : []),
    gauge(
      `${kind}_waiting_events`,
      'Events that wait for earlier ones of others.',
      each(({ waiting }) => waiting),
    ),
    counter(
      `${kind}_changes`,
      'What happened to it, by the names of the audit.',
      sources.flatMap(({ name, view }) =>
        [...view.changes].map(([change, value]) => ({ labels: { [kind]: name, change }, value })),
      ),
    ),
    gauge(
      `${kind}_source`,
      'What its source counted, by name.',
      sources.flatMap(({ name, source }) =>
        numbersOf(source).map(([count, value]) => ({ labels: { [kind]: name, count }, value })),
      ),
    ),
  ];
}

/** The numbers of an object and of the objects in it, by their path. */
function numbersOf(object: object, prefix = ''): readonly (readonly [string, number])[] {
  return Object.entries(object).flatMap(([name, value]): readonly (readonly [string, number])[] => {
    if (typeof value === 'number' || typeof value === 'bigint') return [[`${prefix}${name}`, Number(value)]];
    return typeof value === 'object' && value !== null ? numbersOf(value, `${prefix}${name}.`) : [];
  });
}
