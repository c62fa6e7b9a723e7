// The sensor on public captures against another reader's counts. Enters: shared captures; leaves: equal counts, or why not.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import type { Event } from '../../src/events/event.ts';
import { eventsOfCapture } from '../support/capture.ts';

const FOLDER = process.env.SHARED_PCAPS ?? new URL('../../../shared/pcaps', import.meta.url).pathname;

interface Row {
  readonly file: string;
  readonly protocol: string;
  readonly requests: number;
}

interface Difference {
  readonly file: string;
  readonly counted: number;
  readonly theirs: number;
  readonly why: string;
}

/** Differences that were looked into: docs/sensor-counts.md shows the same table to people. */
const DIFFERENCES = JSON.parse(
  readFileSync(new URL('./manifest-differences.json', import.meta.url), 'utf8'),
) as readonly Difference[];

/** What the manifest counts as a request of each protocol. */
const COUNTED: Readonly<Record<string, (event: Event) => boolean>> = {
  http1: (event) => event.kind === 'http-request',
  'amqp-0-9-1': (event) => event.kind === 'amqp-method' && event.method.name === 'basic.publish',
  mysql: (event) => event.kind === 'sql-statement' && event.dialect === 'mysql',
  postgresql: (event) => event.kind === 'sql-statement' && event.dialect === 'postgres',
};

function rows(): Row[] {
  const [, ...lines] = readFileSync(join(FOLDER, 'MANIFEST.tsv'), 'utf8').trimEnd().split('\n');
  return lines.map((line) => {
    const [file = '', protocol = '', , , , , requests = ''] = line.split('\t');
    return { file, protocol, requests: Number(requests) };
  });
}

const present = existsSync(join(FOLDER, 'MANIFEST.tsv'));

describe('public captures', () => {
  beforeEach(({ skip }) => {
    skip(
      !present,
      'the folder of public captures is not beside the project, and SHARED_PCAPS does not name it',
    );
  });

  const all = present ? rows() : [];

  test.each(all.map(({ file }) => file))('%s is read to its end', async (file) => {
    const events = await eventsOfCapture(join(FOLDER, file));
    expect(events.at(-1)?.kind).toBe('source-end');
  });

  test.each(all.filter(({ protocol }) => protocol in COUNTED))(
    '$file has $requests requests of $protocol, or it is known why not',
    async ({ file, protocol, requests }) => {
      const events = await eventsOfCapture(join(FOLDER, file));
      const counted = events.filter((event) => COUNTED[protocol]?.(event)).length;
      const known = DIFFERENCES.find((difference) => difference.file === file);
      if (known === undefined) expect(counted).toBe(requests);
      else expect({ counted, theirs: requests }).toEqual({ counted: known.counted, theirs: known.theirs });
    },
  );

  test('every known difference is of a capture that is there, is a difference, and says why', () => {
    for (const { file, counted, theirs, why } of DIFFERENCES) {
      expect(all.map((row) => row.file)).toContain(file);
      expect(counted).not.toBe(theirs);
      expect(why.length).toBeGreaterThan(20);
    }
  });
});
