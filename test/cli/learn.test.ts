// `flowtap learn` as a command line. Enters: arguments; leaves: assertions on the module, the messages and exit codes.
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { runProgram } from '../../src/cli/program.ts';
import { fakeTerminal } from '../support/terminal.ts';

const CAPTURES = new URL('../../pcaps/', import.meta.url).pathname;
const HONEST = `${CAPTURES}honest-rental-and-return.pcap.gz`;
const folder = mkdtempSync(join(tmpdir(), 'flowtap-learn-test-'));
afterAll(() => rmSync(folder, { recursive: true }));

async function flowtap(...argv: readonly string[]) {
  const terminal = fakeTerminal();
  const code = await runProgram(argv, terminal);
  return { code, ...terminal.written };
}

describe('learn', () => {
  it('prints a policy that explains what it was learnt from, and that the other commands take', async () => {
    const { code, out, err } = await flowtap('learn', HONEST, '--application', 'rental');
    expect(err).toMatch(/^flowtap: learnt from \d+ requests; it explains all of them\n$/);
    expect(code).toBe(0);
    const file = join(folder, 'printed.ts');
    writeFileSync(file, out);
    expect((await flowtap('replay', HONEST, '--policy', file)).code).toBe(0);
    expect((await flowtap('check', file)).out).toContain('rental: mode enforce');
    const attacked = await flowtap('replay', `${CAPTURES}attack-bills-twice.pcap.gz`, '--policy', file);
    expect(attacked.code).toBe(3);
  });

  it('writes it to a file that is not there yet, with the names that are known', async () => {
    const file = join(folder, 'written.ts');
    const argv = ['learn', HONEST, '-o', file, '--name', '10.1.0.20=queue', '--name', '10.1.0.30=user-db'];
    const first = await flowtap(...argv);
    expect(first).toMatchObject({ code: 0, out: '' });
    const text = readFileSync(file, 'utf8');
    expect(text).toContain("service('queue', { at: '10.1.0.20', amqp: 5672 })");
    expect(text).toContain("service('user-db', { at: '10.1.0.30', postgres: 5432 })");
    const second = await flowtap(...argv);
    expect(second.code).toBe(2);
    expect(second.err).toMatch(/written\.ts: there is such a file already; name another file/);
    expect(readFileSync(file, 'utf8')).toBe(text);
  });

  it('ends with 3 and says what the proposal does not explain', async () => {
    const { code, out, err } = await flowtap('learn', `${CAPTURES}attack-stacked-statement.pcap.gz`);
    expect(out).toContain('export default application');
    expect(err).toContain('Not declared: a request of user-update to');
    expect(err).toContain('it is no single statement that can be read');
    expect(err).toMatch(/attack-stacked-statement\.pcap\.gz: \d+ verdicts of the policy do not pass/);
    expect(err).toMatch(/DROP v\d+, request-not-declared: user-update to/);
    expect(code).toBe(3);
  });

  it('refuses a name without an address, and a file that cannot be written', async () => {
    const unnamed = await flowtap('learn', HONEST, '--name', 'orders');
    expect(unnamed.err).toMatch(/It has to be an address and a name, such as 10\.1\.0\.11=orders/);
    expect(unnamed.code).toBe(2);
    const nowhere = join(folder, 'no-such-folder', 'policy.ts');
    const unwritten = await flowtap('learn', HONEST, '-o', nowhere);
    expect(unwritten.err).toMatch(/it cannot be written; name another file/);
    expect(existsSync(nowhere)).toBe(false);
  });
});
