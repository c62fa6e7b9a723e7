// Events as a Zeek would send them, over and over. Enters: a connection of a subscriber; leaves: frames, then close 1001.
import { once } from 'node:events';
import { writeEvent } from '../../src/broker/message.ts';
import { address, count, port, string, timestamp, type Value } from '../../src/broker/value/value.ts';
import { frames, MockZeek } from '../support/mock-zeek.ts';

/** Bytes of one event: what was measured of a real Zeek's for one HTTP request. */
const SIZE = 852;
/** Events of one block, which is sent again and again. */
const BLOCK = 500;

/** Events of twelve arguments, `SIZE` bytes each. */
export function exampleEvents(): readonly Buffer[] {
  return Array.from({ length: BLOCK }, (_, index) => {
    const short = exampleEvent(index, '').length;
    return exampleEvent(index, 'x'.repeat(SIZE - short));
  });
}

function exampleEvent(index: number, padding: string): Buffer {
  const args: Value[] = [
    count(1_000_000 + index),
    timestamp(1_404_901_004_123_000_000n + BigInt(index) * 1_000_000n),
    string('CHhAvVGS1DHFjwGM9'),
    address('10.1.0.11'),
    port(40_000 + index, 'tcp'),
    address('10.1.0.12'),
    port(8080, 'tcp'),
    string('POST'),
    string(`/users/alice/charge?at=${index}&with=${padding}`),
    string('1.1'),
    count(index % 7),
    count(index * 1500),
  ];
  const event = { topic: 'flowtap/events/http/', name: 'FlowTap::http_request', args };
  return Buffer.from(writeEvent(event, 4096).bytes);
}

/** Serves `total` events to each subscriber, from memory: it costs next to nothing but the system calls. */
export function serveEvents(total: number): Promise<MockZeek> {
  const block = Buffer.concat(exampleEvents().map((event) => frames(1, event)));
  return MockZeek.start(async (peer) => {
    await peer.subscribe('bench');
    for (let sent = 0; sent < total; sent += BLOCK)
      if (!peer.socket.write(block)) await once(peer.socket, 'drain');
    peer.close(1001, 'Terminating');
  });
}
