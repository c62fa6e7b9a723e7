// What of an offence got to its victim. Enters: captures at the security VM and at the victim; leaves: what was sent and what arrived.
import { filterOf, tshark } from './check.ts';
import type { Offence } from './messages.ts';
import { LabError } from './system.ts';

/** One direction of a connection, as it came in at one place. */
interface Stream {
  readonly packets: number;
  readonly bytes: Buffer;
  /** Sequence number of its first byte; null when its SYN never came. */
  readonly first: number | null;
}

export interface Arrival {
  readonly offence: Offence;
  /** Packets that carry the offence: what the security VM got, and what the victim got on any connection of the offender. */
  readonly sent: number;
  readonly arrived: number;
  /** Bytes of the stream up to the offence, and how many of the stream arrived. */
  readonly before: number;
  readonly streamed: number;
  /** Packets of that connection at the victim. */
  readonly packets: number;
  /** Bytes of payload that the victim got in all. */
  readonly payload: number;
}

/**
 * Null when the security VM did not get the offence either: its absence at the victim shows nothing then.
 * @param gate capture of what the security VM got on its way to the victim
 * @param victim capture of what the victim got
 */
export async function arrivalOf(offence: Offence, gate: string, victim: string): Promise<Arrival | null> {
  const carrying = await tshark(gate, filterOf(offence), ['tcp.seq_raw']);
  const sequence = carrying[0]?.[0];
  if (sequence === undefined) return null;
  const [said, got] = [await streamOf(gate, offence), await streamOf(victim, offence)];
  const before =
    said.first === null || offence.request === 'connect' ? 0 : after(said.first, Number(sequence));
  const same = said.bytes.subarray(0, got.bytes.length).equals(got.bytes);
  if (!same) throw new LabError(`what arrived on ${offence.source} > ${offence.destination} was never sent`);
  const payloads = await tshark(victim, 'tcp.len > 0', ['tcp.len']);
  return {
    offence,
    sent: carrying.length,
    arrived: (await tshark(victim, filterOf(offence, 'any'), ['frame.number'])).length,
    before,
    streamed: got.bytes.length,
    packets: got.packets,
    payload: payloads.reduce((sum, [length]) => sum + Number(length), 0),
  };
}

/** True when no byte of the offence, nor any behind it, got to the victim; of a connection: not one packet. */
export function isWithheld({ offence, arrived, before, streamed, packets }: Arrival): boolean {
  return arrived === 0 && streamed <= before && (offence.request !== 'connect' || packets === 0);
}

async function streamOf(file: string, { source, destination }: Offence): Promise<Stream> {
  const [[ip, port], [toIp, toPort]] = [source.split(':'), destination.split(':')];
  const flow = `ip.src == ${ip} && tcp.srcport == ${port} && ip.dst == ${toIp} && tcp.dstport == ${toPort}`;
  const rows = await tshark(file, flow, ['tcp.seq_raw', 'tcp.flags.syn', 'tcp.payload']);
  const syn = rows.find(([, flag]) => flag === '1' || flag === 'True');
  if (syn === undefined) return { packets: rows.length, bytes: Buffer.alloc(0), first: null };
  const first = (Number(syn[0]) + 1) >>> 0;
  const pieces: Buffer[] = [];
  let length = 0;
  const segments = rows
    .map(([sequence, , payload = '']) => ({ at: after(first, Number(sequence)), bytes: hexBytes(payload) }))
    .filter(({ bytes }) => bytes.length > 0)
    .sort((a, b) => a.at - b.at);
  for (const { at, bytes } of segments) {
    if (at > length)
      throw new LabError(`${file}: ${at - length} bytes of ${source} > ${destination} are missing`);
    const fresh = bytes.subarray(Math.min(bytes.length, length - at));
    pieces.push(fresh);
    length += fresh.length;
  }
  return { packets: rows.length, bytes: Buffer.concat(pieces), first };
}

/** Sequence numbers go round. */
const after = (first: number, sequence: number): number => (sequence - first) >>> 0;

const hexBytes = (text: string): Buffer => Buffer.from(text.replaceAll(':', ''), 'hex');
