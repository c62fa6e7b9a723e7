// Link layers, IP with fragments, TCP reassembly. Enters: packets; leaves: streams in order, flows that end, one sensor that goes on.
import type { Event } from '../../../src/events/event.ts';
import type { Side } from '../../../src/flow.ts';
import { readPackets } from '../../../src/sensor/capture/read.ts';
import type { ParserFactory, SensorLimits } from '../../../src/sensor/parser.ts';
import { createSensor, type Sensor } from '../../../src/sensor/sensor.ts';
import { Conversation, ethernet, ipv4, ipv6, tcp } from '../../support/packets.ts';
import type { Input, Piece } from '../input.ts';
import { CAPTURES } from '../seeds.ts';
import { Mismatch, type Target } from '../target.ts';

const LINK_TYPES = [1, 0, 12, 101, 108, 113, 228, 229, 276, 147];
/** Microseconds since the packet before, by the next two bits of a tag. */
const STEPS = [10, 1_000_000, 700_000_000, -5_000_000];
/** The highest bit of a tag: the packet was cut when it was captured. */
const SNAPPED = 64;
const IDLE = 600_000_000;

const LIMITS: Partial<SensorLimits> = { flows: 40, reassembly: 20_000, idle: IDLE };

function tagOf(linkType: number): number {
  return Math.max(0, LINK_TYPES.indexOf(linkType));
}

/** Within a side, data and losses follow one another without overlap or hole. */
function checkingParser(): ParserFactory {
  return () => {
    const next: Record<Side, number | null> = { orig: null, resp: null };
    const ended = { orig: false, resp: false };
    const follow = (side: Side, offset: number, length: number): void => {
      if (ended[side]) throw new Mismatch('bytes after the end of their side');
      if (next[side] !== null && next[side] !== offset)
        throw new Mismatch('bytes that do not follow one another');
      if (length <= 0) throw new Mismatch('no bytes');
      next[side] = offset + length;
    };
    return {
      protocol: 'http',
      data: (side, offset, bytes) => follow(side, offset, bytes.length),
      lost: follow,
      elided: follow,
      end(side) {
        if (ended[side]) throw new Mismatch('a side ends twice');
        ended[side] = true;
      },
    };
  };
}

class Sensing {
  readonly sensor: Sensor;
  #time = 1_700_000_000_000_000;
  #number = 0;
  begun = 0;
  ended = 0;
  events = 0;

  constructor() {
    const factory = checkingParser();
    this.sensor = createSensor({
      source: 'fuzz',
      limits: LIMITS,
      hints: new Map([['*:8080', 'http']]),
      parsers: { http: factory, amqp: factory, postgres: factory, mysql: factory },
      onEvent: (event) => this.#count(event),
    });
  }

  #count(event: Event): void {
    this.events += 1;
    if (event.kind === 'connection-attempt') this.begun += 1;
    if (event.kind === 'connection-end') this.ended += 1;
  }

  take(input: Input): void {
    for (const { tag, bytes } of input) {
      this.#time += STEPS[(tag >> 4) & 3] ?? 0;
      // A copy that is wiped afterwards: whoever keeps a view of a packet is found out.
      const copy = Uint8Array.from(bytes);
      this.sensor.packet({
        number: ++this.#number,
        ts: this.#time,
        linkType: LINK_TYPES[(tag & 15) % LINK_TYPES.length] ?? 1,
        original: bytes.length + ((tag & SNAPPED) === 0 ? 0 : 100),
        bytes: copy,
      });
      copy.fill(0xee);
    }
  }

  /** Lets all flows end by the time that passes. */
  rest(): void {
    this.#time += 4 * IDLE;
    this.take([{ tag: 0, bytes: new Uint8Array(0) }]);
  }
}

async function packetsOf(capture: string, most: number): Promise<Piece[]> {
  const pieces: Piece[] = [];
  for await (const batch of readPackets(capture)) {
    for (const { linkType, bytes } of batch)
      if (pieces.length < most) pieces.push({ tag: tagOf(linkType), bytes: bytes.slice() });
  }
  return pieces;
}

function scripted(): readonly Input[] {
  const talk = (vlans: readonly number[]) =>
    new Conversation({ mss: 30, vlans })
      .open()
      .send('client', `GET /${'a'.repeat(90)} HTTP/1.1\r\n\r\n`)
      .send('server', `HTTP/1.1 200 OK\r\n\r\n${'b'.repeat(90)}`)
      .close();
  const segment = tcp(
    { ip: '10.1.0.11', port: 1 },
    { ip: '10.1.0.12', port: 8080 },
    { seq: 1, flags: 'A', payload: new Uint8Array(64) },
  );
  const fragment = (offset: number, more: boolean, from: number, to: number): Uint8Array =>
    ethernet(
      ipv4('10.1.0.11', '10.1.0.12', segment.subarray(from, to), {
        id: 7,
        fragmentOffset: offset,
        moreFragments: more,
      }),
    );
  return [
    ...[[], [3], [3, 4]].map((vlans) =>
      talk(vlans).frames.map(({ bytes, linkType }) => ({ tag: tagOf(linkType), bytes })),
    ),
    [fragment(0, true, 0, 40), fragment(40, false, 40, 84), fragment(32, true, 32, 48)].map((bytes) => ({
      tag: 0,
      bytes,
    })),
    [{ tag: 0, bytes: ethernet(ipv6('fd00::1', 'fd00::2', segment), [], 0x86dd) }],
    [{ tag: tagOf(101), bytes: ipv6('fd00::1', 'fd00::2', segment) }],
  ];
}

export async function load(): Promise<Target> {
  // One that is never replaced: what flows that ended leave behind shows in its memory.
  const lasting = new Sensing();
  return {
    name: 'packets',
    covers: ['sensor/link/', 'sensor/tcp/', 'sensor/sensor', 'sensor/segment'],
    tags: 128,
    longest: 32_768,
    expansion: 100,
    dictionary: [
      '\x08\0\x45\0',
      '\x86\xdd\x60',
      '\x81\0\0\x03',
      '\x88\xa8\0\x04',
      '\x02\x04\x05\xb4',
      '\x03\x03\x0e',
      '\xff\xff\xff\xff',
      '\x7f\xff\xff\xff',
    ],
    seeds: [...scripted(), ...(await Promise.all(CAPTURES.slice(0, 4).map((each) => packetsOf(each, 60))))],
    run(input) {
      const sensing = new Sensing();
      sensing.take(input);
      sensing.sensor.end();
      const { flows, openFlows, packets } = sensing.sensor.statistics;
      if (sensing.begun !== sensing.ended || openFlows !== 0) throw new Mismatch('flows that do not end');
      if (flows !== sensing.begun || packets !== input.length) throw new Mismatch('a wrong count');
      lasting.take(input);
      lasting.rest();
      if (lasting.sensor.statistics.openFlows !== 0) throw new Mismatch('flows that time does not end');
      return 400 * sensing.events;
    },
  };
}
