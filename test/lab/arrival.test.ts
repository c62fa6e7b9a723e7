// Whether a search in captures can tell what arrived from what did not. Enters: recorded attacks, whole and cut off before the attack; leaves: assertions.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, describe, expect, it } from 'vitest';
import { isInstalled } from '../support/open-vswitch.ts';
import { arrivalOf, isWithheld } from './arrival.ts';
import type { Offence } from './messages.ts';

const PCAPS = new URL('../../pcaps/', import.meta.url).pathname;
const NAMES = ['bills-twice', 'purges-queue', 'debits-bobs-row', 'connects-outside'];
const why = isInstalled('tshark') ? null : 'it needs tshark';

describe.skipIf(why !== null)(`what arrived${why === null ? '' : ` (skipped: ${why})`}`, () => {
  const folder = mkdtempSync(join(tmpdir(), 'flowtap-arrival-'));
  afterAll(() => rmSync(folder, { recursive: true }));

  /** The recorded capture, and what it would be had nothing passed from the offending packet on. */
  const recorded = (name: string): { offence: Offence; whole: string; before: string } => {
    const [whole, before] = [join(folder, `${name}.pcap`), join(folder, `${name}-before.pcap`)];
    writeFileSync(whole, gunzipSync(readFileSync(`${PCAPS}attack-${name}.pcap.gz`)));
    const { offending } = JSON.parse(readFileSync(`${PCAPS}attack-${name}.json`, 'utf8')) as {
      offending: readonly (Offence & { packet: number })[];
    };
    const [offence] = offending;
    if (offence === undefined) throw new Error(`${name} has no offence`);
    const filter = `frame.number < ${offence.packet}`;
    execFileSync('tshark', ['-n', '-r', whole, '-Y', filter, '-w', before, '-F', 'pcap'], {
      stdio: 'ignore',
    });
    return { offence, whole, before };
  };

  it.each(NAMES)(
    'of %s is found where it arrived, and is withheld where nothing came from it on',
    async (name) => {
      const { offence, whole, before } = recorded(name);
      const arrived = await arrivalOf(offence, whole, whole);
      expect(arrived).toMatchObject({ sent: 1, arrived: 1 });
      expect(arrived !== null && isWithheld(arrived)).toBe(false);
      const withheld = await arrivalOf(offence, whole, before);
      expect(withheld).toMatchObject({ sent: 1, arrived: 0, streamed: withheld?.before });
      expect(withheld?.payload).toBeGreaterThan(0);
      expect(withheld !== null && isWithheld(withheld)).toBe(true);
    },
    60_000,
  );

  it('is nothing to go by where it was never sent', async () => {
    const { offence, whole, before } = recorded('bills-twice');
    expect(await arrivalOf(offence, before, whole)).toBeNull();
  }, 60_000);

  it('is refused where the victim has bytes that nobody sent', async () => {
    const { offence, whole } = recorded('bills-twice');
    const forged = join(folder, 'forged.pcap');
    const bytes = readFileSync(whole);
    for (let at = bytes.indexOf('/charge'); at >= 0; at = bytes.indexOf('/charge', at))
      bytes.write('/CHARGE', at);
    writeFileSync(forged, bytes);
    await expect(arrivalOf(offence, whole, forged)).rejects.toThrow('was never sent');
  }, 60_000);
});
