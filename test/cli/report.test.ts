// What a person reads: violations, trees, summaries, progress. Enters: made-up verdicts; leaves: assertions on text.
import { describe, expect, it } from 'vitest';
import type { AuditEntry } from '../../src/audit/entry.ts';
import { contractsOf } from '../../src/cli/report/contracts.ts';
import { describePolicy } from '../../src/cli/report/policy.ts';
import { Progress } from '../../src/cli/report/progress.ts';
import { describeSummary } from '../../src/cli/report/summary.ts';
import { isViolation, Tally } from '../../src/cli/report/tally.ts';
import { describeChain } from '../../src/cli/report/tree.ts';
import { describeVerdict } from '../../src/cli/report/violation.ts';
import { wantsColour } from '../../src/cli/terminal.ts';
import { parsePrefix, prefixesOverlap } from '../../src/identity/addresses.ts';
import { application, chain, http } from '../../src/policy/author.ts';
import type { PolicyDocument } from '../../src/policy/document.ts';
import type { Verdict, VerdictId } from '../../src/verdict.ts';
import { fakeTerminal } from '../support/terminal.ts';
import { chainOf, dropOf, passOf, untoldOf, viewOf } from '../support/verdicts.ts';

const { colours } = fakeTerminal();

function told(...verdicts: readonly Verdict[]): Tally {
  const tally = new Tally();
  for (const verdict of verdicts) tally.add({ kind: 'verdict', verdict, block: null } satisfies AuditEntry);
  return tally;
}

describe('a violation', () => {
  const text = describeVerdict(dropOf(), null, colours);

  it('says who did what to whom, and why that is no good', () => {
    expect(text).toContain(
      'contract-update (10.1.0.11:60936) to user-update (10.1.0.12:8080): POST /users/bob/charge',
    );
    expect(text).toContain('It bills bob; the rental is of alice.');
  });

  it('says what came closest, what differed and where to look', () => {
    expect(text).toContain('chain c2: POST /contracts of customer 198.51.100.7');
    expect(text).toContain('user is bob (path :user), expected alice (POST /contracts: header x-user)');
    expect(text).toContain('134, 101, 102 of bob.pcap');
  });

  it('says why nothing is done about it', () => {
    const effect = (restraint: Verdict['restraint']): string =>
      describeVerdict(dropOf({ action: 'observe', restraint }), null, colours)
        .split('effect')
        .at(-1)
        ?.trim() ?? '';
    expect(effect('application')).toBe('none: the policy is in mode "audit"');
    expect(effect('service')).toBe('none: "contract-update" is in mode "audit"');
    expect(effect('request')).toBe('none: its rule only audits');
    expect(effect('report')).toBe('none: its rule only reports');
  });

  it('admits that a copy was judged', () => {
    expect(text).toContain('detected, not prevented');
    expect(describeVerdict(dropOf({ effect: 'prevented' }), null, colours)).not.toContain('not prevented');
  });

  it('lets nothing of the wire move the cursor', () => {
    const evil = '\u001b[2J\u001b[1;1HPOST /\r\n\u0007\u202e';
    const hostile = dropOf({
      subject: { ...dropOf().subject, request: evil, from: evil },
      reasons: [{ code: 'fact-differs', text: evil }],
    });
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
    expect(describeVerdict(hostile, null, colours)).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u202e]/);
  });

  it('is one that is dropped, or that its posture denies', () => {
    expect([dropOf(), untoldOf(), untoldOf({ action: 'observe' })].every(isViolation)).toBe(true);
    expect([passOf(), untoldOf({ action: 'none' })].some(isViolation)).toBe(false);
  });
});

describe('a chain', () => {
  it('is a tree with the step in question marked, and its facts with their packets', () => {
    expect(describeChain(viewOf(), 'POST /users/:user/charge', colours).split('\n')).toEqual([
      'chain c2: POST /contracts of customer 198.51.100.7, open since 2026-11-23T12:00:00.000000Z (trace=4bf92f3577b34da6a3ce929d0e0e4736)',
      '  open POST /contracts (the user request): POST /contracts at 2026-11-23T12:00:00.000000Z, packet 101 of bob.pcap, not answered yet',
      '  ├─ done GET /dvds/:dvd (exactly once): GET /dvds/7 at 2026-11-23T12:00:00.000000Z, packet 101 of bob.pcap, answered 200',
      '  │  └─ wait select dvds (exactly once): has not come',
      '  └─ wait POST /users/:user/charge (exactly once): has not come <- here',
      'facts',
      '  user = alice from POST /contracts: header x-user, packet 101 of bob.pcap, bytes 0 to 214 of the client',
      '',
    ]);
  });
});

describe('the summary', () => {
  it('counts each step between each pair', () => {
    const text = describeSummary(told(passOf(), passOf(), dropOf()), colours);
    expect(text).toMatch(/contract-update +user-update +POST \/users\/:user\/charge +2 +1 +-/);
    expect(text).toContain('1 violation');
  });

  it('groups what could not be told by cause, and says what its posture does', () => {
    const of = 'v45' as VerdictId;
    const follows = untoldOf({ cannotTell: { code: 'consequence', of }, action: 'none' });
    const text = describeSummary(told(untoldOf(), untoldOf(), follows), colours);
    expect(text).toMatch(/2 x tls: violation .*first v46: The bytes are encrypted/);
    expect(text).toMatch(/1 x consequence of v45: passes/);
    expect(text).toContain('2 violations');
  });

  it('does not call a run explained when something could not be told', () => {
    expect(describeSummary(told(untoldOf({ action: 'none' })), colours)).toContain(
      'not everything could be told',
    );
    expect(describeSummary(told(passOf()), colours)).toContain('everything is explained');
  });

  it('says how chains ended', () => {
    const tally = told(passOf());
    tally.add({ kind: 'chain', chain: chainOf() });
    tally.add({ kind: 'chain', chain: chainOf({ outcome: 'failed' }) });
    expect(describeSummary(tally, colours)).toContain('chains: 1 complete, 1 failed');
  });
});

describe('progress', () => {
  it('is silent at first, then draws a line and takes it away', () => {
    const terminal = fakeTerminal({ live: true });
    const progress = new Progress(terminal, 200);
    progress.update('a.pcap', 10, 100);
    expect(terminal.written.err).toBe('');
    terminal.time = 2500;
    progress.update('a.pcap', 50, 100);
    expect(terminal.written.err).toContain('25 %');
    terminal.time = 2700;
    progress.update('b.pcap', 50, 100);
    expect(terminal.written.err).toContain('75 %');
    progress.clear();
    expect(terminal.written.err.endsWith('\r\u001b[K')).toBe(true);
  });

  it('never draws where nobody looks', () => {
    const terminal = fakeTerminal({ live: false });
    const progress = new Progress(terminal, 200);
    terminal.time = 5000;
    progress.update('a.pcap', 50, 100);
    expect(terminal.written.err).toBe('');
  });

  it('draws without a share when a capture is a pipe', () => {
    const terminal = fakeTerminal({ live: true });
    const progress = new Progress(terminal, null);
    terminal.time = 5000;
    progress.update('/dev/stdin', 5e6, null);
    expect(terminal.written.err).toContain('5.0 MB stdin');
    expect(terminal.written.err).not.toContain('%');
  });

  it('stays within the line', () => {
    const terminal = fakeTerminal({ live: true, columns: 40 });
    const progress = new Progress(terminal, 100);
    terminal.time = 5000;
    progress.update(`${'long'.repeat(40)}.pcap`, 5, 100);
    expect(terminal.written.err.replace('\r\u001b[K', '').length).toBeLessThan(40);
  });
});

describe('colour', () => {
  it('is for terminals, unless the user says otherwise', () => {
    expect(wantsColour({}, true)).toBe(true);
    expect(wantsColour({}, false)).toBe(false);
    expect(wantsColour({ NO_COLOR: '1' }, true)).toBe(false);
    expect(wantsColour({ NO_COLOR: '1', FORCE_COLOR: '1' }, true)).toBe(false);
    expect(wantsColour({ FORCE_COLOR: '1' }, false)).toBe(true);
    expect(wantsColour({ TERM: 'dumb' }, true)).toBe(false);
  });
});

describe('the contracts of a policy', () => {
  const document: PolicyDocument = application('shop', ({ external, service }) => {
    const customer = external('customer');
    const monitor = external('monitor', { at: '10.0.9.0/24' });
    const probe = external('probe', { at: '10.0.9.5' });
    const shop = service('shop', { at: ['10.0.0.1', 'fd00::1'], http: [80, 8080] });
    const stock = service('stock', { at: '10.0.0.2', http: 80 });
    return [
      chain(http.post('/orders').from(customer).to(shop)),
      chain(http.get('/health').from(monitor).to(shop).named('a')),
      chain(http.get('/health').from(monitor).to(stock).named('b')),
      chain(http.get('/probe').from(probe).to(stock)),
      chain(http.get('/stock').from(shop).to(stock)),
    ];
  });
  const contracts = contractsOf(document, 'redirect');

  it('are written as in the paper', () => {
    expect(contracts).toContain(
      'FlowTap(stock, security-vm, nw_src = 10.0.0.1; nw_dst = 10.0.0.2; nw_proto = TCP; tp_dst = 80, redirect)',
    );
    expect(contracts).toContain(
      'FlowTap(shop, security-vm, ipv6_src = ::/0; ipv6_dst = fd00::1; nw_proto = TCP; tp_dst = 8080, redirect)',
    );
  });

  it('do not overlap on one port, and join no addresses of two families', () => {
    const flows = contracts.map((contract) => {
      const [, to = '', source = '', server = '', port = ''] =
        /^FlowTap\((.*), security-vm, \w+_src = (.*); \w+_dst = (.*); nw_proto = TCP; tp_dst = (\d+), redirect\)$/.exec(
          contract,
        ) ?? [];
      return { key: `${to} ${server} ${port}`, source: parsePrefix(source), server: parsePrefix(server) };
    });
    for (const [i, a] of flows.entries()) {
      expect(a.source?.bits).toBe(a.server?.bits);
      for (const b of flows.slice(i + 1)) {
        if (a.source === null || b.source === null || a.key !== b.key) continue;
        expect(prefixesOverlap(a.source, b.source)).toBe(false);
      }
    }
    expect(flows).toHaveLength(6);
  });
});

describe('a policy', () => {
  const policy = (words: boolean): PolicyDocument =>
    application('shop', ({ external, service }) => {
      const customer = external('customer', words ? { mode: 'audit' } : {});
      const shop = service('shop', { at: '10.2.0.11', http: 80 });
      const request = http.get('/').from(customer).to(shop);
      return chain(words ? request.audited().contained('90s') : request);
    });

  it('lists the rules that block nothing, or otherwise than the rest', () => {
    const { bold } = colours;
    const title = bold('rules that block nothing, or otherwise');
    expect(describePolicy(policy(false), 'forward', colours)).not.toContain(title);
    expect(describePolicy(policy(true), 'forward', colours)).toContain(
      `${title}\n  whatever comes from "customer" is only audited\n  "GET /" only audits\n  "GET /" cuts its flow for 90 s\n`,
    );
  });
});
