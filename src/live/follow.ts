// What the live service follows: each Zeek and each interface, with its watch and its place in the merge. Enters: configuration; leaves: followers.
import type { Log } from '../audit/log.ts';
import type { TlsOptions } from '../broker/connection.ts';
import type { CaptureConfig } from '../config/captures.ts';
import type { ServiceConfig, ZeekConfig } from '../config/config.ts';
import type { Event } from '../events/event.ts';
import type { Micros } from '../flow.ts';
import type { Counts, DropRule } from '../flowtap/driver.ts';
import { ZeekSource, type ZeekSourceOptions } from '../zeek/source.ts';
import { Capture } from './capture.ts';
import type { Lane, Merge } from './merge.ts';
import type { ServiceParts } from './parts.ts';
import type { Reporter } from './reporter.ts';
import type { SourceSnapshot } from './status.ts';
import { Watch } from './watch.ts';
import { Zeek } from './zeek.ts';

/** A source of events, whoever reads it. */
export interface Follower {
  readonly name: string;
  run(): Promise<void>;
  stop(): Promise<void>;
  /** Goes by what other policies ask of it. */
  want(wanted: Parameters<ZeekSource['want']>[0]): void;
  /** To be called about once a second. */
  tick(now: number): void;
  readonly snapshot: SourceSnapshot;
  /** What passed of a flow since a moment; null when it cannot be known. */
  passed(rule: DropRule, since: Micros): Promise<Counts | null>;
}

export interface FollowOptions extends Pick<ZeekSourceOptions, 'hosts'> {
  readonly hints: ZeekSourceOptions['hints'];
  readonly config: Pick<ServiceConfig, 'limits' | 'inbox'>;
  readonly parts: ServiceParts;
  readonly merge: Merge;
  readonly reporter: Reporter;
  readonly log: Log;
  readonly room: () => Promise<void> | null;
  /** Something waits in the merge now. */
  readonly onWaiting: () => void;
}

/** What every source needs: how its events and its time reach the merge. */
function wiring({ parts, merge, onWaiting }: FollowOptions, lane: Lane) {
  const { clock, wall } = parts;
  return {
    // The end of one of several sources is not the end of the traffic.
    onEvent: (event: Event): void => {
      if (event.kind === 'source-end') return;
      merge.offer(lane, event, clock.now(), wall());
      onWaiting();
    },
    onTime: (ts: Micros): void => {
      merge.heard(lane, ts, clock.now(), wall());
      onWaiting();
    },
    onAbsent: (): void => merge.absent(lane, clock.now()),
  };
}

/** A Zeek; nobody there counts the packets of one flow. */
export function followZeek(config: ZeekConfig, tls: TlsOptions | null, options: FollowOptions): Follower {
  const { parts, reporter, hints, hosts } = options;
  const { clock, random, restart, launch } = parts;
  const lane = options.merge.add();
  const { onEvent, onTime, onAbsent } = wiring(options, lane);
  const watch = new Watch(
    {
      on: config.on,
      blind: (cause) => source.blind(cause),
      onReport: (report) => reporter.take('zeek', config.name, report),
    },
    clock.now(),
  );
  const source = new ZeekSource({
    name: config.name,
    hints,
    ...(hosts === undefined ? {} : { hosts }),
    limits: options.config.limits,
    onEvent,
    onNotice: (notice) => watch.notice(notice),
  });
  const { log, room } = options;
  const { inbox } = options.config;
  const both = { source, watch, log, clock, random, restart, launch };
  const zeek = new Zeek({ config, inbox, tls, ...both, onTime, onAbsent, room });
  return {
    name: config.name,
    run: () => zeek.run(),
    stop: () => zeek.stop(),
    want: (wanted) => zeek.want(wanted),
    tick: (now) => zeek.tick(now, lane.clock),
    get snapshot() {
      return {
        kind: 'zeek',
        name: config.name,
        view: watch.view,
        load: zeek.load,
        source: source.statistics,
        waiting: lane.length,
        unsent: zeek.unsent,
      } as const;
    },
    passed: async () => null,
  };
}

/** An interface of this machine. */
export function followCapture(config: CaptureConfig, options: FollowOptions): Follower {
  const { parts, reporter, log, room } = options;
  // Read anew for each flow, so that it can change while the interface is read.
  const known = new Map(options.hints);
  const { clock, wall, random, restart } = parts;
  const lane = options.merge.add();
  const watch = new Watch(
    {
      on: config.on,
      blind: (cause) => capture.blind(cause),
      onReport: (report) => reporter.take('capture', config.name, report),
    },
    clock.now(),
  );
  const capture = new Capture({
    config,
    limits: options.config.limits,
    hints: known,
    watch,
    log,
    clock,
    wall,
    random,
    restart,
    launch: parts.capture,
    ...wiring(options, lane),
    room,
  });
  return {
    name: config.name,
    run: () => capture.run(),
    stop: () => capture.stop(),
    want: (wanted) => {
      known.clear();
      for (const [endpoint, protocol] of wanted.hints) known.set(endpoint, protocol);
    },
    tick: (now) => capture.tick(now, lane.clock),
    get snapshot() {
      const source = capture.statistics;
      return {
        kind: 'capture',
        name: config.name,
        view: watch.view,
        load: null,
        source,
        waiting: lane.length,
        unsent: 0,
      } as const;
    },
    passed: (rule, since) => capture.passed(rule, since),
  };
}
