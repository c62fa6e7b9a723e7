// Tcpdump as a process of ours. Enters: a script that stands for it, and the real one on loopback; leaves: assertions on stream, counts and end.
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { launchTcpdump, type TcpdumpCounts } from '../../src/live/tcpdump.ts';
import { CaptureFaults } from '../../src/sensor/capture/fault.ts';
import { CaptureStream } from '../../src/sensor/capture/stream.ts';
import { isInstalled } from '../support/open-vswitch.ts';

const folder = mkdtempSync(join(tmpdir(), 'tcpdump-'));
afterAll(() => rmSync(folder, { recursive: true }));

function script(name: string, text: string): string {
  const file = join(folder, name);
  writeFileSync(file, `#!/bin/sh\n${text}`);
  chmodSync(file, 0o755);
  return file;
}

const options = (program: string, counts: TcpdumpCounts[] = []) => ({
  name: 'tap',
  interface: 'lo',
  program,
  bufferKiB: 1024,
  filter: null,
  onCounts: (each: TcpdumpCounts) => counts.push(each),
});

const LISTENS = 'echo "tcpdump: listening on lo, link-type EN10MB (Ethernet)" >&2';

describe('tcpdump', () => {
  it('is given the interface, the buffer and the filter', async () => {
    const args = join(folder, 'args');
    const program = script('args.sh', `echo "$@" > ${args}; ${LISTENS}; cat > /dev/null`);
    const tcpdump = await launchTcpdump({ ...options(program), filter: 'not port 22' });
    expect(tcpdump.listens).toBe('lo, link-type EN10MB (Ethernet)');
    expect(execFileSync('cat', [args], { encoding: 'utf8' })).toBe(
      '-i lo -n --immediate-mode -U -s 65535 -B 1024 -w - -- not port 22\n',
    );
    await tcpdump.stop();
  });

  it('says at its end what it lost, and what it complained of', async () => {
    const counts: TcpdumpCounts[] = [];
    const last = '7 packets captured\\n12 packets received by filter\\n5 packets dropped by kernel\\n';
    const program = script(
      'end.sh',
      `${LISTENS}; printf '${last}tcpdump: the interface went down\\n' >&2; exit 3`,
    );
    const tcpdump = await launchTcpdump(options(program, counts));
    tcpdump.stream.resume();
    expect(await tcpdump.exited).toEqual({
      code: 3,
      signal: null,
      error: 'tcpdump: the interface went down',
    });
    expect(counts).toEqual([{ captured: 7, received: 12, dropped: 5 }]);
  });

  it('that ends before it listens cannot be used, and says why', async () => {
    const program = script('none.sh', 'echo "tcpdump: lo: You do not have permission" >&2; exit 1');
    await expect(launchTcpdump(options(program))).rejects.toMatchObject({
      code: 'tcpdump-unusable',
      message: expect.stringContaining('cannot listen on lo: tcpdump: lo: You do not have permission'),
    });
    await expect(launchTcpdump(options(join(folder, 'absent')))).rejects.toMatchObject({
      message: expect.stringContaining('ENOENT'),
    });
  });

  it('gives each packet of loopback as it comes, and counts them when it is asked', async ({ skip }) => {
    if (process.getuid?.() !== 0) return skip('capturing needs root');
    if (!isInstalled('tcpdump')) return skip('tcpdump is not installed');
    const server = createServer((socket) => socket.pipe(socket)).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const counts: TcpdumpCounts[] = [];
    const tcpdump = await launchTcpdump({ ...options('tcpdump', counts), filter: `tcp port ${port}` });
    const stream = new CaptureStream(new CaptureFaults('lo'));
    let packets = 0;
    let wake: () => void = () => {};
    tcpdump.stream.on('data', (piece: Buffer) => {
      for (const { bytes } of stream.feed(piece)) if (Buffer.from(bytes).includes('sesame')) packets += 1;
      if (packets >= 2) wake();
    });
    const seen = new Promise<void>((resolve) => {
      wake = resolve;
    });
    const socket = connect(port, '127.0.0.1');
    socket.write('open sesame');
    // There and back; nothing is flushed by an end.
    await seen;
    tcpdump.ask();
    await expect.poll(() => counts.length, { timeout: 10_000 }).toBeGreaterThan(0);
    expect(counts[0]).toMatchObject({ dropped: 0 });
    expect(counts[0]?.captured).toBeGreaterThanOrEqual(2);
    socket.destroy();
    server.close();
    await tcpdump.stop();
    expect((await tcpdump.exited).code).toBe(0);
  }, 30_000);
});
