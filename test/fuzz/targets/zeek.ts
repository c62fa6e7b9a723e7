// What Zeek reports, up to events. Enters: frames of one connection to Zeek; leaves: events, whose flows all end.

import policy from '../../../policies/dvd-rental.ts';
import { readMessage } from '../../../src/broker/message.ts';
import type { Event } from '../../../src/events/event.ts';
import { hintsOf } from '../../../src/policy/hints.ts';
import { ArgumentError } from '../../../src/zeek/arguments.ts';
import { readReport } from '../../../src/zeek/report.ts';
import { ZeekSource } from '../../../src/zeek/source.ts';
import { readRecording, recordings } from '../../support/recording.ts';
import type { Input } from '../input.ts';
import { piece } from '../seeds.ts';
import { Mismatch, type Target } from '../target.ts';
import { weigh } from '../weigh.ts';

const HINTS = hintsOf([policy]);
/** Of the first piece: limits that are reached. */
const SMALL = 1;

function read(input: Input): number {
  let made = 0;
  let [begun, ended] = [0, 0];
  const limits = (input[0]?.tag ?? 0) === SMALL ? { flows: 3, body: 50, head: 200, statement: 200 } : {};
  const onEvent = (event: Event): void => {
    made += weigh(event);
    if (event.kind === 'connection-attempt') begun += 1;
    if (event.kind === 'connection-end') ended += 1;
  };
  const source = new ZeekSource({
    name: 'fuzz',
    hints: HINTS,
    limits,
    onEvent,
    onNotice: (notice) => (made += weigh(notice)),
  });
  for (const { bytes } of input) {
    const message = readMessage(bytes);
    if (message.kind === 'event') readAlone(message.name, message.args);
    if (message.kind !== 'ack') made += weigh(source.take(message));
  }
  source.end();
  if (begun !== ended) throw new Mismatch('flows that do not end');
  return made;
}

function readAlone(...[name, args]: Parameters<typeof readReport>): void {
  try {
    readReport(name, args);
  } catch (error) {
    if (!(error instanceof ArgumentError)) throw error;
  }
}

export async function load(): Promise<Target> {
  const count = (value: string) => `{"@data-type":"count","data":${value}}`;
  const text = (value: string) => `{"@data-type":"string","data":"${value}"}`;
  return {
    name: 'zeek',
    covers: ['zeek/arguments', 'zeek/report', 'zeek/claims', 'zeek/flow', 'zeek/sequence', 'zeek/source'],
    tags: 2,
    longest: 131_072,
    expansion: 400,
    dictionary: [
      count('0'),
      count('1'),
      count('9007199254740992'),
      count('18446744073709551615'),
      count('1125899906842625'),
      text(''),
      text('R0VUIC8gSFRUUC8xLjENCg0K'),
      text('===='),
      text('rst'),
      text('syn-ack'),
      '{"@data-type":"vector","data":[]}',
      '{"@data-type":"boolean","data":true}',
      '{"@data-type":"boolean","data":false}',
      '{"@data-type":"address","data":"::1"}',
      ...'hello,heartbeat,capture_end,conn_new,conn_flipped,conn_established,side_end,conn_end,ambiguity,lost,data'
        .split(',')
        .map((name) => `FlowTap::${name}`),
    ],
    seeds: recordings()
      .filter((_, index) => index % 3 === 0)
      .flatMap((name) => {
        const frames = readRecording(name).frames.filter((frame) => frame.length < 6000);
        return [0, 30].map((from) =>
          [frames[0] ?? Buffer.alloc(0), ...frames.slice(from + 1, from + 40)].map((frame, index) =>
            piece(frame, index === 0 ? from && 1 : 0),
          ),
        );
      }),
    run: read,
  };
}
