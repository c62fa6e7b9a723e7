// One story against the engine. Enters: a story, the cloud; leaves: what was cut and what still arrived, or a LabError where that is not right.
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Application } from './application.ts';
import { Captures, type Place } from './captures.ts';
import type { Cloud } from './cloud.ts';
import { type AuditLine, Engine } from './engine.ts';
import { Outsiders } from './outsiders.ts';
import { Stage } from './stage.ts';
import type { Story } from './stories.ts';
import { LabError, until } from './system.ts';
import { address, HOST_NAMES, namespace } from './topology.ts';

/** What the replay of the recorded story leads to (test/cases). */
interface Case {
  readonly drops: readonly { readonly code: string; readonly from: string; readonly to: string }[];
}

export interface Enforced {
  /** For a person: one line. */
  readonly outcome: string;
}

const CUT_WITHIN = 20_000;

export async function enforce(story: Story, cloud: Cloud, scratch: string): Promise<Enforced> {
  const captures = await Captures.start(scratch);
  const engine = new Engine(cloud, scratch);
  const outsiders = new Outsiders();
  const application = new Application();
  try {
    await Promise.all([engine.start(), outsiders.ready()]);
    await application.start(story.switches);
    const playing = story.play(new Stage(application, outsiders));
    if (story.attack === null) {
      await playing.catch((error: unknown) => {
        // A drop is why it failed, if there was one.
        honest(engine);
        throw error;
      });
      await outsiders.closeConnections();
    } else {
      // Whoever uses a connection that is cut waits in vain: the story need not come to its end.
      playing.catch(() => undefined);
      await cut(engine);
      await sleep(1000);
    }
  } finally {
    await Promise.allSettled([application.stop(), outsiders.stop(), captures.finish()]);
    await engine.stop();
  }
  return story.attack === null ? honest(engine) : await attacked(story, engine, captures);
}

function cut(engine: Engine): Promise<void> {
  return until('a block is effective and counted', CUT_WITHIN, () => {
    const wanted = new Set(drops(engine).map(({ block }) => block));
    return engine
      .blocks()
      .some(({ id, passed_packets }) => wanted.has(id) && typeof passed_packets === 'number');
  });
}

/**
 * Drops of connections that began in this story. The system goes on with sockets of the story before that were cut: an engine that is
 * started again does not know them, and cuts them anew.
 */
function drops(engine: Engine): readonly AuditLine[] {
  return engine
    .lines()
    .filter(
      ({ record, verdict, midstream }) => record === 'verdict' && verdict === 'drop' && midstream === false,
    );
}

function honest(engine: Engine): Enforced {
  const [first] = drops(engine);
  if (first !== undefined)
    throw new LabError(`an honest story was cut: ${JSON.stringify(first).slice(0, 2500)}`);
  const judged = engine.lines().filter(({ record }) => record === 'verdict').length;
  if (judged === 0) throw new LabError('nothing was judged');
  return { outcome: `${judged} verdicts, nothing cut` };
}

async function attacked({ name }: Story, engine: Engine, captures: Captures): Promise<Enforced> {
  const file = fileURLToPath(new URL(`../cases/${name}/case.json`, import.meta.url));
  const expected = (JSON.parse(readFileSync(file, 'utf8')) as Case).drops[0];
  const [first] = drops(engine);
  const found = `${first?.code} from ${first?.from} to ${first?.to}`;
  const wanted = `${expected?.code} from ${expected?.from} to ${expected?.to}`;
  if (found !== wanted) throw new LabError(`the first drop was ${found}, not ${wanted}`);
  const lines: string[] = [];
  const led = new Set(drops(engine).map(({ block }) => block));
  for (const block of engine.blocks().filter(({ id }) => led.has(id)))
    lines.push(await checked(block, captures));
  return { outcome: `${wanted}; ${lines.join('; ')}` };
}

/** The receipt of a block is what arrived. */
async function checked(block: AuditLine, captures: Captures): Promise<string> {
  const { flow_orig, flow_resp, from, passed_packets, passed_bytes, dropped_packets, reached } = block;
  const at = Date.parse(String(from)) / 1000 + fraction(String(from));
  const [orig, resp] = [place(String(flow_orig)), place(String(flow_resp))];
  const arrived = await captures.arrivedAfter(orig, resp, at);
  if (passed_packets === null) return `${flow_orig} > ${flow_resp} not counted, ${arrived.packets} arrived`;
  if (arrived.packets !== passed_packets || arrived.bytes !== passed_bytes)
    throw new LabError(
      `the receipt of ${block.id} says ${passed_packets} packets, ${passed_bytes} bytes; ${arrived.packets}, ${arrived.bytes} arrived`,
    );
  const times = reached as Readonly<Record<string, string>>;
  const took = times.effective === undefined ? '?' : Date.parse(times.effective) - Date.parse(String(from));
  return `${flow_orig} > ${flow_resp} cut after ${took} ms, ${passed_packets} packets passed, ${dropped_packets} dropped`;
}

/** What Date.parse leaves out: microseconds within the millisecond, in seconds. */
function fraction(time: string): number {
  return Number(`0.000${/\.\d{3}(\d{3})/.exec(time)?.[1] ?? '0'}`);
}

function place(end: string): Place {
  const ip = end.split(':')[0];
  const host = HOST_NAMES.find((name) => address(name) === ip) ?? 'internet';
  return { end, namespace: namespace(host) };
}
