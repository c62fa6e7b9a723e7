// Public captures (shared/pcaps, MANIFEST.tsv). Enters: traffic that others recorded; leaves: what TCP made of it, in numbers.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { readPackets } from '../../src/sensor/capture/read.ts';
import { openSensor, type Sensed, summary } from '../support/sensing.ts';

const FOLDER = process.env.SHARED_PCAPS ?? join(import.meta.dirname, '../../../shared/pcaps');
const MANIFEST = join(FOLDER, 'MANIFEST.tsv');

interface Row {
  readonly file: string;
  readonly protocol: string;
  readonly packets: number;
  readonly shows: string;
}

const ROWS: readonly Row[] = existsSync(MANIFEST) ? manifest(readFileSync(MANIFEST, 'utf8')) : [];

function manifest(text: string): Row[] {
  const [header = [], ...rows] = text
    .trim()
    .split('\n')
    .map((line) => line.split('\t'));
  const cell = (row: readonly string[], name: string): string => row[header.indexOf(name)] ?? '';
  return rows.map((row) => ({
    file: cell(row, 'file'),
    protocol: cell(row, 'protocol'),
    packets: Number(cell(row, 'packets')),
    shows: cell(row, 'shows'),
  }));
}

async function read(file: string): Promise<Sensed> {
  const { sensor, result } = openSensor({ capture: file });
  for await (const batch of readPackets(join(FOLDER, file))) {
    for (const packet of batch) sensor.packet(packet);
  }
  sensor.end();
  return result();
}

function count(sensed: Sensed, line: string): number {
  return summary(sensed.events).filter((event) => event === line).length;
}

describe('public captures', () => {
  beforeEach(({ skip }) => {
    skip(
      ROWS.length === 0,
      'the folder of public captures is not beside the project, and SHARED_PCAPS does not name it',
    );
  });

  it('are all read to their end, with every packet counted and every flow ended', {
    timeout: 120_000,
  }, async () => {
    const wrong: string[] = [];
    for (const row of ROWS) {
      const sensed = await read(row.file);
      const { statistics } = sensed;
      const connections = Number(/\b(\d+) connections?\b/.exec(row.shows)?.[1] ?? Number.NaN);
      if (statistics.packets !== row.packets) wrong.push(`${row.file}: ${statistics.packets} packets`);
      if (statistics.openFlows !== 0) wrong.push(`${row.file}: flows without an end`);
      if (
        DIFFERENT_FLOWS[row.file] === undefined &&
        !Number.isNaN(connections) &&
        statistics.flows !== connections
      ) {
        wrong.push(`${row.file}: ${statistics.flows} flows, not ${connections}`);
      }
      const expected = PARSERS_OF[row.protocol];
      if (expected !== undefined && !sensed.flows.some(({ protocol }) => protocol === expected)) {
        wrong.push(`${row.file}: no flow is read as ${expected}`);
      }
      if (row.protocol === 'redis' && sensed.flows.length > 0)
        wrong.push(`${row.file}: read as something else`);
      if (row.protocol === 'http2' && !/Upgrade/.test(row.shows) && statistics.lost.http2 === 0) {
        wrong.push(`${row.file}: not seen to be HTTP/2`);
      }
      const holes = /gaps (\d+)/.test(row.shows) || /cut by snap length/.test(row.shows);
      if (!holes && statistics.lostBytes > 0 && UNLISTED_GAPS[row.file] === undefined) {
        wrong.push(`${row.file}: ${statistics.lostBytes} bytes lost`);
      }
    }
    expect(wrong).toEqual([]);
  });

  const facts: readonly (readonly [string, string, number])[] = [
    ['suricata-verify/eve-overlap-payload-01__tcp-overlap.pcap', 'ambiguity tcp-overlap-conflict', 1],
    ['quantuminsert/qi_local_SYNACK_curl_jsonip.pcap', 'ambiguity tcp-overlap-conflict', 1],
    ['zeek/tcp__qi_internet_SYNACK_curl_jsonip.pcap', 'ambiguity tcp-overlap-conflict', 1],
    ['suricata-verify/tcp-urgp-01-oob__tcp-urgent1.pcap', 'ambiguity tcp-urgent-data', 1],
    ['suricata-verify/http-gap-double.pcap', 'analysis-lost gap', 2],
    ['suricata-verify/http-gap-simple.pcap', 'analysis-lost gap', 1],
    ['zeek/http__1000-requests-one-dropped-response.pcap', 'analysis-lost gap', 1],
    ['zeek/tcp__miss_end_data.pcap', 'analysis-lost gap', 1],
    ['zeek/tcp__payload-syn.pcap', 'ambiguity tcp-data-in-syn', 0],
    ['suricata-verify/tcp-fastopen-01__tfo.pcap', 'ambiguity tcp-data-in-syn', 0],
    ['suricata-verify/tcp-fastopen-07__tcp_fastopen_segmentation.pcap', 'ambiguity tcp-data-in-syn', 0],
    ['suricata-verify/tcp-split-handshake-01-4whs__split-handshake-4whs.pcap', 'connection-attempt', 1],
    ['zeek/vlan-collisions.pcap', 'connection-attempt', 3],
    ['deepflow/out-of-order.pcap', 'connection-end fin', 1],
    ['zeek/tcp__handshake-reorder.pcap', 'connection-attempt', 1],
    ['deepflow/handshake-error.pcap', 'connection-established', 1],
  ];
  for (const [file, line, times] of facts) {
    it(`${file} has ${times} × ${line}`, async () => {
      expect(count(await read(file), line)).toBe(times);
    });
  }

  it('puts fourteen requests together over retransmissions, and two over the end of the sequence numbers', async () => {
    const requests = async (file: string, method: string): Promise<number> =>
      (await read(file)).flows.reduce((sum, { orig }) => sum + orig.split(method).length - 1, 0);
    expect(await requests('pcapplusplus/tcp-reassembly.pcap', 'GET /')).toBe(14);
    expect(await requests('pcapplusplus/one_tcp_stream_max_seq.pcap', 'POST /')).toBe(2);
  });
});

const PARSERS_OF: Readonly<Record<string, string>> = {
  http1: 'http',
  'amqp-0-9-1': 'amqp',
  postgresql: 'postgres',
  mysql: 'mysql',
};

/** Where our number of flows is not the manifest's (tshark's), and why. */
const DIFFERENT_FLOWS: Readonly<Record<string, string>> = {
  'ndpi/fuzz-2006-09-29-28586.pcap': 'a reset or a broken header opens no flow here',
  'pcapplusplus/tcp-reassembly.pcap': 'the second is quoted inside of a UDP datagram',
  'tcpdump/tcp_rst_data.pcap': 'a lone reset opens no flow here',
  'zeek/vlan-collisions.pcap': 'tshark does not tell VLANs apart',
};

/** Lost bytes that the manifest does not list, and why. */
const UNLISTED_GAPS: Readonly<Record<string, string>> = {
  'deepflow/postgre__prepare_stat.pcap': 'each side acknowledges more than was captured',
  'suricata-verify/stream-async__http__stream-async-6063-cli-01__http-request-header-async-cli.pcap':
    'only the client was captured; it acknowledges the answer',
  'zeek/mixed-vlan-mpls.pcap': 'only one side of the first connection was captured',
};
