// The public captures by both sensors. Enters: shared/pcaps, a real Zeek; leaves: equal events, or a reason in differences.json.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { eventsOfCapture } from '../support/capture.ts';
import { differences, normalise } from '../support/normalise.ts';
import { needsZeek, runZeek } from '../support/zeek.ts';

interface Difference {
  /** Who tells what happened. */
  readonly right: 'embedded' | 'zeek' | 'both';
  readonly why: string;
}

const MISSING = 'the folder of public captures is not beside the project, and SHARED_PCAPS does not name it';
const FOLDER = process.env.SHARED_PCAPS ?? join(import.meta.dirname, '../../../shared/pcaps');
const MANIFEST = join(FOLDER, 'MANIFEST.tsv');
const KNOWN = JSON.parse(readFileSync(new URL('differences.json', import.meta.url), 'utf8')) as Readonly<
  Record<string, Difference>
>;
const files = existsSync(MANIFEST)
  ? readFileSync(MANIFEST, 'utf8')
      .trim()
      .split('\n')
      .slice(1)
      .map((line) => line.split('\t')[0] ?? '')
  : [];
const folders = [...new Set(files.map((file) => file.split('/')[0] ?? ''))];

test('every known difference is of a capture that is there', ({ skip }) => {
  skip(files.length === 0, MISSING);
  expect(Object.keys(KNOWN).filter((file) => !files.includes(file))).toEqual([]);
});

test('docs/zeek.md has every known difference, with its reason', () => {
  const text = readFileSync(new URL('../../docs/zeek.md', import.meta.url), 'utf8');
  const rows = Object.entries(KNOWN).map(([file, { right, why }]) => `| \`${file}\` | ${right} | ${why} |`);
  expect(rows.filter((row) => !text.includes(row))).toEqual([]);
});

describe.each(folders.length > 0 ? folders : ['public captures'])('%s, read by Zeek', (folder) => {
  beforeEach((context) => {
    needsZeek(context);
    context.skip(files.length === 0, MISSING);
  });

  test('has the same events as by the embedded sensor, but for known differences', {
    timeout: 300_000,
  }, async () => {
    const wrong: string[] = [];
    for (const file of files.filter((each) => each.startsWith(`${folder}/`))) {
      const path = join(FOLDER, file);
      const [ours, zeek] = [await eventsOfCapture(path), await runZeek(path)];
      const found = differences(normalise(ours), normalise(zeek.events));
      const known = KNOWN[file] !== undefined;
      if (found.length > 0 && !known) wrong.push(`${file}\n${found.slice(0, 2).join('\n')}`);
      if (found.length === 0 && known) wrong.push(`${file}: no difference any more`);
      const told = zeek.notices.filter(({ kind }) => kind !== 'hello' && kind !== 'lost');
      if (told.length > 0) wrong.push(`${file}: ${told.map(({ kind }) => kind).join(', ')}`);
    }
    expect(wrong).toEqual([]);
  });
});
