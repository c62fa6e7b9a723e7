// What happened to a source, in the audit and in the log. Enters: reports; leaves: an entry of the journal and a line of the log for each.
import type { AuditEntry } from '../audit/entry.ts';
import type { GateChange } from '../audit/gate-record.ts';
import { Limiter, type Log, short } from '../audit/log.ts';
import type { SourceChange } from '../audit/source-record.ts';
import type { SwitchChange } from '../audit/switch-record.ts';
import type { Clock } from '../broker/clock.ts';
import type { Micros } from '../flow.ts';
import type { Block } from '../flowtap/block.ts';
import type { SwitchReport } from './bridge.ts';
import type { GateSaying } from './gate.ts';
import type { Report } from './watch.ts';

export interface ReporterOptions {
  readonly log: Log;
  readonly clock: Clock;
  readonly wall: () => Micros;
  /** The time of the traffic by now; null before any. */
  readonly traffic: () => Micros | null;
  readonly onEntry: (entry: AuditEntry) => void;
}

const LEVEL_OF: Readonly<Record<SourceChange, 'info' | 'warn' | 'error'>> = {
  connected: 'info',
  lost: 'warn',
  gone: 'error',
  restarted: 'warn',
  skipped: 'warn',
  slow: 'warn',
  'caught-up': 'info',
  malformed: 'warn',
  refused: 'error',
  'packets-dropped': 'warn',
  unfollowed: 'warn',
  'clock-wrong': 'warn',
  'clock-right': 'info',
  exited: 'error',
};

const LEVEL_OF_SWITCH: Readonly<Record<SwitchChange, 'info' | 'warn' | 'error'>> = {
  reached: 'info',
  lost: 'error',
  'no-bridge': 'error',
  edited: 'warn',
  mended: 'info',
  unwatched: 'warn',
  contract: 'info',
};

const LEVEL_OF_GATE: Readonly<Record<GateChange, 'info' | 'warn' | 'error'>> = {
  opened: 'info',
  closed: 'info',
  answered: 'warn',
  reset: 'warn',
  'late-reset': 'error',
  'late-passed': 'error',
  full: 'error',
};

/** The audit gets all; the log at most 20 lines in 10 s of one kind about one source, and the number of those kept back. */
export class Reporter {
  readonly #options: ReporterOptions;
  readonly #limiter = new Limiter(20, 10_000);

  constructor(options: ReporterOptions) {
    this.#options = options;
  }

  take(kind: 'zeek' | 'capture', source: string, report: Report): void {
    const { wall, clock, traffic, log, onEntry } = this.#options;
    const text = short(report.text);
    onEntry({ kind: 'source', change: { ...report, text, at: wall(), traffic: traffic(), source } });
    const before = this.#limiter.take(`${source} ${report.change}`, clock.now());
    if (before === null) return;
    const { change, from, to, count, response, epoch } = report;
    log[LEVEL_OF[change]](
      {
        [kind]: source,
        change,
        response,
        ...(epoch === null ? {} : { epoch }),
        ...(from === null || to === null ? {} : { from: String(from), to: String(to) }),
        ...(count === null ? {} : { count }),
        ...(before === 0 ? {} : { kept_back: before }),
      },
      text,
    );
  }

  takeSwitch(bridge: string, report: SwitchReport): void {
    const { wall, clock, traffic, log, onEntry } = this.#options;
    const text = short(report.text);
    onEntry({ kind: 'switch', change: { ...report, text, at: wall(), traffic: traffic(), bridge } });
    const before = this.#limiter.take(`switch ${bridge} ${report.change}`, clock.now());
    if (before === null) return;
    const { change, count } = report;
    const kept = before === 0 ? {} : { kept_back: before };
    log[LEVEL_OF_SWITCH[change]]({ bridge, change, ...(count === null ? {} : { count }), ...kept }, text);
  }

  takeGate(gate: string, saying: GateSaying): void {
    const { wall, clock, traffic, log, onEntry } = this.#options;
    const text = short(saying.text);
    onEntry({ kind: 'gate', change: { ...saying, text, at: wall(), traffic: traffic(), gate } });
    const before = this.#limiter.take(`gate ${gate} ${saying.change}`, clock.now());
    if (before === null) return;
    const { change, verdict, flow } = saying;
    const known = { ...(verdict === null ? {} : { verdict }), ...(flow === null ? {} : { flow: flow.id }) };
    const kept = before === 0 ? {} : { kept_back: before };
    log[LEVEL_OF_GATE[change]]({ gate, change, ...known, ...kept }, text);
  }

  /** A block that the switch does not do. The audit has it as a record of that block. */
  refused(bridge: string, { id, state, why }: Block): void {
    const { clock, log } = this.#options;
    const before = this.#limiter.take(`switch ${bridge} ${state}`, clock.now());
    if (before === null) return;
    const kept = before === 0 ? {} : { kept_back: before };
    log.error({ bridge, block: id, state, ...kept }, short(why ?? 'the switch refuses it'));
  }
}
