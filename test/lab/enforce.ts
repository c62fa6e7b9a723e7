// One story against the engine. Enters: a story, the cloud; leaves: what was cut or withheld, and what arrived, or a LabError where that is not right.
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Application } from './application.ts';
import { type Arrival, arrivalOf, isWithheld } from './arrival.ts';
import { Captures, placeAt } from './captures.ts';
import { type Cloud, IDS } from './cloud.ts';
import { Engine, type Sensing } from './engine.ts';
import type { Offence } from './messages.ts';
import { Outsiders } from './outsiders.ts';
import type { AuditLine } from './program.ts';
import { Stage } from './stage.ts';
import type { Story } from './stories.ts';
import { LabError, until } from './system.ts';

/** What the replay of the recorded story leads to (test/cases). */
interface Case {
  readonly drops: readonly { readonly code: string; readonly from: string; readonly to: string }[];
  readonly chains: { readonly complete: number };
}

/** For a person, each in a few words. */
export interface Enforced {
  readonly verdict: string;
  /** How the flow was cut. */
  readonly cut: string;
  /** What the engine says that passed of it after the verdict, and what was captured at its two ends. */
  readonly receipt: string;
  /** What of the denied request was captured at its victim. */
  readonly arrived: string;
}

const DECIDED_WITHIN = 20_000;

export async function enforce(
  story: Story,
  cloud: Cloud,
  scratch: string,
  sensing: Sensing,
): Promise<Enforced> {
  const captures = await Captures.start(scratch);
  const engine = new Engine(cloud, scratch, { sensing });
  const outsiders = new Outsiders();
  const application = new Application();
  try {
    await Promise.all([engine.start(), outsiders.ready()]);
    await application.start(story.switches);
    const playing = story.play(new Stage(application, outsiders));
    if (story.attack === null) {
      await playing.catch((error: unknown) => {
        const [drop] = engine.drops();
        if (drop === undefined) throw error;
        throw new LabError(`an honest story was cut: ${JSON.stringify(drop).slice(0, 2500)}`);
      });
      await outsiders.closeConnections();
      // What was captured is judged in its turn: an engine that is stopped at once has not read the last of it.
      await until(
        'all is judged',
        DECIDED_WITHIN,
        () => completeOf(engine) >= caseOf(story.name).chains.complete,
      ).catch(() => undefined);
    } else {
      // Whoever uses a connection that is cut waits in vain: the story need not come to its end.
      playing.catch(() => undefined);
      await decided(engine);
      await sleep(1000);
    }
  } finally {
    await Promise.allSettled([application.stop(), outsiders.stop(), captures.finish()]);
    await engine.stop();
  }
  try {
    return story.attack === null
      ? honest(story, engine)
      : await attacked(story, engine, captures, application.offences);
  } finally {
    engine.forgetDrops();
  }
}

function decided(engine: Engine): Promise<void> {
  if (engine.sensing === 'gate')
    return until('something is denied and cut off', DECIDED_WITHIN, () => refusals(engine).length > 0);
  const counts = engine.sensing === 'sensor';
  return until(
    `a block is effective${counts ? ' and counted' : ''}`,
    DECIDED_WITHIN,
    () => blocksOf(engine).filter((block) => isEffective(block) && (!counts || isCounted(block))).length > 0,
  );
}

const isCounted = ({ passed_packets }: AuditLine): boolean => typeof passed_packets === 'number';
const isEffective = ({ reached }: AuditLine): boolean =>
  typeof reached === 'object' && reached !== null && 'effective' in reached;

/** Blocks of what was dropped in this story. */
function blocksOf(engine: Engine): readonly AuditLine[] {
  const led = new Set(engine.drops().map(({ block }) => block));
  return engine.blocks().filter(({ id }) => led.has(id));
}

/** What the gate has done because of a drop. */
function refusals(engine: Engine): readonly AuditLine[] {
  const drops = new Set(engine.drops().map(({ id }) => id));
  return engine.lines().filter(({ record, verdict }) => record === 'gate' && drops.has(verdict));
}

function honest({ name }: Story, engine: Engine): Enforced {
  const [first] = engine.drops();
  if (first !== undefined)
    throw new LabError(`an honest story was cut: ${JSON.stringify(first).slice(0, 2500)}`);
  const lines = engine.lines();
  const forced = lines.filter(({ record, flow }) => record === 'gate' && flow !== null).length;
  if (forced > 0) throw new LabError(`the gate cut or passed ${forced} connections without a verdict`);
  const complete = completeOf(engine);
  const expected = caseOf(name).chains.complete;
  if (complete !== expected)
    throw new LabError(`${complete} user requests were followed to their end, not ${expected}`);
  return { verdict: `${complete} user requests complete`, cut: 'nothing', receipt: '', arrived: '' };
}

const completeOf = (engine: Engine): number =>
  engine.lines().filter(({ record, outcome }) => record === 'chain' && outcome === 'complete').length;

function caseOf(name: string): Case {
  const file = fileURLToPath(new URL(`../cases/${name}/case.json`, import.meta.url));
  return JSON.parse(readFileSync(file, 'utf8')) as Case;
}

async function attacked(
  { name }: Story,
  engine: Engine,
  captures: Captures,
  offences: readonly Offence[],
): Promise<Enforced> {
  const [expected] = caseOf(name).drops;
  const [first] = engine.drops();
  const found = `${first?.code} from ${first?.from} to ${first?.to}`;
  const verdict = `${expected?.code} from ${expected?.from} to ${expected?.to}`;
  if (found !== verdict) throw new LabError(`the first drop was ${found}, not ${verdict}`);
  if (offences.length === 0) throw new LabError('nobody said what was sent');
  const arrivals: Arrival[] = [];
  for (const offence of offences) {
    const gate = await captures.towards(IDS, offence.destination);
    const arrival = await arrivalOf(offence, gate, captures.file(placeAt(offence.destination).namespace));
    if (arrival !== null) arrivals.push(arrival);
  }
  if (arrivals.length === 0) throw new LabError('the security VM got nothing of what was sent');
  const effect = engine.sensing === 'gate' ? 'prevented' : 'detected';
  if (first?.effect !== effect) throw new LabError(`the drop was ${first?.effect}, not ${effect}`);
  return engine.sensing === 'gate'
    ? { verdict, ...withheld(arrivals), cut: reset(engine), receipt: '' }
    : { verdict, ...(await cutOff(engine, captures)), ...delivered(arrivals) };
}

/** In the path: nothing of what is denied arrives, and the same captures show that other traffic does. */
function withheld(arrivals: readonly Arrival[]): Pick<Enforced, 'arrived'> {
  const parts = arrivals.map((arrival) => {
    const { offence, sent, arrived, before, streamed, packets, payload } = arrival;
    const what = `${offence.request.slice(0, 40)}: sent ${sent}, arrived ${arrived}`;
    const stream = `${streamed} of its stream's first ${before} bytes`;
    if (!isWithheld(arrival)) throw new LabError(`${what}; ${stream}, ${packets} packets`);
    if (payload === 0) throw new LabError(`the capture at ${offence.to} shows no traffic at all`);
    return `${what}; ${stream}; ${payload} bytes of all`;
  });
  return { arrived: parts.join(' | ') };
}

/** A copy cannot hold it: where the same search finds nothing, it is the search that is wrong. */
function delivered(arrivals: readonly Arrival[]): Pick<Enforced, 'arrived'> {
  if (arrivals.every(isWithheld)) throw new LabError('what was only copied did not arrive');
  return { arrived: arrivals.map(({ sent, arrived }) => `sent ${sent}, arrived ${arrived}`).join(' | ') };
}

/** Both ends of what was denied are reset by the gate. */
function reset(engine: Engine): string {
  const done = refusals(engine);
  return done.map(({ change, flow_orig, flow_resp }) => `${change} ${flow_orig} > ${flow_resp}`).join('; ');
}

/** A flow that was copied is cut on the switch, and the receipt is what arrived. */
async function cutOff(engine: Engine, captures: Captures): Promise<Pick<Enforced, 'cut' | 'receipt'>> {
  const cuts: string[] = [];
  const receipts: string[] = [];
  for (const block of blocksOf(engine)) {
    const { flow_orig, flow_resp, from, dropped_packets, reached } = block;
    const { effective } = reached as Readonly<Record<string, string>>;
    const took = effective === undefined ? '?' : Date.parse(effective) - Date.parse(String(from));
    cuts.push(`${flow_orig} > ${flow_resp} after ${took} ms, ${dropped_packets} dropped`);
    receipts.push(await receiptOf(block, captures));
  }
  return { cut: cuts.join('; '), receipt: receipts.join('; ') };
}

async function receiptOf(block: AuditLine, captures: Captures): Promise<string> {
  const { flow_orig, flow_resp, from, passed_packets, passed_bytes } = block;
  const at = Date.parse(String(from)) / 1000 + fraction(String(from));
  const ends = [placeAt(String(flow_orig)), placeAt(String(flow_resp))] as const;
  const arrived = await captures.arrivedAfter(...ends, at);
  const captured = `${arrived.packets} packets, ${arrived.bytes} bytes captured`;
  if (!isCounted(block)) return `not counted; ${captured}`;
  const says = `${passed_packets} packets, ${passed_bytes} bytes`;
  if (arrived.packets !== passed_packets || arrived.bytes !== passed_bytes)
    throw new LabError(`the receipt of ${block.id} says ${says}; ${captured}`);
  return `${says} = ${captured}`;
}

/** What Date.parse leaves out: microseconds within the millisecond, in seconds. */
function fraction(time: string): number {
  return Number(`0.000${/\.\d{3}(\d{3})/.exec(time)?.[1] ?? '0'}`);
}
