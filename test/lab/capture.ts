// One tcpdump on the bridge. Enters: a file to write; leaves: every packet of the bridge, once, until it is stopped.
import { statSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { LabError, saying, spawnIn, stop, until } from './system.ts';
import { BRIDGE, SWITCH } from './topology.ts';

export interface Capture {
  /** Resolves to the number of packets in the file. */
  finish(): Promise<number>;
}

const PCAP_HEADER = 24;

export async function startCapture(file: string): Promise<Capture> {
  const options = [
    '-i',
    BRIDGE,
    '-w',
    file,
    '-s',
    '0',
    '-B',
    '65536',
    '-n',
    '-U',
    '--immediate-mode',
    '-Z',
    'root',
  ];
  const tcpdump = spawnIn(SWITCH, ['tcpdump', ...options, 'tcp']);
  let said = '';
  tcpdump.stderr?.on('data', (chunk: Buffer) => {
    said += chunk.toString();
  });
  await saying(tcpdump, 'tcpdump', /listening on/, 10_000);
  await until('tcpdump writes its file header', 5_000, () => statSync(file).size >= PCAP_HEADER);
  return {
    finish: async () => {
      // The last segments are still on their way to the file when the last process has ended.
      await sleep(300);
      await stop(tcpdump, 'SIGINT');
      const counts =
        /(\d+) packets? captured\n(\d+) packets? received by filter\n(\d+) packets? dropped/.exec(said);
      if (counts === null) throw new LabError(`tcpdump did not say how it went:\n${said}`);
      const [, captured, received, dropped] = counts;
      if (captured !== received || dropped !== '0') throw new LabError(`tcpdump lost packets:\n${said}`);
      return Number(captured);
    },
  };
}
