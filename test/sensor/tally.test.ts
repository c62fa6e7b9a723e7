// What passed of one flow. Enters: packets; leaves: assertions on counts, and on when there are none.
import { describe, expect, it } from 'vitest';
import { PARSERS } from '../../src/sensor/parsers.ts';
import { createSensor } from '../../src/sensor/sensor.ts';
import { Tally } from '../../src/sensor/tally.ts';
import { CLIENT, Conversation, ethernet, type Frame, ipv4, SERVER, tcp } from '../support/packets.ts';

const there = { ip: 4, vlans: [], source: CLIENT, destination: SERVER } as const;
const back = { ip: 4, vlans: [], source: SERVER, destination: CLIENT } as const;

function tallied(frames: readonly Frame[]): Tally {
  const tally = new Tally();
  const sensor = createSensor({
    source: 'tap',
    parsers: PARSERS,
    onEvent: () => {},
    onSegment: (segment, length) => tally.take(segment, length),
    onUnread: (ts) => tally.miss(ts),
  });
  for (const [index, frame] of frames.entries()) sensor.packet({ ...frame, number: index + 1 });
  return tally;
}

const bytesOf = (frames: readonly Frame[]): number => frames.reduce((sum, { original }) => sum + original, 0);

describe('a tally', () => {
  const { frames } = new Conversation().open().send('client', 'hello').send('server', 'hello yourself');
  const since = frames[3]?.ts ?? 0;

  it('counts the frames of both directions after a moment, and those of no other flow', () => {
    const other = new Conversation({ client: { ...CLIENT, port: 40001 } }).open().frames;
    const tagged = new Conversation({ vlans: [7] }).open().frames;
    const tally = tallied([...frames, ...other, ...tagged].sort((a, b) => a.ts - b.ts));
    const after = frames.slice(4);
    expect(tally.since([there, back], since)).toEqual({ packets: after.length, bytes: bytesOf(after) });
    expect(tally.since([{ ...there, vlans: [7] }], 0)?.packets).toBe(2);
    const long = tallied([...frames, ...new Conversation({ start: since + 5e6 }).open().frames]);
    expect(long.since([there, back], since + 4e6)?.packets).toBe(3);
  });

  it('counts IPv6', () => {
    const client = { ip: '2001:db8::1', port: 40000 };
    const server = { ip: '2001:db8::2', port: 80 };
    const tally = tallied(new Conversation({ client, server }).open().frames);
    const matches = [{ ip: 6, vlans: [], source: client, destination: server } as const];
    expect(tally.since(matches, 0)?.packets).toBe(2);
  });

  it('does not know when a packet may have been of any flow, and knows again later', () => {
    const segment = tcp(CLIENT, SERVER, { seq: 1, flags: 'A' });
    const bytes = ethernet(ipv4(CLIENT.ip, SERVER.ip, segment.subarray(0, 16), { moreFragments: true }));
    const fragment = { ts: since + 1, linkType: 1, bytes, original: bytes.length };
    const tally = tallied([...frames.slice(0, 4), fragment, ...frames.slice(4)]);
    expect(tally.since([there, back], since)).toBeNull();
    expect(tally.since([there, back], since + 1)?.packets).toBe(frames.length - 4);
  });

  it('does not know what it has forgotten', () => {
    const tally = new Tally();
    const segment = { ts: 1, vlan: 0, family: 4 } as Parameters<Tally['take']>[0];
    for (let ts = 1; ts <= 140_000; ts++) tally.take({ ...segment, ts: ts * 10 }, 60);
    expect(tally.since([there], 10)).toBeNull();
    expect(tally.since([there], 1_399_000)).toEqual({ packets: 0, bytes: 0 });
  });
});
