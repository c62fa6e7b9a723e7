// `flowtap diff` as a command line. Enters: arguments; leaves: assertions on output and exit codes.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import dvdRental from '../../policies/dvd-rental.ts';
import { runProgram } from '../../src/cli/program.ts';
import type { PolicyDocument } from '../../src/policy/document.ts';
import { fakeTerminal } from '../support/terminal.ts';

const CAPTURES = new URL('../../pcaps/', import.meta.url).pathname;
const HONEST = `${CAPTURES}honest-rental-and-return.pcap.gz`;
const ATTACK = `${CAPTURES}attack-bills-another-amount.pcap.gz`;
const folder = mkdtempSync(join(tmpdir(), 'flowtap-diff-'));
afterAll(() => rmSync(folder, { recursive: true }));

function document(name: string, policy: PolicyDocument): string {
  const file = join(folder, `${name}.json`);
  writeFileSync(file, JSON.stringify(policy));
  return file;
}

const OLD = document('old', dvdRental);
/** Nobody looks at the amount of a charge any more. */
const BLIND = document('blind', {
  ...dvdRental,
  requests: dvdRental.requests.map((request) =>
    request.id === 'POST /users/:user/charge'
      ? { ...request, facts: request.facts.filter(({ fact }) => fact !== 'amount') }
      : request,
  ),
});

async function diff(...argv: readonly string[]) {
  const terminal = fakeTerminal();
  const code = await runProgram(['diff', ...argv], terminal);
  return { code, ...terminal.written };
}

describe('diff', () => {
  it('says that two policies say the same', async () => {
    const { code, out, err } = await diff(OLD, OLD, '--replay', HONEST);
    expect(err).toBe('');
    expect(out).toMatch(/^dvd-rental (\w+) -> dvd-rental \1\n {2}they say the same\n/);
    expect(out).toMatch(
      /of \d+ verdicts 0 newly denied, 0 newly allowed, 0 otherwise; 0 chains end differently/,
    );
    expect(code).toBe(0);
  });

  it('says what differs, and ends with 0 while no verdict changes', async () => {
    const { code, out } = await diff(OLD, BLIND, '--replay', HONEST);
    expect(out).toContain(
      '  removed requests > POST /users/:user/charge > facts > amount (body /amount): {"as":"decimal","optional":false}\n',
    );
    expect(code).toBe(0);
    expect((await diff(OLD, BLIND)).out).not.toContain('verdicts');
  });

  it('ends with 3 and names the requests whose verdicts change', async () => {
    const { code, out } = await diff(OLD, BLIND, '--replay', HONEST, ATTACK);
    expect(out).toMatch(
      / {2}allowed POST \/users\/alice\/charge, contract-update to user-update: fact-differs -> explained \(\S+amount\.pcap\.gz:\d+\)\n/,
    );
    expect(out).toContain('1 newly allowed');
    expect(code).toBe(3);
    const back = await diff(BLIND, OLD, '--replay', ATTACK);
    expect(back.out).toMatch(/ {2}denied {2}POST \/users\/alice\/charge, .*: explained -> fact-differs/);
    expect(back.out).toMatch(/but the closest open request, .*, has amount/);
  });

  it('gives it all as JSON', async () => {
    const report = JSON.parse((await diff(OLD, BLIND, '--replay', ATTACK, '--json')).out);
    expect(report.document).toHaveLength(1);
    expect(report.replays[0].verdicts[0]).toMatchObject({
      kind: 'allowed',
      before: { verdict: 'drop', code: 'fact-differs' },
      after: { verdict: 'pass', code: 'explained' },
    });
  });

  it('refuses a policy with errors and a capture that is not there', async () => {
    const broken = document('broken', { ...dvdRental, services: dvdRental.services.slice(1) });
    expect((await diff(OLD, broken)).code).toBe(2);
    expect(await diff(OLD, BLIND, '--replay', 'no-such.pcap')).toMatchObject({ code: 2 });
  });
});
