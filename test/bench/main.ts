// Measures speed and memory as ratios within one run. Enters: a committed capture; leaves: a table on standard output.
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { measureBroker, measureZeek } from './broker.ts';
import { BUSY, measureChains, SIZES } from './chains.ts';
import { measureDecisions } from './decisions.ts';
import { inChild, median } from './measure.ts';
import { repeatCapture } from './repeat-capture.ts';
import { collectEvents, decideAll } from './replay-capture.ts';
import { measureSql } from './sql.ts';
import { measureCapture, measurePath } from './zeek.ts';

const run = promisify(execFile);
const CAPTURE = 'pcaps/honest-200-rentals.pcap.gz';
/** Repetitions in the short and the long capture. */
const SHORT = 8;
const LONG = 80;
/** Runs of each measurement; the median is printed, since other work on the machine only ever makes a run slower. */
const RUNS = 3;

interface Measured {
  readonly seconds: number;
  readonly peakMiB: number;
  readonly verdicts?: number;
  readonly packets?: number;
}

const child = new URL('./child.js', import.meta.url);

async function measure(task: 'read' | 'replay', file: string): Promise<Measured> {
  const results: Measured[] = [];
  for (let i = 0; i < RUNS; i++) {
    results.push(await inChild<Measured>(child, [task, file]));
  }
  results.sort((a, b) => a.seconds - b.seconds);
  return results[Math.floor(RUNS / 2)] as Measured;
}

async function measureTshark(file: string): Promise<number | null> {
  try {
    await run('tshark', ['--version']);
  } catch {
    return null;
  }
  const times: number[] = [];
  for (let i = 0; i < RUNS; i++) {
    const started = process.hrtime.bigint();
    await run('sh', [
      '-c',
      'tshark -r "$0" -Y "http.request or pgsql or mysql or amqp" > /dev/null 2>&1',
      file,
    ]);
    times.push(Number(process.hrtime.bigint() - started) / 1e9);
  }
  return median(times);
}

function row(what: string, value: string, note = ''): void {
  process.stdout.write(`${what.padEnd(56)}${value.padStart(14)}  ${note}\n`);
}

const folder = await mkdtemp(join(tmpdir(), 'flowtap-bench-'));
try {
  const short = join(folder, 'short.pcap');
  const long = join(folder, 'long.pcap');
  const shortSize = await repeatCapture(CAPTURE, short, SHORT);
  const longSize = await repeatCapture(CAPTURE, long, LONG);
  const mebibytes = longSize / 2 ** 20;

  const read = await measure('read', long);
  const replay = await measure('replay', long);
  const tshark = await measureTshark(long);
  row('capture', `${mebibytes.toFixed(0)} MiB`, `${CAPTURE}, ${LONG} times, ${replay.packets ?? 0} packets`);
  row(
    'replay',
    `${(mebibytes / replay.seconds).toFixed(1)} MiB/s`,
    'sensor, identity, policy, chains, verdicts',
  );
  row(
    'replay / reading the bytes',
    (read.seconds / replay.seconds).toFixed(4),
    'speed ratio; 1 would be as fast as reading',
  );
  row(
    'replay / tshark -r',
    tshark === null ? 'skipped' : (tshark / replay.seconds).toFixed(2),
    tshark === null ? 'tshark is not installed' : 'speed ratio; above 1 is faster than tshark',
  );

  const brief = await measure('replay', short);
  const size = (longSize / shortSize).toFixed(1);
  row('peak memory', `${brief.peakMiB.toFixed(0)} MiB`, `${(shortSize / 2 ** 20).toFixed(0)} MiB capture`);
  row(
    `peak memory at ${size} times the capture`,
    (replay.peakMiB / brief.peakMiB).toFixed(2),
    'ratio; 1 is bounded memory',
  );

  const events = await collectEvents(short);
  const deciding: number[] = [];
  const cloning: number[] = [];
  let verdicts = 0;
  // The first round warms both up and does not count.
  for (let i = 0; i <= RUNS; i++) {
    const decided = await decideAll(events);
    const cloned = cloneAll(events);
    verdicts = decided.verdicts;
    if (i === 0) continue;
    deciding.push(decided.seconds);
    cloning.push(cloned);
  }
  const seconds = median(deciding);
  row(
    'verdicts a second',
    Math.round(verdicts / seconds).toString(),
    `${verdicts} verdicts on ${events.length} events`,
  );
  row('deciding / structuredClone of the same events', (median(cloning) / seconds).toFixed(2), 'speed ratio');

  const chains = await measureChains();
  const few = SIZES[0].toLocaleString('en');
  for (const [i, size] of SIZES.entries()) {
    const figures = chains[i] ?? null;
    const many = size.toLocaleString('en');
    row(
      `bytes a chain at ${many} open chains`,
      figures === null ? 'no memory' : figures.bytes.toFixed(0),
      'after a collection, in the heap and outside of it, with the answers that are awaited; aim: at most 1024 at a million; packed beyond 100,000',
    );
    if (i === 0) continue;
    for (const [what, load] of [
      [`an event of ${BUSY.toLocaleString('en')} of ${many} chains`, 'busy'],
      [`an event of one by one of ${many} chains`, 'inTurn'],
      [`an event of any of ${many} chains`, 'any'],
      [`a look-up in a Map of ${many}`, 'lookUp'],
    ] as const) {
      const aim = load === 'lookUp' ? 'for comparison' : 'aim: 1, a flat cost';
      const [here, first] = [figures, chains[0] ?? null].map((each) => each?.micros[load].toFixed(2));
      row(
        `${what} / of ${few}`,
        figures === null ? 'no memory' : figures.ratios[load].toFixed(2),
        `time ratio; ${aim}${figures === null ? '' : `; ${here} us against ${first} us`}`,
      );
    }
  }

  const decision = await measureDecisions();
  row(
    'a decision / casbin enforceSync',
    (decision.casbin / decision.ours).toFixed(1),
    `speed ratio, ${decision.rules} equal rules of 50 services; aim: 5; ours is from event to verdict, ${decision.ours.toFixed(1)} us`,
  );
  row(
    'a decision / Cedar statefulIsAuthorized',
    (decision.cedar / decision.ours).toFixed(1),
    'speed ratio, the same questions of a policy set parsed before; aim: 100',
  );

  for (const { dialect, values, ratio, micros } of await measureSql()) {
    row(
      `SQL shapes again / parsed anew, ${dialect}, ${values}`,
      ratio.toFixed(1),
      `speed ratio; aim: 20; ${micros.toFixed(2)} us a statement`,
    );
  }

  const broker = await measureBroker();
  row(
    'events of Zeek a second',
    Math.round(broker.eventsPerSecond).toString(),
    'socket and decoding, 852 bytes each, a second of processor time',
  );
  row(
    'socket and decoding / ws and JSON.parse',
    broker.againstWs.toFixed(2),
    'speed ratio; above 1 is faster, and exact besides',
  );
  row('decoding / JSON.parse', broker.decoding.toFixed(2), 'speed ratio');
  const zeek = await measureZeek();
  row(
    'socket and decoding / what one Zeek publishes',
    zeek === null ? 'skipped' : (broker.eventsPerSecond / zeek).toFixed(2),
    zeek === null ? 'zeek is not installed' : `speed ratio; Zeek published ${Math.round(zeek)} a second`,
  );

  const path = await measurePath();
  row(
    'reports of Zeek a second, to verdicts',
    Math.round(path.reportsPerSecond).toString(),
    `${path.reports} reports, ${path.verdicts} verdicts; a second of processor time`,
  );
  row('socket to verdict / ws and JSON.parse', path.againstWs.toFixed(2), 'speed ratio of the same messages');
  const published = await measureCapture(short);
  row(
    'socket to verdict / Zeek reading a capture',
    published === null ? 'skipped' : (path.reportsPerSecond / published).toFixed(2),
    published === null
      ? 'zeek is not installed'
      : `speed ratio; Zeek published ${Math.round(published)} a second; above 1 the engine is the faster`,
  );
} finally {
  await rm(folder, { recursive: true, force: true });
}

/** A baseline that touches every field of every event once. */
function cloneAll(events: readonly unknown[]): number {
  const started = process.hrtime.bigint();
  for (const event of events) structuredClone(event);
  return Number(process.hrtime.bigint() - started) / 1e9;
}
