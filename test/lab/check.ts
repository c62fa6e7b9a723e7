// Holds a capture against what it must be, with tshark. Enters: the capture and its offences; leaves: each offence's packet, or a LabError.
import type { Offence } from './messages.ts';
import { LabError, run } from './system.ts';

export const tshark = async (
  file: string,
  filter: string,
  fields: readonly string[],
): Promise<string[][]> => {
  const wanted = fields.flatMap((field) => ['-e', field]);
  const options = [
    '-o',
    'tcp.check_checksum:TRUE',
    '-o',
    'ip.check_checksum:TRUE',
    '-Y',
    filter,
    '-T',
    'fields',
  ];
  const out = await run('tshark', ['-n', '-r', file, ...options, ...wanted]);
  return out
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => line.split('\t'));
};

/** What a clean network never shows, and a capture with packets missing, doubled or rearranged does. */
const ARTEFACTS = [
  'tcp.analysis.retransmission',
  'tcp.analysis.lost_segment',
  'tcp.analysis.ack_lost_segment',
  'tcp.analysis.out_of_order',
  'tcp.analysis.duplicate_ack',
  'tcp.analysis.zero_window',
  // 0xffff is zero in ones' complement: right, though tshark wants it written 0x0000.
  '(tcp.checksum.status == 0 && tcp.checksum != 0xffff)',
  'ip.checksum.status == 0',
  'ip.flags.mf == 1',
  '_ws.malformed',
  'not tcp',
].join(' || ');

export async function checkPackets(
  file: string,
  expected: number,
): Promise<{ packets: number; seconds: number }> {
  const bad = await tshark(file, ARTEFACTS, ['frame.number', '_ws.col.Info']);
  if (bad.length > 0) throw new LabError(`packets that should not be: ${JSON.stringify(bad.slice(0, 5))}`);
  const fields = [
    'frame.time_epoch',
    'tcp.stream',
    'tcp.flags',
    'ip.src',
    'tcp.srcport',
    'ip.id',
    'tcp.seq_raw',
    'tcp.len',
  ];
  const rows = await tshark(file, 'frame', fields);
  if (rows.length !== expected)
    throw new LabError(`${rows.length} packets in the file, ${expected} captured`);
  const streams = new Set<string>();
  const seen = new Set<string>();
  for (const [, stream = '', flags = '', ...identity] of rows) {
    if (!streams.has(stream) && Number(flags) !== 0x02)
      throw new LabError(`stream ${stream} has no SYN first`);
    streams.add(stream);
    const key = [...identity, flags].join(' ');
    if (seen.has(key)) throw new LabError(`a packet is there twice: ${key}`);
    seen.add(key);
  }
  const [first, last] = [Number(rows[0]?.[0]), Number(rows.at(-1)?.[0])];
  return { packets: rows.length, seconds: Number((last - first).toFixed(3)) };
}

export interface Truth extends Offence {
  /** Its number in the capture, from 1. */
  packet: number;
}

/** Finds the packet that carries each offence, and takes the time from there. */
export async function locate(file: string, offences: readonly Offence[]): Promise<Truth[]> {
  const found: Truth[] = [];
  for (const offence of offences) {
    const [packets, where] = [
      await tshark(file, filterOf(offence), ['frame.number', 'frame.time_epoch']),
      filterOf(offence),
    ];
    const [packet] = packets;
    if (packet === undefined) throw new LabError(`the capture does not show ${offence.request}: ${where}`);
    found.push({ ...offence, ts: Number(packet[1]), packet: Number(packet[0]) });
  }
  return found.sort((a, b) => a.packet - b.packet);
}

const CLOCK_SLACK = 0.005;

/** For tshark: the packets of the offender that carry the offence, on the connection that it reported, or on `any` to that server. */
export function filterOf(offence: Offence, connection: 'reported' | 'any' = 'reported'): string {
  const { protocol, request, values = [], ts, source, destination } = offence;
  const [address = '', port = ''] = source.split(':');
  const [toAddress = '', toPort = ''] = destination.split(':');
  const from = connection === 'any' ? '' : ` && tcp.srcport == ${port}`;
  const flow =
    `ip.src == ${address}${from} && ip.dst == ${toAddress} && tcp.dstport == ${toPort} ` +
    `&& frame.time_epoch >= ${ts - CLOCK_SLACK}`;
  // As bytes: a text may hold what the filter language takes for its own.
  const holds = (text: string): string => `tcp.payload contains ${[...Buffer.from(text)].map(hex).join(':')}`;
  const contents = [request, ...values].map(holds).join(' && ');
  if (request === 'connect') return `${flow} && tcp.flags.syn == 1`;
  if (request.startsWith('startup ')) return `${flow} && tcp.len > 0`;
  if (protocol !== 'amqp') return `${flow} && ${contents}`;
  if (request.startsWith('queue.purge'))
    return `${flow} && amqp.method.class == 50 && amqp.method.method == 30`;
  if (request.startsWith('basic.publish'))
    return `${flow} && amqp.method.method == 40 && ${values.map(holds).join(' && ')}`;
  const [tag = ''] = values;
  return `${flow} && amqp.method.class == 60 && amqp.method.method == 80 && amqp.method.arguments.delivery_tag == ${tag.replace(/\D/g, '')}`;
}

const hex = (byte: number): string => byte.toString(16).padStart(2, '0');
