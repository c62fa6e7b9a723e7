// Speed of the whole way from Zeek's socket to verdicts. Enters: a recording of a real Zeek; leaves: ratios.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { WebSocket } from 'ws';
import policy from '../../policies/dvd-rental.ts';
import { BrokerClient } from '../../src/broker/client.ts';
import { writeEvent, writeSubscription } from '../../src/broker/message.ts';
import { createEngine } from '../../src/engine.ts';
import { hintsOf } from '../../src/policy/hints.ts';
import { resume } from '../../src/zeek/control.ts';
import { findZeek } from '../../src/zeek/find.ts';
import { launchZeek } from '../../src/zeek/launch.ts';
import { EVENT_TOPIC } from '../../src/zeek/report.ts';
import { ZeekSource } from '../../src/zeek/source.ts';
import { frames, MockZeek } from '../support/mock-zeek.ts';
import { connectWhenThere } from '../support/plain-socket.ts';
import { readRecording } from '../support/recording.ts';
import { costsInTurns } from './measure.ts';

const RECORDING = 'honest-200-rentals';
/** The recording is sent so often, each time as another run of Zeek at a later time. */
const TIMES = 6;
const RUNS = 3;
const PAUSE = 60_000_000;

export interface PathFigures {
  readonly reports: number;
  readonly verdicts: number;
  /** Reports a second of processor time, from the socket to verdicts. */
  readonly reportsPerSecond: number;
  /** Against `ws` and `JSON.parse` of the same messages. */
  readonly againstWs: number;
}

/** The server is a process of its own: only the time of this one is measured, whatever else the machine does. */
export async function measurePath(): Promise<PathFigures> {
  const server = fork(new URL(import.meta.url), ['serve']);
  try {
    const [url] = (await once(server, 'message')) as [string];
    let counts = { reports: 0, verdicts: 0 };
    const own = async (): Promise<void> => {
      counts = await judge(url);
    };
    const [ours = Number.NaN, theirs = Number.NaN] = await costsInTurns(RUNS, own, () => readPlainly(url));
    return {
      ...counts,
      reportsPerSecond: counts.reports / ours,
      againstWs: theirs / ours,
    };
  } finally {
    server.kill();
  }
}

/** Reports a second (of the clock) that one Zeek publishes of a capture to a client that only counts; null without a Zeek. */
export async function measureCapture(capture: string): Promise<number | null> {
  if (findZeek() === null) return null;
  const zeek = await launchZeek({
    node: 'bench',
    capture,
    // Nobody confirms anything here.
    extra: ['FlowTap::replay_window=1000000000'],
    onLog: () => {},
  });
  const socket = await connectWhenThere(zeek.url);
  try {
    socket.send(writeSubscription([EVENT_TOPIC]).bytes.toString());
    let reports = 0;
    let began = 0;
    await new Promise<void>((resolve) => {
      socket.on('message', (data: Buffer) => {
        reports += 1;
        if (reports === 2) {
          began = performance.now();
          socket.send(writeEvent(resume(), 4096).bytes.toString());
        }
        if (data.includes('FlowTap::capture_end')) resolve();
      });
    });
    return reports / ((performance.now() - began) / 1000);
  } finally {
    socket.terminate();
    await zeek.stop();
  }
}

async function judge(url: string): Promise<{ reports: number; verdicts: number }> {
  const engine = await createEngine({ policies: [policy], containment: 'forward' });
  let verdicts = 0;
  const source = new ZeekSource({
    name: 'bench',
    hints: hintsOf([policy]),
    onEvent: (event) => {
      for (const output of engine.handle(event)) if (output.kind === 'verdict') verdicts += 1;
    },
    onNotice: () => {},
  });
  const client = new BrokerClient({ url, topics: [EVENT_TOPIC], reconnect: { afterLoss: false } });
  for await (const item of client) source.take(item);
  return { reports: source.zeek.reports, verdicts };
}

async function readPlainly(url: string): Promise<void> {
  const socket = new WebSocket(`${url}/v1/messages/json`, { perMessageDeflate: false });
  socket.on('open', () => socket.send(JSON.stringify([EVENT_TOPIC])));
  let events = 0;
  socket.on('message', (data) => {
    const message = JSON.parse(String(data)) as { readonly type?: unknown };
    if (message.type === 'data-message') events += 1;
  });
  await once(socket, 'close');
  if (events === 0) throw new Error('no event arrived');
}

/** The recording again and again; each time the epoch is another one, and the time later. */
function repeated(): readonly Buffer[] {
  const recorded = readRecording(RECORDING).frames.map((frame) => frame.toString());
  const head =
    /\{"@data-type":"string","data":"(\w+)"\},(\{"@data-type":"count","data":\d+\}),\{"@data-type":"count","data":(\d+)\}/;
  return Array.from({ length: TIMES }, (_, time) =>
    recorded
      .filter((text) => !text.includes('FlowTap::capture_end'))
      .map((text) =>
        Buffer.from(
          text.replace(
            head,
            (_all, epoch: string, n: string, ts: string) =>
              `{"@data-type":"string","data":"${epoch}${time}"},${n},{"@data-type":"count","data":${Number(ts) + time * PAUSE}}`,
          ),
        ),
      ),
  ).flat();
}

if (process.argv[2] === 'serve') {
  const block = Buffer.concat(repeated().map((frame) => frames(1, frame)));
  const server = await MockZeek.start(async (peer) => {
    await peer.subscribe('bench');
    for (let at = 0; at < block.length; at += 1 << 20)
      if (!peer.socket.write(block.subarray(at, at + (1 << 20)))) await once(peer.socket, 'drain');
    peer.close(1001, 'Terminating');
  });
  process.send?.(server.url);
}
