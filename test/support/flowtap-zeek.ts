// Says what zeek-scripts would say, over a mock's connection. Enters: what shall have happened; leaves: events with heads and numbers.
import { writeEvent, type ZeekEvent } from '../../src/broker/message.ts';
import { address, boolean, count, string, type Value, vector } from '../../src/broker/value/value.ts';
import type { MockPeer } from './mock-zeek.ts';

/** The name of one run of a Zeek, and how far its numbers are: a connection that is made again goes on with them. */
export class Epoch {
  readonly name: string;
  readonly node: string;
  n = 0n;
  constructor(name: string, node = 'mock') {
    this.name = name;
    this.node = node;
  }
}

/** Microseconds since 1970, of this machine. */
export function wall(): number {
  return Date.now() * 1000;
}

export class Speaker {
  readonly #peer: MockPeer;
  readonly epoch: Epoch;
  readonly #ts: () => number;

  /** @param ts the network time of what is said next */
  constructor(peer: MockPeer, epoch: Epoch, ts: () => number = wall) {
    this.#peer = peer;
    this.epoch = epoch;
    this.#ts = ts;
  }

  hello(schema = 1): void {
    this.say(
      'hello',
      '',
      count(schema),
      text(this.epoch.node),
      text('8.2.2'),
      boolean(false),
      text(''),
      text(''),
    );
  }

  heartbeat(dropped = 0): void {
    this.say('heartbeat', '', count(dropped), count(0));
  }

  /** `ip:port` of both; the SYN, and its answer. */
  connect(uid: string, orig: string, resp: string): void {
    const ends = [orig, resp].flatMap((end) => {
      const [ip = '', port = ''] = end.split(':');
      return [address(ip), count(Number(port))];
    });
    this.say('conn_new', uid, ...ends, vector(), text('syn'));
    this.say('conn_established', uid);
  }

  /** Bytes of a side, as they come where no grammar delimits them. */
  data(uid: string, fromOrig: boolean, start: number, raw: string): void {
    const encoded = Buffer.from(raw).toString('base64');
    this.say(
      'data',
      uid,
      boolean(fromOrig),
      count(start),
      text(encoded),
      count(raw.length),
      text(''),
      vector(),
    );
  }

  end(uid: string): void {
    this.say('conn_end', uid, text('fin'));
  }

  /** Numbers that are never said. */
  skip(events: bigint): void {
    this.epoch.n += events;
  }

  say(name: string, uid: string, ...args: readonly Value[]): void {
    this.epoch.n += 1n;
    const head = vector(text(this.epoch.name), count(this.epoch.n), count(this.#ts()), text(uid));
    const event: ZeekEvent = { topic: 'flowtap/events/', name: `FlowTap::${name}`, args: [head, ...args] };
    this.#peer.text(writeEvent(event, 1_048_576).bytes);
  }
}

function text(content: string): Value {
  return string(content);
}
