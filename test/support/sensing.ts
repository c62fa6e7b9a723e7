// A sensor with parsers that only write down what they are told. Enters: frames; leaves: stream bytes, losses and events.
import type { Protocol } from '../../src/events/common.ts';
import type { Event } from '../../src/events/event.ts';
import type { ParserFactory, SensorLimits } from '../../src/sensor/parser.ts';
import type { Hints, ParserFactories } from '../../src/sensor/select.ts';
import { createSensor, type Sensor } from '../../src/sensor/sensor.ts';
import type { SensorStatistics } from '../../src/sensor/statistics.ts';
import type { Frame } from './packets.ts';

/** What a parser was told of one flow. */
export interface Heard {
  readonly protocol: Protocol;
  readonly flow: string;
  /** Text of both sides; a lost byte is `\u2205`. */
  readonly orig: string;
  readonly resp: string;
  /** All calls in order, such as `orig 0+5`, `resp lost 5+10`, `orig end fin`. */
  readonly calls: readonly string[];
}

interface Notes {
  readonly protocol: Protocol;
  readonly flow: string;
  orig: string[];
  resp: string[];
  calls: string[];
}

export interface Sensed {
  readonly events: readonly Event[];
  readonly flows: readonly Heard[];
  readonly statistics: Readonly<SensorStatistics>;
}

export interface SensingOptions {
  readonly limits?: Partial<SensorLimits>;
  readonly hints?: Hints;
  /** Evidence names this capture. */
  readonly capture?: string | null;
  /** Lines of the originator become HTTP requests, so that spans and ambiguities of messages can be tested. */
  readonly lines?: boolean;
}

/** Runs frames through a sensor, numbered from 1, to the end. */
export function sense(frames: readonly Frame[], options: SensingOptions = {}): Sensed {
  const { sensor, result } = openSensor(options);
  feed(sensor, frames);
  sensor.end();
  return result();
}

/** Gives frames to a sensor, numbered from `first`. */
export function feed(sensor: Sensor, frames: readonly Frame[], first = 1): void {
  frames.forEach((frame, index) => {
    // A fresh copy that is wiped afterwards: whoever keeps a view of a packet is found out.
    const bytes = frame.bytes.slice();
    sensor.packet({ ...frame, number: first + index, bytes });
    bytes.fill(0xee);
  });
}

/** A sensor whose parsers write down what they hear. */
export function openSensor(options: SensingOptions = {}): { sensor: Sensor; result: () => Sensed } {
  const events: Event[] = [];
  const notes: Notes[] = [];
  const sensor = createSensor({
    source: 'test',
    parsers: notingParsers(notes, options.lines === true),
    onEvent: (event) => events.push(event),
    ...(options.limits === undefined ? {} : { limits: options.limits }),
    ...(options.hints === undefined ? {} : { hints: options.hints }),
  });
  const { capture = 'test.pcap' } = options;
  sensor.capture(capture);
  const result = (): Sensed => ({
    events,
    flows: notes.map((note) => ({ ...note, orig: note.orig.join(''), resp: note.resp.join('') })),
    statistics: sensor.statistics,
  });
  return { sensor, result };
}

function notingParsers(notes: Notes[], lines: boolean): ParserFactories {
  const factory =
    (protocol: Protocol): ParserFactory =>
    (context) => {
      const note: Notes = { protocol, flow: context.flow.id, orig: [], resp: [], calls: [] };
      notes.push(note);
      let lineStart = 0;
      return {
        protocol,
        data(side, offset, bytes) {
          note[side].push(Buffer.from(bytes).toString('latin1'));
          note.calls.push(`${side} ${offset}+${bytes.length}`);
          if (!lines || side !== 'orig') return;
          bytes.forEach((byte, index) => {
            if (byte !== 10) return;
            const end = offset + index + 1;
            context.emit({ side, start: lineStart, end }, request(note.calls.length));
            lineStart = end;
          });
        },
        lost(side, offset, length) {
          note[side].push('\u2205'.repeat(Math.min(length, 1000)));
          note.calls.push(`${side} lost ${offset}+${length}`);
        },
        elided(side, offset, length) {
          note.calls.push(`${side} elided ${offset}+${length}`);
        },
        end(side, how) {
          note.calls.push(`${side} end ${how}`);
        },
      };
    };
  return {
    http: factory('http'),
    amqp: factory('amqp'),
    postgres: factory('postgres'),
    mysql: factory('mysql'),
  };
}

function request(exchange: number) {
  return {
    kind: 'http-request' as const,
    exchange,
    method: 'LINE',
    target: '/',
    version: '1.1',
    headers: [],
    trailers: [],
    body: { state: 'complete' as const, bytes: new Uint8Array(0), length: 0 },
    ambiguities: [],
  };
}

/** `kind` and the telling field of each event, for short expectations. */
export function summary(events: readonly Event[]): string[] {
  return events.map((event) => {
    switch (event.kind) {
      case 'connection-end':
        return `${event.kind} ${event.how}`;
      case 'analysis-lost':
        return `${event.kind} ${event.cause}`;
      case 'ambiguity':
        return `${event.kind} ${event.code}`;
      default:
        return event.kind;
    }
  });
}

/** The text of both sides of the only flow. */
export function onlyFlow(sensed: Sensed): Heard {
  const [flow, ...others] = sensed.flows;
  if (flow === undefined || others.length > 0) throw new Error(`${sensed.flows.length} flows were parsed`);
  return flow;
}
