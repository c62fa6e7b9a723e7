// The commands on a bridge. Enters: arguments, a real switch where there is one; leaves: output, exit codes, flows in the switch.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runProgram } from '../../src/cli/program.ts';
import { OpenVSwitch, whyNoSwitch } from '../support/open-vswitch.ts';
import { fakeTerminal } from '../support/terminal.ts';

interface Run {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

async function flowtap(...argv: readonly string[]): Promise<Run> {
  const terminal = fakeTerminal();
  const code = await runProgram(argv, terminal);
  return { code, ...terminal.written };
}

describe('without a switch', () => {
  it.each([
    [['list', 'br0'], '/nowhere/db.sock: ENOENT; is it running, may you use its sockets, and is --rundir'],
    [['tap', 'br0', 'web', 'ids', 'tcp'], 'a contract has four parts, not 3; write SRC DST FLOW'],
    [['tap', 'br0', 'web', 'ids', 'tp_dst=80', 'forward'], 'tp_dst needs dl_type'],
    [['tap', 'br0', 'web', 'ids', 'tcp', 'drop'], 'there is no action "drop"'],
    [['tap', 'br0', 'FlowTap(web, web, tcp, forward)'], 'SRC and DST are both "web"'],
    [['drop', 'br0', '10.0.0.1', '10.0.0.2:1'], '"10.0.0.1" is no end of a connection; write 10.0.0.1:80'],
    [['drop', 'br0', '10.0.0.1:1', '[fd00::1]:1'], 'are of two kinds'],
    [['drop', 'br0', '10.0.0.1:1', '10.0.0.2:1', '--for', 'ever'], '"ever" is no duration; write 90s'],
    [['drop', 'br0', '10.0.0.1:1', '10.0.0.2:1', '--vlan', '5000'], 'VLANs go from 0 to 4095'],
    [['untap', 'br0'], "missing required argument 'contract'"],
    [['list', 'br/../0'], '"br/../0" is no name of a bridge'],
  ])('%j ends with 2 and one line', async (argv, problem) => {
    const { code, out, err } = await flowtap(...argv, '--rundir', '/nowhere');
    expect(err).toContain(problem);
    expect(err.trimEnd().split('\n')).toHaveLength(1);
    expect({ code, out }).toEqual({ code: 2, out: '' });
  });
});

describe('on a switch', () => {
  const why = whyNoSwitch();
  let ovs: OpenVSwitch;

  beforeEach(async ({ skip }) => {
    if (why !== null) return skip(why);
    ovs = new OpenVSwitch();
    await ovs.start();
    await ovs.vsctl('add-port', 'br0', 'p1', '--', 'set', 'interface', 'p1', 'type=internal');
    await ovs.vsctl('set', 'interface', 'p1', 'external_ids:iface-id=web');
    await ovs.vsctl('set', 'interface', 'p1', 'external_ids:attached-mac="02:00:00:00:00:01"');
    return ovs.vsctl('add-port', 'br0', 'ids', '--', 'set', 'interface', 'ids', 'type=internal');
  }, 60_000);

  afterEach(async () => {
    if (why === null) await ovs.stop();
  }, 60_000);

  const on = (command: string, ...argv: readonly string[]): Promise<Run> =>
    flowtap(command, 'br0', ...argv, '--rundir', ovs.folder);

  it('a contract is set, listed with who asked and why, and ended', async () => {
    const tapped = await on(
      'tap',
      'web',
      'ids',
      'tcp,tp_dst=80',
      'forward',
      '--as',
      'alice',
      '--why',
      'audit',
    );
    expect(tapped).toEqual({ code: 0, out: 'c1 FlowTap(web, ids, tcp,tp_dst=80, forward)\n', err: '' });
    expect(await ovs.flows(201)).toHaveLength(2);
    const { out } = await on('list');
    expect(out).toMatch(/c1 +FlowTap\(web, ids, tcp,tp_dst=80, forward\) +yes +0 +alice +\S+Z +audit/);
    const record = JSON.parse((await on('list', '--json')).out) as { contracts: unknown[] };
    expect(record.contracts).toMatchObject([{ id: 'c1', by: 'alice', why: 'audit', installed: true }]);
    const ended = await on('untap', 'c1');
    expect(ended.out).toMatch(/^ended c1 FlowTap\(.*\), asked for by alice at /);
    expect((await on('list')).out).toBe('no operator asked for anything on this bridge\n');
    // The last one takes all of ours out.
    for (const table of [200, 201, 202, 203]) expect(await ovs.flows(table)).toEqual([]);
    expect(await ovs.flows(0)).toEqual([expect.stringContaining('NORMAL')]);
  });

  it('an overlap is refused with both named, and nothing is changed', async () => {
    await on('tap', 'web', 'ids', 'tcp,tp_dst=80', 'forward', '--as', 'alice');
    const before = await ovs.flows(201);
    const { code, err } = await on('tap', 'FlowTap(web, ids, nw_src=10.0.0.0/8; nw_proto=TCP, redirect)');
    expect(code).toBe(2);
    expect(err).toContain('FlowTap(web, ids, tcp,nw_src=10.0.0.0/8, redirect) overlaps c1');
    expect(err).toContain('which alice asked for: both deliver dl_type=0x0800,nw_src=10.0.0.0');
    expect(await ovs.flows(201)).toEqual(before);
  });

  it('a contract waits for its ports, and says so', async () => {
    const { code, err } = await on('tap', 'db', 'ids', 'tcp', 'forward');
    expect({ code, err }).toEqual({ code: 0, err: 'flowtap: c1 waits: port db is not on this bridge\n' });
    expect((await on('list')).out).toMatch(/c1 .* no /);
  });

  it('a connection is cut for a while, and released', async () => {
    const { code, out } = await on('drop', '10.0.0.1:40000', '10.0.0.2:5432', '--for', '10m', '--why', 'odd');
    expect(code).toBe(0);
    expect(out).toMatch(/^b1 10\.0\.0\.1:40000 and 10\.0\.0\.2:5432 until \S+Z\n$/);
    const flows = await ovs.flows(200);
    expect(flows.filter((line) => /hard_timeout=60[01].*tp_src=40000/.test(line))).toHaveLength(1);
    expect((await on('list')).out).toMatch(/b1 +10\.0\.0\.1:40000 and 10\.0\.0\.2:5432, until \S+Z +yes/);
    expect((await on('release', 'b1')).out).toContain('released b1');
    expect((await on('release', 'b1')).err).toContain('there is no block "b1" on bridge "br0"');
    expect((await ovs.flows(200)).filter((line) => line.includes('tp_src'))).toEqual([]);
  });

  it('a connection may be of IPv6, and on a VLAN', async () => {
    expect((await on('drop', '[fd00::1]:40000', '[fd00::2]:80', '--vlan', '5')).code).toBe(0);
    const flows = (await ovs.flows(200)).filter((line) => line.includes('tcp6'));
    expect(flows).toHaveLength(2);
    expect(flows.join()).toContain(
      'dl_vlan=5,ipv6_src=fd00::1,ipv6_dst=fd00::2,tp_src=40000,tp_dst=80 actions=drop',
    );
    expect((await on('list')).out).toContain('[fd00::1]:40000 and [fd00::2]:80, VLAN 5, until');
  });

  it('two operators who ask at the same moment are not both granted what overlaps', async () => {
    const ask = (): Promise<Run> => on('tap', 'web', 'ids', 'tcp', 'forward');
    const runs = await Promise.all([ask(), ask(), ask()]);
    expect(runs.filter(({ code }) => code === 0)).toHaveLength(1);
    for (const { code, err } of runs) if (code !== 0) expect(err).toContain('overlaps c1');
    expect(await ovs.flows(201)).toHaveLength(1);
    // Nor does a slow one take out what another has set meanwhile.
    await Promise.all(['udp', 'arp', 'tcp6'].map((flow) => on('tap', 'web', 'ids', flow, 'forward')));
    expect(await ovs.flows(201)).toHaveLength(4);
  });

  it('what a switch lost when it started again is missing, until any command sets it again', async () => {
    await on('tap', 'web', 'ids', 'tcp', 'forward');
    await ovs.killSwitch();
    await ovs.startSwitch();
    await ovs.until(async () => (await ovs.ofctl('show').catch(() => '')) !== '', 'management socket');
    expect((await on('list')).out).toMatch(/c1 .* no /);
    await on('drop', '10.0.0.1:1', '10.0.0.2:2');
    expect((await on('list')).out).toMatch(/c1 .* yes /);
  });

  it('an entry of the ledger that cannot be read stops every command, with what to do', async () => {
    await ovs.vsctl('set', 'bridge', 'br0', 'external_ids:flowtap-c1=nonsense');
    const { code, err } = await on('list');
    expect(code).toBe(2);
    expect(err).toContain('remove it: ovs-vsctl remove bridge br0 external_ids flowtap-c1');
  });
});
