// `flowtap mutate` as a command line. Enters: arguments; leaves: assertions on output and exit codes.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import shop from '../../examples/shop/policy.ts';
import dvdRental from '../../policies/dvd-rental.ts';
import { runProgram } from '../../src/cli/program.ts';
import { fakeTerminal } from '../support/terminal.ts';

const CAPTURES = new URL('../../pcaps/', import.meta.url).pathname;
const HONEST = `${CAPTURES}honest-failed-payment.pcap.gz`;
const folder = mkdtempSync(join(tmpdir(), 'flowtap-mutate-'));
afterAll(() => rmSync(folder, { recursive: true }));

function document(name: string, policy: unknown): string {
  const file = join(folder, `${name}.json`);
  writeFileSync(file, JSON.stringify(policy));
  return file;
}

const RENTAL = document('dvd-rental', dvdRental);

async function mutate(terminal = fakeTerminal(), ...argv: readonly string[]) {
  const code = await runProgram(['mutate', ...argv], terminal);
  return { code, ...terminal.written };
}

describe('mutate', () => {
  it('ends with 3 when changes pass, and says which and why', async () => {
    const { code, out, err } = await mutate(undefined, HONEST, '--policy', RENTAL);
    expect(err).toBe('');
    expect(out).toMatch(/^dvd-rental: \d+ mutants, \d+ denied, \d+ survive/);
    expect(out).toMatch(/ {2}target +\d+ of \d+ denied: another target/);
    expect(out).toContain('The policy reads nothing from "answer, body /title"');
    expect(code).toBe(3);
  });

  it('gives the report as JSON, the same for the same seed', async () => {
    const argv = [HONEST, '-p', RENTAL, '--json', '--seed', '5'];
    const [first, second] = [await mutate(undefined, ...argv), await mutate(undefined, ...argv)];
    expect(second.out).toBe(first.out);
    const report = JSON.parse(first.out);
    expect(report.survivors[0]).toMatchObject({ source: HONEST, outcome: 'passed' });
    expect(report.mutants.value).toBeGreaterThan(report.denied.value);
  });

  it('ends with 0 when there is nothing that could be changed', async () => {
    const { code, out } = await mutate(undefined, HONEST, '-p', document('shop', shop));
    expect(out).toMatch(/^shop: 0 mutants, 0 denied, 0 survive/);
    expect(code).toBe(0);
  });

  it('refuses a capture that the policy does not explain', async () => {
    const { code, err } = await mutate(undefined, `${CAPTURES}attack-bills-twice.pcap.gz`, '-p', RENTAL);
    expect(err).toMatch(
      /^flowtap: \S*attack-bills-twice\.pcap\.gz: the policy denies 1 requests of it, first .*; give honest traffic/,
    );
    expect(code).toBe(2);
  });

  it('refuses what is no number', async () => {
    const { code, err } = await mutate(undefined, HONEST, '-p', RENTAL, '--samples', '0');
    expect(err).toMatch(/It has to be a whole number from 1/);
    expect(code).toBe(2);
  });

  it('gives no half of a report when it is interrupted', async () => {
    const terminal = fakeTerminal();
    terminal.interrupt();
    const { code, out, err } = await mutate(terminal, HONEST, '-p', RENTAL);
    expect(out).toBe('');
    expect(err).toMatch(/stopped before every mutant was judged/);
    expect(code).toBe(2);
  });

  it('says on the terminal of a person how far it is, and leaves nothing of it', async () => {
    const terminal = fakeTerminal({ live: true });
    terminal.now = () => {
      terminal.time += 1500;
      return terminal.time;
    };
    const { err } = await mutate(terminal, HONEST, '-p', RENTAL);
    expect(err).toMatch(/\d+ of \d+ mutants/);
    expect(err.endsWith('\r\u001b[K')).toBe(true);
  });
});
