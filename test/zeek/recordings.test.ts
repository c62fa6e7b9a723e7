// What a real Zeek sent of every story, read without one. Enters: recordings; leaves: the embedded sensor's events, or that it is stale.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import dvdRental from '../../policies/dvd-rental.ts';
import type { Event } from '../../src/events/event.ts';
import { hintsOf } from '../../src/policy/hints.ts';
import { findZeek, scriptsFolder } from '../../src/zeek/find.ts';
import { scriptsHash, zeekVersion } from '../../src/zeek/grammars.ts';
import { type ZeekNotice, ZeekSource } from '../../src/zeek/source.ts';
import { eventsOf } from '../support/capture.ts';
import { differences, normalise } from '../support/normalise.ts';
import { captureOf, hashOf, itemsOf, readRecording, recordings } from '../support/recording.ts';

const AGAIN = 'record again: node --import jiti/register test/zeek/record.ts';
const names = recordings();

test('there is a recording of every capture', () => {
  const captures = readdirSync(join(import.meta.dirname, '../../pcaps')).filter((name) =>
    name.endsWith('.gz'),
  );
  expect(names).toEqual(captures.map((name) => name.slice(0, -'.pcap.gz'.length)).sort());
});

test('the recordings are of the Zeek that is here', async ({ skip }) => {
  const zeek = findZeek();
  skip(zeek === null, 'no Zeek: neither ZEEK_BIN nor PATH nor /opt/zeek/bin has one');
  const version = await zeekVersion(zeek ?? '');
  const other = names.filter((name) => readRecording(name).origin.zeek !== version);
  expect(other, AGAIN).toEqual([]);
});

describe.each(names)('%s', (name) => {
  const recording = readRecording(name);

  test('is of the scripts and of the capture as they are', () => {
    expect(recording.origin.scripts, `the scripts have changed; ${AGAIN} ${name}`).toBe(
      scriptsHash(scriptsFolder()),
    );
    expect(recording.origin.capture, `the capture has changed; ${AGAIN} ${name}`).toBe(
      hashOf(captureOf(name)),
    );
  });

  test('gives the events of the embedded sensor', async () => {
    const events: Event[] = [];
    const notices: ZeekNotice[] = [];
    const source = new ZeekSource({
      name,
      hints: hintsOf([dvdRental]),
      onEvent: (event) => events.push(event),
      onNotice: (notice) => notices.push(notice),
    });
    for (const item of itemsOf(recording)) source.take(item);
    expect(notices.map(({ kind }) => kind).filter((kind) => kind !== 'hello')).toEqual([]);
    expect(differences(normalise(await eventsOf(captureOf(name), dvdRental)), normalise(events))).toEqual([]);
  });
});
