// The streams of a capture as the ends said them. Enters: a capture; leaves: what each side said, in the order of the packets.

import type { Flow, FlowId, Side } from '../../src/flow.ts';
import { readPackets } from '../../src/sensor/capture/read.ts';
import type { ParserContext, StreamEnd, StreamParser } from '../../src/sensor/parser.ts';
import { PARSERS } from '../../src/sensor/parsers.ts';
import type { ParserFactories } from '../../src/sensor/select.ts';
import { createSensor } from '../../src/sensor/sensor.ts';

export type Move =
  | { readonly kind: 'connect'; readonly flow: Flow; readonly ts: number }
  | {
      readonly kind: 'say';
      readonly flow: FlowId;
      readonly side: Side;
      readonly bytes: Uint8Array;
      readonly ts: number;
    }
  | {
      readonly kind: 'end';
      readonly flow: FlowId;
      readonly side: Side;
      readonly how: StreamEnd;
      readonly ts: number;
    };

/** Reads a capture; what cannot be told to be of a protocol is left out. */
export async function movesOf(capture: string): Promise<Move[]> {
  const moves: Move[] = [];
  let now = 0;
  const record =
    (protocol: keyof ParserFactories) =>
    (context: ParserContext): StreamParser => {
      const inner = PARSERS[protocol](context);
      return {
        protocol: inner.protocol,
        data: (side, offset, bytes) => {
          moves.push({ kind: 'say', flow: context.flow.id, side, bytes: Uint8Array.from(bytes), ts: now });
          inner.data(side, offset, bytes);
        },
        elided: (...call) => inner.elided(...call),
        lost: (...call) => inner.lost(...call),
        end: (side, how) => {
          moves.push({ kind: 'end', flow: context.flow.id, side, how, ts: now });
          inner.end(side, how);
        },
      };
    };
  const parsers: ParserFactories = {
    http: record('http'),
    amqp: record('amqp'),
    postgres: record('postgres'),
    mysql: record('mysql'),
  };
  const sensor = createSensor({
    source: capture,

    parsers,
    onEvent: (event) => {
      if (event.kind === 'connection-attempt')
        moves.push({ kind: 'connect', flow: event.flow, ts: event.ts });
    },
  });
  for await (const batch of readPackets(capture)) {
    for (const packet of batch) {
      now = packet.ts;
      sensor.packet(packet);
    }
  }
  sensor.end();
  return moves;
}
