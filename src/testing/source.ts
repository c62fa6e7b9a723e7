// What can be judged in a test: a story, events, captures. Enters: one of these; leaves: events in order, with an end.
import type { Event } from '../events/event.ts';
import type { PolicyDocument } from '../policy/document.ts';
import { hintsOf } from '../policy/hints.ts';
import { PARSERS } from '../sensor/parsers.ts';
import { replay } from '../sensor/replay.ts';
import { Story } from './story.ts';

/** A story, a list of events, or paths of captures (pcap or pcapng, gzip'd or not), read one after another. */
export type Source = Story | readonly Event[] | string | readonly string[];

/**
 * The events of a source; captures are read with the embedded sensor and the ports that the policy declares.
 * @throws InputError for a capture that cannot be read to its end
 */
export async function eventsOf(source: Source, policy: PolicyDocument | null): Promise<readonly Event[]> {
  if (source instanceof Story) return ended(source.events, 'story');
  if (typeof source === 'string') return readCaptures([source], policy);
  if (areCaptures(source)) return readCaptures(source, policy);
  return ended(source, 'events');
}

function areCaptures(source: readonly Event[] | readonly string[]): source is readonly string[] {
  return typeof source[0] === 'string';
}

async function readCaptures(files: readonly string[], policy: PolicyDocument | null): Promise<Event[]> {
  const events: Event[] = [];
  const hints = policy === null ? new Map() : hintsOf([policy]);
  for await (const batch of replay(files, { hints, parsers: PARSERS })) events.push(...batch);
  return events;
}

/** Nothing is decided for good before a source ends; an author need not say that it does. */
function ended(events: readonly Event[], source: string): readonly Event[] {
  const last = events.at(-1);
  if (last?.kind === 'source-end') return events;
  return [...events, { kind: 'source-end', ts: (last?.ts ?? 0) + 1_000_000, source }];
}
