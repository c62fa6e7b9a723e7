// Speed of the client for Zeek, against `ws` and `JSON.parse` of the same frames. Enters: nothing; leaves: ratios.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { WebSocket } from 'ws';
import { BrokerClient } from '../../src/broker/client.ts';
import { readMessage } from '../../src/broker/message.ts';
import { count } from '../../src/broker/value/value.ts';
import { findZeek } from '../../src/zeek/find.ts';
import { freePort, ZeekProcess } from '../support/zeek-process.ts';
import { exampleEvents, serveEvents } from './frames.ts';
import { costsInTurns } from './measure.ts';

/** Events of one run, and runs of each kind; the kinds take turns, and the median counts. */
const EVENTS = 60_000;
const RUNS = 5;
const ROUNDS = 40;

export interface BrokerFigures {
  /** Events a second of processor time, from the socket to the reader of the stream. */
  readonly eventsPerSecond: number;
  /** Socket and decoding, as speed against `ws` and `JSON.parse`. */
  readonly againstWs: number;
  /** Decoding alone, as speed against `JSON.parse` of the text. */
  readonly decoding: number;
}

/** The server is a process of its own: only the time of this one is measured, whatever else the machine does. */
export async function measureBroker(): Promise<BrokerFigures> {
  const server = fork(new URL(import.meta.url), ['serve']);
  try {
    const [url] = (await once(server, 'message')) as [string];
    const [ours = Number.NaN, theirs = Number.NaN] = await costsInTurns(
      RUNS,
      () => readStream(url),
      () => readPlainly(url),
    );
    const events = exampleEvents();
    const [decoding = Number.NaN, parsing = Number.NaN] = await costsInTurns(
      RUNS,
      () => repeat(events, readMessage),
      () => repeat(events, (event) => JSON.parse(event.toString())),
    );
    return {
      eventsPerSecond: EVENTS / ours,
      againstWs: theirs / ours,
      decoding: parsing / decoding,
    };
  } finally {
    server.kill();
  }
}

/** Events a second (of the clock) that one Zeek publishes from a loop in a script while this client reads; null without a Zeek. */
export async function measureZeek(): Promise<number | null> {
  const path = findZeek();
  if (path === null) return null;
  const port = String(await freePort());
  const env = { BROKER_TEST_PORT: port, BROKER_TEST_BACKEND: 'broker' };
  const zeek = new ZeekProcess(path, ['-b', resolve('test/broker/zeek/flood.zeek')], env);
  const client = new BrokerClient({
    url: `ws://127.0.0.1:${port}`,
    topics: ['from/'],
    reconnect: { attempts: 300, maxMs: 100 },
  });
  try {
    let first = 0;
    let events = 0;
    for await (const item of client) {
      if (item.kind === 'connected')
        client.publish({ topic: 'to/', name: 'BrokerTest::requests', args: [count(EVENTS)] });
      if (item.kind !== 'event') continue;
      if (events === 0) first = performance.now();
      events += 1;
      if (events === EVENTS) return (EVENTS - 1) / ((performance.now() - first) / 1000);
    }
    throw new Error(`${events} of ${EVENTS} events of a Zeek arrived: ${zeek.output}`);
  } finally {
    await client.close();
    await zeek.stop();
  }
}

function repeat(events: readonly Buffer[], read: (event: Buffer) => unknown): void {
  for (let round = 0; round < ROUNDS; round += 1) for (const event of events) read(event);
}

async function readStream(url: string): Promise<void> {
  const client = new BrokerClient({ url, topics: ['flowtap/'], reconnect: { afterLoss: false } });
  let events = 0;
  for await (const item of client) if (item.kind === 'event' && item.args.length === 12) events += 1;
  if (events !== EVENTS) throw new Error(`${events} of ${EVENTS} events arrived`);
}

async function readPlainly(url: string): Promise<void> {
  const socket = new WebSocket(`${url}/v1/messages/json`, { perMessageDeflate: false });
  socket.on('open', () => socket.send('["flowtap/"]'));
  let events = 0;
  socket.on('message', (data) => {
    const message = JSON.parse(String(data)) as { readonly type?: unknown };
    if (message.type === 'data-message') events += 1;
  });
  await once(socket, 'close');
  if (events !== EVENTS) throw new Error(`${events} of ${EVENTS} events arrived`);
}

if (process.argv[2] === 'serve') {
  const server = await serveEvents(EVENTS);
  process.send?.(server.url);
}
