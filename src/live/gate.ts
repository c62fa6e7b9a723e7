// The gate of the live service: its doors, its place before the engine, its reports. Enters: configuration, judged events; leaves: events, reports.

import { randomBytes } from 'node:crypto';
import type { AuditEntry } from '../audit/entry.ts';
import type { GateEntry } from '../audit/gate-record.ts';
import type { GateConfig } from '../config/gate.ts';
import { assertNever, InputError } from '../errors.ts';
import type { Protocol } from '../events/common.ts';
import type { Event, FlowEvent } from '../events/event.ts';
import { Gate, type GateReport, type GateStatistics, type Oracle } from '../gate/gate.ts';
import { type Doors, openDoors } from '../gate/plain.ts';
import { openTransparent } from '../gate/transparent/doors.ts';
import type { PolicyDocument } from '../policy/document.ts';
import { hintsOf } from '../policy/hints.ts';
import { judgedAnswers } from '../policy/judged-answers.ts';
import type { SensorLimits } from '../sensor/parser.ts';
import { PARSERS } from '../sensor/parsers.ts';
import type { ServiceParts } from './parts.ts';

/** While something waits for its verdict, time passes so often: that is what a wait is longer by, at most. */
const STEP_MS = 2;

/** What is said about the gate; who reports it adds the times. */
export type GateSaying = Pick<GateEntry, 'change' | 'flow' | 'verdict' | 'text'>;

export interface GateView {
  readonly name: string;
  readonly open: boolean;
  readonly statistics: GateStatistics;
}

export interface LiveGateOptions {
  readonly config: GateConfig;
  /** The configuration's file, for errors. */
  readonly file: string;
  readonly policies: readonly PolicyDocument[];
  readonly limits: Readonly<Partial<SensorLimits>>;
  readonly oracle: Oracle;
  readonly parts: Pick<ServiceParts, 'clock' | 'wall'>;
  /** Gives an event to the engine, by way of what puts those of several sources in order. */
  readonly onEvent: (event: FlowEvent) => void;
  /** Lets the engine's time pass up to now. */
  readonly onTime: () => void;
  readonly onReport: (saying: GateSaying) => void;
  /** Null when there is room for what follows from the next event. */
  readonly room: () => Promise<void> | null;
}

export class LiveGate {
  readonly #options: LiveGateOptions;
  readonly #gate: Gate;
  readonly #hints = new Map<string, Protocol>();
  #judged: ReadonlyMap<string, ReadonlySet<string>> = new Map();
  #doors: Doors | null = null;
  #cancel: (() => void) | null = null;
  /** Events that wait for room in the journal: what they are about is held meanwhile. */
  #waiting: FlowEvent[] = [];
  #draining = false;

  constructor(options: LiveGateOptions) {
    const { config, policies, limits, oracle, parts } = options;
    this.#options = options;
    this.#gate = new Gate({
      name: config.name,
      hints: this.#hints,
      parsers: PARSERS,
      limits,
      bounds: {
        connection: config.hold.bytes,
        total: config.hold.total,
        connections: config.hold.connections,
        holdMs: config.hold.forMs,
        late: config.hold.late,
      },
      oracle,
      isJudged: ({ application, step }) => step !== null && this.#judged.get(application)?.has(step) === true,
      wall: parts.wall,
      clock: () => parts.clock.now(),
      word: () => `flowtap_refused_${randomBytes(12).toString('hex')}`,
      onEvent: (event) => this.#submit(event),
      onReport: (report) => options.onReport(sayingOf(report)),
    });
    this.use(policies);
  }

  /** Goes by these policies from now on: what ports speak, and which answers can be denied. */
  use(policies: readonly PolicyDocument[]): void {
    this.#judged = new Map(policies.map((policy) => [policy.application, judgedAnswers(policy)]));
    this.#hints.clear();
    for (const [endpoint, protocol] of hintsOf(policies)) this.#hints.set(endpoint, protocol);
  }

  get view(): GateView {
    return { name: this.#options.config.name, open: this.#doors !== null, statistics: this.#gate.statistics };
  }

  /**
   * Takes connections from now on.
   * @throws InputError for an address that cannot be listened at, or what is missing for a transparent gate
   */
  async open(): Promise<void> {
    const { config, parts, file } = this.#options;
    const { at, hold } = config;
    const options = {
      idleMs: hold.idleMs,
      after: (ms: number, run: () => void) => parts.clock.after(ms, run),
    };
    try {
      this.#doors =
        at.kind === 'doors'
          ? await openDoors(this.#gate, at.doors, options)
          : await openTransparent(this.#gate, at, options);
    } catch (cause) {
      if (cause instanceof InputError) throw cause;
      const { code, address, port } = cause as { code?: string; address?: string; port?: number };
      const problem = `gate: ${address ?? '?'}:${port ?? '?'} cannot be listened at (${code ?? 'unknown'})`;
      throw new InputError(
        'config-invalid',
        { file },
        problem,
        'choose another address, or end what uses it',
        { cause },
      );
    }
    const where = this.#doors.at.map(({ ip, port }) => `${ip}:${port}`).join(', ');
    this.#say('opened', `it takes connections at ${where}`);
  }

  /** The engine has handled an event (null: time has passed), and this was written to the journal. */
  heed(event: Event | null, entries: readonly AuditEntry[]): void {
    this.#gate.heed(
      event,
      entries.flatMap((entry) => (entry.kind === 'verdict' ? [entry.verdict] : [])),
    );
    this.#arm();
  }

  /** To be called about once a second. */
  tick(): void {
    if (this.#doors === null) return;
    // What had to follow and did not is overdue also when nobody says anything.
    this.#options.onTime();
    this.#gate.tick();
  }

  /** Takes no more connections, and cuts those that are there off: nothing is to pass unjudged. */
  async close(): Promise<void> {
    this.#cancel?.();
    this.#cancel = null;
    const doors = this.#doors;
    this.#doors = null;
    if (doors === null) return;
    await doors.close();
    this.#say('closed', 'it takes no more connections');
  }

  #submit(event: FlowEvent): void {
    const { room, onEvent } = this.#options;
    if (this.#waiting.length === 0 && room() === null) onEvent(event);
    else {
      this.#waiting.push(event);
      if (!this.#draining) void this.#drain();
    }
    this.#arm();
  }

  async #drain(): Promise<void> {
    this.#draining = true;
    while (this.#waiting.length > 0) {
      const full = this.#options.room();
      if (full !== null) await full;
      const event = this.#waiting.shift();
      if (event !== undefined) this.#options.onEvent(event);
    }
    this.#draining = false;
  }

  /** Nobody else may say anything for a while, and what waits would wait for that. */
  #arm(): void {
    if (this.#cancel !== null || this.#doors === null || this.#gate.statistics.held === 0) return;
    this.#cancel = this.#options.parts.clock.after(STEP_MS, () => {
      this.#cancel = null;
      this.#options.onTime();
      this.#gate.tick();
      this.#arm();
    });
  }

  #say(change: GateSaying['change'], text: string): void {
    this.#options.onReport({ change, flow: null, verdict: null, text });
  }
}

function sayingOf(report: GateReport): GateSaying {
  const { flow } = report;
  switch (report.kind) {
    case 'refused': {
      const { id, subject } = report.verdict;
      const answered = report.how === 'answer';
      const text = answered ? 'was answered with a refusal' : 'cut its connection off';
      return {
        change: answered ? 'answered' : 'reset',
        flow,
        verdict: id,
        text: `${subject.request} ${text}`,
      };
    }
    case 'late':
      return report.then === 'reset'
        ? { change: 'late-reset', flow, verdict: null, text: 'no verdict came in time: it was cut off' }
        : { change: 'late-passed', flow, verdict: null, text: 'no verdict came in time: it was passed on' };
    case 'full': {
      const what =
        report.of === 'bytes' ? 'more bytes than may be held' : 'more connections than may be open';
      return { change: 'full', flow, verdict: null, text: `${what}: it was cut off` };
    }
    default:
      return assertNever(report);
  }
}
