// Whole command lines. Enters: arguments, captures, policies; leaves: assertions on output and exit codes.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, describe, expect, it } from 'vitest';
import { runProgram } from '../../src/cli/program.ts';
import { type FakeTerminal, fakeTerminal } from '../support/terminal.ts';

const ROOT = new URL('../..', import.meta.url).pathname;
const POLICY = join(ROOT, 'policies/dvd-rental.ts');
const HONEST = join(ROOT, 'pcaps/honest-rental-and-return.pcap.gz');
const ATTACK = join(ROOT, 'pcaps/attack-bills-bob-for-alice.pcap.gz');
const folder = mkdtempSync(join(tmpdir(), 'flowtap-cli-'));
afterAll(() => rmSync(folder, { recursive: true }));

interface Run {
  readonly code: number;
  readonly out: string;
  readonly err: string;
  readonly records: readonly Record<string, unknown>[];
}

async function flowtap(...argv: readonly string[]): Promise<Run> {
  return on(fakeTerminal(), ...argv);
}

async function on(terminal: FakeTerminal, ...argv: readonly string[]): Promise<Run> {
  const code = await runProgram(argv, terminal);
  const { out, err } = terminal.written;
  const lines = out.startsWith('{"schema"') ? out.trimEnd().split('\n') : [];
  return { code, out, err, records: lines.map((line) => JSON.parse(line) as Record<string, unknown>) };
}

function write(name: string, content: string | Uint8Array): string {
  const file = join(folder, name);
  writeFileSync(file, content);
  return file;
}

// As a document it loads without a thread of its own: most tests are not about loading.
const UNCHECKED = ['--policy', write('dvd-rental.json', (await flowtap('check', POLICY, '--json')).out)];

describe('replay', () => {
  it('ends with 0 when everything is explained', async () => {
    const { code, out, err } = await flowtap('replay', HONEST, '--policy', POLICY);
    expect(err).toBe('');
    expect(out).toContain('everything is explained');
    expect(out).toMatch(/customer +contract-update +POST \/contracts +1 +- +-/);
    expect(code).toBe(0);
  });

  it('ends with 3 when something is dropped, and says what and why', async () => {
    const { code, out } = await flowtap('replay', ATTACK, ...UNCHECKED);
    expect(code).toBe(3);
    expect(out).toContain('POST /users/bob/charge');
    expect(out).toMatch(/user is bob .*expected alice/);
    expect(out).toContain('the flow is cut by block b1');
    expect(out).toMatch(/134, \d+ of \S*attack-bills-bob-for-alice\.pcap\.gz/);
  });

  it('says every verdict, chain and block as a line of JSON, and the end last', async () => {
    const { code, records, err } = await flowtap('replay', ATTACK, ...UNCHECKED, '--json');
    expect(code).toBe(3);
    expect(err).toBe('');
    expect(new Set(records.map(({ schema }) => schema))).toEqual(new Set([1]));
    const drops = records.filter(({ verdict }) => verdict === 'drop');
    expect(drops).toMatchObject([{ request: 'POST /users/bob/charge', code: 'fact-differs', block: 'b1' }]);
    expect(records.filter(({ record }) => record === 'block')).toMatchObject([
      { id: 'b1', verdicts: [drops[0]?.id] },
    ]);
    expect(records.filter(({ record }) => record === 'chain').length).toBeGreaterThan(0);
    expect(records.at(-1)).toMatchObject({ record: 'end', whole: true, engine: { verdicts: { drop: 1 } } });
  });

  it('gives the same journal every time', async () => {
    const [first, second] = [
      await flowtap('replay', ATTACK, ...UNCHECKED, '--json'),
      await flowtap('replay', ATTACK, ...UNCHECKED, '--json'),
    ];
    expect(second.out).toBe(first.out);
  });

  it('leaves passing verdicts out on request', async () => {
    const { records } = await flowtap('replay', ATTACK, ...UNCHECKED, '--json', '--no-passes');
    expect(records.some(({ verdict }) => verdict === 'pass')).toBe(false);
    expect(records.some(({ verdict }) => verdict === 'drop')).toBe(true);
  });

  it('prevents where requests are held', async () => {
    const { records } = await flowtap('replay', ATTACK, ...UNCHECKED, '--json', '--containment', 'redirect');
    const drops = records.filter(({ verdict }) => verdict === 'drop');
    expect(drops[0]).toMatchObject({ request: 'POST /users/bob/charge', effect: 'prevented' });
    // What was captured went on, as if the denied request had arrived: nothing explains that.
    expect(drops.length).toBeGreaterThan(1);
  });

  it('reads several captures as one source', async () => {
    const { code, records } = await flowtap('replay', HONEST, ATTACK, ...UNCHECKED, '--json');
    expect(code).toBe(3);
    expect(records.at(-1)).toMatchObject({ sources: [HONEST, ATTACK] });
  });

  it('says what was seen until it was interrupted', async () => {
    const terminal = fakeTerminal();
    terminal.interrupt();
    const { out } = await on(terminal, 'replay', HONEST, ...UNCHECKED);
    expect(out).toContain('stopped before the end');
  });

  it('judges what a cut capture has, and ends with 2 and the place of the cut', async () => {
    const whole = gunzipSync(readFileSync(ATTACK));
    const cut = write('cut.pcap', whole.subarray(0, whole.length - 5));
    const { code, out, err } = await flowtap('replay', cut, ...UNCHECKED);
    expect(code).toBe(2);
    expect(out).toContain('POST /users/bob/charge');
    expect(err).toMatch(/^flowtap: \S*cut\.pcap@\d+: .*; .*\n$/);
  });

  it('draws progress only on the terminal of a person, and leaves nothing of it', async () => {
    const terminal = fakeTerminal({ live: true });
    Object.assign(terminal, { now: () => (terminal.time += 5000) });
    const { err } = await on(terminal, 'replay', HONEST, ...UNCHECKED);
    expect(err).toContain('%');
    expect(err.endsWith('\r\u001b[K')).toBe(true);
  });
});

describe('input that cannot be used', () => {
  const damaged = write('damaged.pcap', 'this is not a capture at all');
  const policy = (name: string, text: string): string => write(name, text);
  const shop = (body: string): string =>
    `import { application, chain, http, once } from 'flowtap/policy';\nexport default application('shop', ({ external, service }) => {\n${body}\n});\n`;

  it.each<[string, readonly string[], RegExp]>([
    ['no command', [], /no command given/],
    ['an unknown command', ['reply'], /unknown command 'reply'/],
    ['an unknown option', ['replay', HONEST, '-p', POLICY, '--jsn'], /unknown option '--jsn'.*--json/],
    ['no policy', ['replay', HONEST], /required option .*--policy <file>.* not specified/],
    ['no capture', ['replay', '--policy', POLICY], /missing required argument 'capture'/],
    [
      'a containment that is none',
      ['replay', HONEST, '-p', POLICY, '--containment', 'no'],
      /forward, redirect/,
    ],
    ['--json with --all', ['replay', HONEST, '-p', POLICY, '--json', '--all'], /cannot be used with/],
    [
      'a capture that is not there',
      ['replay', 'nowhere.pcap', ...UNCHECKED],
      /nowhere\.pcap: there is no such file/,
    ],
    ['a folder for a capture', ['replay', 'pcaps', ...UNCHECKED], /pcaps: is a directory/],
    [
      'an empty capture',
      ['replay', write('empty.pcap', ''), ...UNCHECKED],
      /empty\.pcap@0: the file is empty/,
    ],
    [
      'no capture at all in the file',
      ['replay', damaged, ...UNCHECKED],
      /damaged\.pcap@0: .*neither pcap nor pcapng/,
    ],
    ['a policy that is not there', ['check', 'nowhere.ts'], /nowhere\.ts: there is no such file/],
    [
      'a policy without default export',
      ['check', policy('none.ts', 'export const a = 1;\n')],
      /no default export/,
    ],
    [
      'a policy with a type error',
      ['check', policy('typed.ts', shop(`  const a: number = 'a';\n  return [];`))],
      /typed\.ts:3:9: .*TS2322.*; /,
    ],
    [
      'a policy with two steps that overlap',
      [
        'check',
        policy(
          'overlap.ts',
          shop(`  const customer = external('customer');
  const shop = service('shop', { at: '10.0.0.1', http: 80 });
  const one = http.post('/orders/:id').from(customer).to(shop);
  const two = http.post('/orders/new').from(customer).to(shop);
  return [chain(one), chain(two)];`),
        ),
      ],
      /overlap\.ts:\d+:\d+: .*\/orders\/new/,
    ],
    [
      'a policy with an unknown service',
      [
        'check',
        policy(
          'unknown.ts',
          shop(`  const customer = external('customer');
  service('shop', { at: '10.0.0.1', http: 80 });
  return chain(http.post('/orders').from(customer).to('shp'));`),
        ),
      ],
      /unknown\.ts:\d+:\d+: .*shp.*shop/,
    ],
    ['a verdict that is not there', ['explain', 'v99999', HONEST, ...UNCHECKED], /no verdict v99999/],
    [
      'the first violation of an honest run',
      ['explain', 'first', HONEST, ...UNCHECKED],
      /nothing is dropped/,
    ],
    [
      'one policy twice',
      ['replay', HONEST, ...UNCHECKED, '--policy', POLICY],
      /"dvd-rental" was given already/,
    ],
  ])('%s is one clear line and exit code 2', async (_, argv, line) => {
    const { code, out, err } = await flowtap(...argv);
    expect(err).toMatch(line);
    expect(err).toMatch(/^flowtap: [^\n]+; [^\n]+\n$/);
    expect(out).toBe('');
    expect(code).toBe(2);
  });

  it('says every error of a policy, each once', async () => {
    const file = policy(
      'three.ts',
      shop(`  const customer = external('customer');
  const shop = service('shop', { at: '10.0.0.1', http: 80 });
  return [chain(http.post('/a').from(customer).to('x')), chain(http.post('/b').from('y').to(shop))];`),
    );
    const { code, err } = await flowtap('check', file);
    expect(code).toBe(2);
    const lines = err.trimEnd().split('\n');
    expect(lines.length).toBeGreaterThanOrEqual(2);
    expect(new Set(lines).size).toBe(lines.length);
    expect(lines.every((line) => /^flowtap: \S*three\.ts:\d+:\d+: .*; /.test(line))).toBe(true);
  });
});

describe('check', () => {
  it('prints services, requests, chains, connections and contracts', async () => {
    const { code, out, err } = await flowtap('check', POLICY);
    expect(err).toBe('');
    expect(code).toBe(0);
    expect(out).toMatch(/contract-update +service +10\.1\.0\.11 +http 8080/);
    expect(out).toContain('├─ POST /users/:user/charge');
    expect(out).toMatch(/user-update +user-db +postgres 5432/);
    expect(out).toContain('FlowTap(user-update, security-vm, nw_src = 10.1.0.11;');
  });

  it('prints a document that is a policy itself', async () => {
    const { out } = await flowtap('check', POLICY, '--json');
    const { code, out: again } = await flowtap('check', write('document.json', out), '--json');
    expect(code).toBe(0);
    expect(again).toBe(out);
  });
});

describe('explain', () => {
  it('shows the chain as a tree, what differed, and what would have agreed', async () => {
    const { code, out } = await flowtap('explain', 'first', ATTACK, ...UNCHECKED);
    expect(code).toBe(0);
    expect(out).toContain('DROP');
    expect(out).toMatch(/POST \/users\/:user\/charge .*<- here/);
    expect(out).toMatch(
      /user = alice from POST \/contracts, header x-user, packet \d+ of attack-bills-bob\S+, bytes \d+ to \d+ of the client/,
    );
    expect(out).toMatch(/proof +this, packet 134 of \S+, bytes \d+ to \d+ of the client\n/);
    expect(out).toMatch(/proof +user alice, packet 109 of \S+, bytes 0 to \d+ of the client\n/);
    // It was judged again so.
    expect(out).toContain('It would pass with user=alice.');
  });

  it('says so when other values would not have been enough', async () => {
    const forged = join(ROOT, 'pcaps/hidden-forged-trace-header.pcap.gz');
    const { out } = await flowtap('explain', 'first', forged, ...UNCHECKED);
    expect(out).toMatch(/Even with user=u20 it would not pass \(key-names-no-chain\): contract-update makes/);
  });

  it('takes the name that replay gave, for a verdict that passes too', async () => {
    const { records } = await flowtap('replay', HONEST, ...UNCHECKED, '--json');
    const charge = records.find(({ step }) => step === 'POST /users/:user/charge');
    const { code, out } = await flowtap('explain', String(charge?.id), HONEST, ...UNCHECKED);
    expect(code).toBe(0);
    expect(out).toContain('PASS');
    expect(out).toContain('<- here');
  });

  it('says the same as JSON', async () => {
    const { out } = await flowtap('explain', 'first', ATTACK, ...UNCHECKED, '--json');
    expect(JSON.parse(out)).toMatchObject({
      record: 'explanation',
      verdict: { request: 'POST /users/bob/charge' },
      would_agree_with: { user: 'alice' },
      would_pass: true,
      chain: { tree: { step: 'POST /contracts' } },
    });
  });
});

describe('the program', () => {
  it.each([['--help'], ['replay', '--help'], ['help', 'replay'], ['--version']])(
    'answers %s with 0',
    async (...argv) => {
      const { code, out, err } = await flowtap(...argv);
      expect({ code, err }).toEqual({ code: 0, err: '' });
      expect(out.length).toBeGreaterThan(4);
    },
  );

  it('asks for a report with the stack when the fault is ours', async () => {
    const terminal = fakeTerminal();
    Object.assign(terminal, {
      out: () => {
        throw new TypeError('broken');
      },
    });
    const { code, err } = await on(terminal, 'check', POLICY);
    expect(code).toBe(1);
    expect(err).toMatch(/^TypeError: broken\n +at /);
    expect(err).toContain('please report it');
  });
});
