// Puts the parts together: a sensor, engine, FlowTap layer, journal. Enters: captures and policies; leaves: entries of the journal.
import type { AuditEntry } from './audit/entry.ts';
import { type Containment, createEngine, type Engine } from './engine.ts';
import { InputError } from './errors.ts';
import type { Event } from './events/event.ts';
import type { Micros } from './flow.ts';
import { Blocks } from './flowtap/blocks.ts';
import { MemoryDriver } from './flowtap/memory.ts';
import { Judge } from './judge.ts';
import type { PolicyDocument } from './policy/document.ts';
import { hintsOf } from './policy/hints.ts';
import { Tokens } from './policy/tokens/tokens.ts';
import { PARSERS } from './sensor/parsers.ts';
import { replay } from './sensor/replay.ts';
import { emptyStatistics, type SensorStatistics } from './sensor/statistics.ts';
import { replayZeek } from './zeek/replay.ts';
import type { ZeekNotice } from './zeek/source.ts';

/** Who reads a capture: the sensor in this process, or a Zeek that is started for it. */
export type SensorName = 'embedded' | 'zeek';

export interface CaptureRun {
  readonly captures: readonly string[];
  readonly sensor: SensorName;
  readonly policies: readonly PolicyDocument[];
  readonly containment: Containment;
  /** Told the capture, the bytes of it read so far and in all (null for a pipe). */
  readonly onProgress?: (capture: string, done: number, total: number | null) => void;
  /** Told what is to be known of a Zeek that reads a capture. */
  readonly onNotice?: (notice: ZeekNotice) => void;
  /** Told what Zeek writes, a line each. */
  readonly onLog?: (line: string) => void;
  /** Takes the place of an event, to see what would be said of another one. */
  readonly rewrite?: (event: Event) => Event;
  /** Ends the run before its sources end; what was said until then is complete. */
  readonly signal?: AbortSignal;
  /** Called as soon as something is said; the engine is then as it was when it said it. */
  readonly onEntry: (entry: AuditEntry, engine: Engine) => void;
}

/**
 * Replays captures through the policies, with the embedded sensor and the FlowTap layer in memory. The last entry is
 * `end`, also when the run was stopped or a capture is cut midway.
 * @throws InputError for a capture that cannot be read, after the entries of what could
 */
export async function runCaptures(run: CaptureRun): Promise<void> {
  const tokens = new Tokens(run.policies);
  const engine = await createEngine({ policies: run.policies, containment: run.containment, tokens });
  // Nothing outlives this process that could take another run's cookies for ours.
  const blocks = new Blocks({ driver: new MemoryDriver(), run: 0 });
  let sensor: Readonly<SensorStatistics> = emptyStatistics();
  const judge = new Judge(engine, blocks);
  const handle = (event: Event): void => {
    for (const entry of judge.handle(event)) run.onEntry(entry, engine);
  };

  const { whole, failure } = await feed(run, tokens, handle, (statistics) => {
    sensor = statistics;
  });
  const end = {
    at: judge.now,
    sources: run.captures,
    by: run.sensor,
    whole,
    engine: engine.statistics,
    sensor,
    blocks: { desired: blocks.list().length, evicted: blocks.evicted, strayReports: blocks.strayReports },
  };
  run.onEntry({ kind: 'end', end }, engine);
  if (failure !== null) throw failure;
}

/** Gives the events of the captures to `handle`, up to the last `source-end`. */
async function feed(
  run: CaptureRun,
  tokens: Tokens,
  handle: (event: Event) => void,
  onStatistics: (statistics: Readonly<SensorStatistics>) => void,
): Promise<{ readonly whole: boolean; readonly failure: InputError | null }> {
  let ts: Micros = 0;
  try {
    for await (const events of eventsOf(run, onStatistics)) {
      for (const event of events) {
        if (run.signal?.aborted === true) {
          handle({ kind: 'source-end', ts, source: run.captures.join(', ') });
          return { whole: false, failure: null };
        }
        ts = event.ts;
        const judged = run.rewrite?.(event) ?? event;
        const unverified = tokens.admit(judged);
        if (unverified !== null) await unverified;
        handle(judged);
      }
    }
    return { whole: true, failure: null };
  } catch (error) {
    if (error instanceof InputError) return { whole: false, failure: error };
    throw error;
  }
}

function eventsOf(
  { captures, policies, sensor, onProgress, onNotice, onLog }: CaptureRun,
  onStatistics: (statistics: Readonly<SensorStatistics>) => void,
): AsyncGenerator<readonly Event[], void, void> {
  const hints = hintsOf(policies);
  if (sensor === 'embedded')
    return replay(captures, {
      hints,
      parsers: PARSERS,
      onStatistics,
      ...(onProgress === undefined ? {} : { onProgress }),
    });
  return replayZeek(captures, {
    hints,
    onStatistics,
    ...(onNotice === undefined ? {} : { onNotice }),
    ...(onLog === undefined ? {} : { onLog }),
  });
}
