// Puts the parts together: sensor, engine, FlowTap layer, journal. Enters: captures and policies; leaves: entries of the journal.
import type { AuditEntry } from './audit/entry.ts';
import { type Containment, createEngine, type Engine } from './engine.ts';
import { InputError } from './errors.ts';
import type { Event } from './events/event.ts';
import type { Micros } from './flow.ts';
import { Blocks } from './flowtap/blocks.ts';
import { MemoryDriver } from './flowtap/memory.ts';
import type { PolicyDocument } from './policy/document.ts';
import { hintsOf } from './policy/hints.ts';
import { PARSERS } from './sensor/parsers.ts';
import { replay } from './sensor/replay.ts';
import { emptyStatistics, type SensorStatistics } from './sensor/statistics.ts';
import type { VerdictId } from './verdict.ts';

export interface CaptureRun {
  readonly captures: readonly string[];
  readonly policies: readonly PolicyDocument[];
  readonly containment: Containment;
  /** Told the capture, the bytes of it read so far and in all (null for a pipe). */
  readonly onProgress?: (capture: string, done: number, total: number | null) => void;
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
  const engine = await createEngine({ policies: run.policies, containment: run.containment });
  // Nothing outlives this process that could take another run's cookies for ours.
  const blocks = new Blocks({ driver: new MemoryDriver(), run: 0 });
  let sensor: Readonly<SensorStatistics> = emptyStatistics();
  let now: Micros = 0;

  const handle = (event: Event): void => {
    now = Math.max(now, event.ts);
    blocks.advance(now);
    for (const entry of entriesOf(event, engine, blocks, now)) run.onEntry(entry, engine);
  };

  const { whole, failure } = await feed(run, handle, (statistics) => {
    sensor = statistics;
  });
  const end = {
    at: now,
    sources: run.captures,
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
  { captures, policies, onProgress, signal, rewrite = (event) => event }: CaptureRun,
  handle: (event: Event) => void,
  onStatistics: (statistics: Readonly<SensorStatistics>) => void,
): Promise<{ readonly whole: boolean; readonly failure: InputError | null }> {
  const hints = hintsOf(policies);
  let ts: Micros = 0;
  try {
    for await (const events of replay(captures, {
      hints,
      parsers: PARSERS,
      onStatistics,
      ...(onProgress === undefined ? {} : { onProgress }),
    })) {
      for (const event of events) {
        if (signal?.aborted === true) {
          handle({ kind: 'source-end', ts, source: captures.join(', ') });
          return { whole: false, failure: null };
        }
        ts = event.ts;
        handle(rewrite(event));
      }
    }
    return { whole: true, failure: null };
  } catch (error) {
    if (error instanceof InputError) return { whole: false, failure: error };
    throw error;
  }
}

/** What is said about one event: a verdict knows the block that it led to, so blocks are asked for first. */
function entriesOf(event: Event, engine: Engine, blocks: Blocks, now: Micros): readonly AuditEntry[] {
  const outputs = engine.handle(event);
  const blockOf = new Map<VerdictId, ReturnType<Blocks['block']>>();
  for (const output of outputs) {
    if (output.kind === 'block') blockOf.set(output.block.verdict, blocks.block(output.block));
  }
  const entries: AuditEntry[] = [];
  for (const output of outputs) {
    if (output.kind === 'verdict') {
      const { verdict } = output;
      entries.push({ kind: 'verdict', verdict, block: blockOf.get(verdict.id) ?? null });
    } else if (output.kind === 'chain') {
      entries.push({ kind: 'chain', chain: output.record });
    }
  }
  for (const block of blocks.takeChanges()) entries.push({ kind: 'block', block, at: now });
  return entries;
}
