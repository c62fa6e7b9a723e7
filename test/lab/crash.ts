// Engine, sensor and switch killed with -9 under load, with copies judged. Enters: a cloud; leaves: what held and how soon all was back, or a LabError.
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { BASE_COOKIE } from '../../src/flowtap/ovs/layout.ts';
import { type Cloud, IDS } from './cloud.ts';
import type { Engine } from './engine.ts';
import { LabError, run, until } from './system.ts';
import { Heard } from './talkers.ts';

export const SECOND = 1000;

export async function crash(cloud: Cloud, engine: Engine, say: (line: string) => void): Promise<void> {
  await engine.start();
  const [echo, health] = [Heard.echo(), Heard.health()];
  await until('the servers', 10_000, () => echo.count > 0 && health.count > 0);
  const load = Heard.load();
  await load.comes('the load', 10_000);
  const cutOff = async (heard: Heard, what: string): Promise<void> => {
    const blocks = effective(engine);
    await until(`${what}: a block`, 15_000, () => effective(engine) > blocks);
    await sleep(100);
    await heard.silent(what, 500);
  };
  const first = Heard.offender();
  await cutOff(first, 'the first offender is cut');

  await killSensor(engine, first, say);
  await cutOff(Heard.offender(), 'a new offender is cut after the sensor came back');

  engine.child?.kill('SIGKILL');
  await first.silent('what was cut stays cut without an engine', SECOND);
  await load.comes('what is allowed goes on without an engine', SECOND);
  const restarted = Date.now();
  await engine.start();
  say(
    `engine killed: nothing was uncut; it judges again ${Date.now() - restarted} ms after it was started again`,
  );
  await cutOff(Heard.offender(), 'a new offender is cut by the next engine');

  // A switch without flows passes nothing: fail_mode=secure.
  cloud.services.switch?.kill('SIGKILL');
  await sleep(200);
  await load.silent('nothing passes a switch that is dead', SECOND);
  const back = Date.now();
  await cloud.services.restoreSwitch();
  await load.comes('what is allowed goes on', 15 * SECOND);
  say(`switch killed: nothing passed; traffic is back ${Date.now() - back} ms after it was started again`);
  await until('contracts and blocks are back', 10 * SECOND, () => engine.count('switch', 'reached') > 1);
  await cutOff(Heard.offender(), 'a new offender is cut by the switch that came back');
  await first.silent('what was cut stays cut', SECOND);

  const cuts = (await flowsOf(cloud)).filter((line) => /table=200\b.*actions=drop/.test(line));
  const wanted = engine.blocks().filter(({ state }) => state !== 'removed').length;
  if (cuts.length !== 2 * wanted) throw new LabError(`${cuts.length} flows cut, for ${wanted} blocks`);
  await requireOneRun(cloud);
  say(`no stale flow: ${wanted} blocks, ${cuts.length} flows`);
  await engine.stop();
}

const effective = (engine: Engine): number =>
  engine.blocks().filter(({ state }) => state === 'effective' || state === 'confirmed').length;

async function killSensor(engine: Engine, cut: Heard, say: (line: string) => void): Promise<void> {
  const program = engine.sensing === 'zeek' ? 'zeek' : 'tcpdump';
  const pids = (await run('ip', ['netns', 'pids', IDS])).split('\n').map(Number);
  const pid = pids.find((each) => each > 0 && nameOf(each) === program);
  if (pid === undefined) throw new LabError(`there is no ${program}`);
  const lines = engine.lines().length;
  process.kill(pid, 'SIGKILL');
  const killed = Date.now();
  await until(`it is said that ${program} ended`, SECOND, () => engine.said('source', 'exited', lines));
  const told = Date.now() - killed;
  await cut.silent('what was cut stays cut without a sensor', 300);
  await until(`${program} is back`, 60 * SECOND, () => engine.said('source', 'restarted', lines));
  say(`${program} killed: that is said after ${told} ms, and it is back after ${Date.now() - killed} ms`);
}

/** Flows of all our tables. */
export async function flowsOf(cloud: Cloud): Promise<readonly string[]> {
  const lines = (await cloud.services.ofctl('dump-flows', 'br-int')).split('\n');
  return lines.filter((line) => /table=20[0-3]\b/.test(line));
}

/** No flow of a run before is left: the upper half of a cookie is the run (src/flowtap/ovs/layout.ts). */
export async function requireOneRun(cloud: Cloud): Promise<void> {
  const cookies = (await flowsOf(cloud)).map((line) => BigInt(/cookie=(0x[0-9a-f]+)/.exec(line)?.[1] ?? 0));
  const runs = new Set(cookies.filter((cookie) => cookie !== BASE_COOKIE).map((cookie) => cookie >> 32n));
  if (runs.size !== 1) throw new LabError(`flows of ${runs.size} runs are in the switch`);
}

function nameOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8').trim();
  } catch {
    return '';
  }
}
