// A real Zeek in tests. Enters: captures; leaves: what Zeek makes of them, or why it cannot be asked.
import type { TestContext } from 'vitest';
import type { Protocol } from '../../src/events/common.ts';
import type { Event } from '../../src/events/event.ts';
import { findZeek } from '../../src/zeek/find.ts';
import { replayZeek } from '../../src/zeek/replay.ts';
import type { ZeekNotice, ZeekStatistics } from '../../src/zeek/source.ts';

/** Skips a test, with the reason, where there is no Zeek. */
export function needsZeek({ skip }: Pick<TestContext, 'skip'>): void {
  skip(findZeek() === null, 'no Zeek: neither ZEEK_BIN nor PATH nor /opt/zeek/bin has one');
}

export interface ZeekRun {
  readonly events: readonly Event[];
  readonly notices: readonly ZeekNotice[];
  readonly statistics: Readonly<ZeekStatistics> | null;
  readonly log: readonly string[];
}

/** The events of a capture by Zeek. */
export async function runZeek(
  file: string,
  hints: ReadonlyMap<string, Protocol> = new Map(),
): Promise<ZeekRun> {
  const events: Event[] = [];
  const notices: ZeekNotice[] = [];
  const log: string[] = [];
  let statistics: Readonly<ZeekStatistics> | null = null;
  for await (const batch of replayZeek([file], {
    hints,
    onNotice: (notice) => notices.push(notice),
    onLog: (line) => log.push(line),
    onStatistics: (_, zeek) => {
      statistics = zeek;
    },
  }))
    events.push(...batch);
  return { events, notices, statistics, log };
}
