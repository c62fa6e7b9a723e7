// Seeds out of captures. Enters: captures; leaves: the conversations in them, one input each.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Protocol } from '../../src/events/common.ts';
import type { Side } from '../../src/flow.ts';
import { readPackets } from '../../src/sensor/capture/read.ts';
import { createSensor } from '../../src/sensor/sensor.ts';
import { type Input, type Piece, sizeOf } from './input.ts';

/** Bytes of a conversation that are taken. */
const LONGEST = 30_000;
/** What was built runs elsewhere; all of it runs in the project's folder. */
const ROOT = process.cwd();

export const CAPTURES: readonly string[] = readdirSync(join(ROOT, 'pcaps'))
  .filter((name) => name.endsWith('.pcap.gz') && !name.includes('200'))
  .sort()
  .map((name) => join(ROOT, 'pcaps', name));

const DATABASE_CAPTURES: readonly string[] = [
  'test/sensor/mysql/fixtures/conversation-new.pcap.gz',
  'test/sensor/mysql/fixtures/conversation-old.pcap.gz',
  'test/sensor/postgres/fixtures/conversation.pcap.gz',
].map((name) => join(ROOT, name));

interface Conversation {
  readonly protocol: Protocol;
  readonly pieces: Piece[];
}

const read = new Map<string, Promise<readonly Conversation[]>>();

/** Conversations of one protocol, the shortest of each capture; long ones are cut. */
export async function conversations(protocol: Protocol): Promise<readonly Input[]> {
  const captures = [...DATABASE_CAPTURES, ...CAPTURES.filter((_, index) => index % 4 === 0)];
  const inputs: Input[] = [];
  for (const capture of captures) {
    const reading = read.get(capture) ?? conversationsOf(capture);
    read.set(capture, reading);
    const spoken = (await reading).filter((each) => each.protocol === protocol && each.pieces.length > 0);
    const sorted = spoken.map(({ pieces }) => pieces).sort((a, b) => sizeOf(a) - sizeOf(b));
    inputs.push(...sorted.slice(0, 3));
  }
  return inputs;
}

async function conversationsOf(capture: string): Promise<readonly Conversation[]> {
  const found: Conversation[] = [];
  const factory = (protocol: Protocol) => () => {
    const pieces: Piece[] = [];
    let size = 0;
    found.push({ protocol, pieces });
    return {
      protocol,
      data(side: Side, _: number, bytes: Uint8Array) {
        size += bytes.length;
        if (size <= LONGEST) pieces.push({ tag: side === 'orig' ? 0 : 1, bytes: bytes.slice() });
      },
      lost: () => {},
      elided: () => {},
      end: () => {},
    };
  };
  const parsers = {
    http: factory('http'),
    amqp: factory('amqp'),
    postgres: factory('postgres'),
    mysql: factory('mysql'),
  };
  const sensor = createSensor({ source: capture, parsers, onEvent: () => {} });
  for await (const batch of readPackets(capture)) for (const packet of batch) sensor.packet(packet);
  sensor.end();
  return found;
}

/** An input of one piece for each text. */
export function texts(...each: readonly (string | Uint8Array)[]): readonly Input[] {
  return each.map((text) => [piece(text)]);
}

/** A piece; a text is Latin-1. */
export function piece(content: string | Uint8Array, tag = 0): Piece {
  return {
    tag,
    bytes: typeof content === 'string' ? new Uint8Array(Buffer.from(content, 'latin1')) : content,
  };
}
