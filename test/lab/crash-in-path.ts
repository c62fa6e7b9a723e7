// The gate and the switch killed with -9 under load, with requests held. Enters: a cloud; leaves: what held and how soon all was back, or a LabError.
import { setTimeout as sleep } from 'node:timers/promises';
import { type Cloud, IDS } from './cloud.ts';
import { flowsOf, requireOneRun, SECOND } from './crash.ts';
import type { Engine } from './engine.ts';
import { LabError, run, until } from './system.ts';
import { Heard } from './talkers.ts';

/**
 * Whatever is killed, no undeclared connection reaches its server at any time: somebody tries all the while, and the server would
 * say so. The gate is one process with the engine; whoever runs it starts it again when it ended (as systemd does).
 */
export async function crashInPath(cloud: Cloud, engine: Engine, say: (line: string) => void): Promise<void> {
  await engine.start();
  const [echo, health] = [Heard.echo(), Heard.health()];
  await until('the servers', 10_000, () => echo.count > 0 && health.count > 0);
  const load = Heard.load();
  await load.comes('the load', 10_000);
  const offenders = Heard.offenders();
  await denies(engine, 'offenders are denied at first');
  const untouched = (when: string): void => {
    if (echo.count !== 1 || offenders.count !== 0)
      throw new LabError(`${when}: ${echo.count - 1} connections got through that nobody declared`);
  };
  untouched('before anything was killed');
  const flows = (await flowsOf(cloud)).length;

  for (let round = 1; round <= 3; round++) {
    const restarted = engine.restarted();
    engine.child?.kill('SIGKILL');
    const killed = Date.now();
    await restarted;
    await load.comes('what is declared goes on', 10 * SECOND);
    untouched(`gate killed, round ${round}`);
    await denies(engine, `offenders are denied by gate ${round + 1}`);
    const { from, to } = load.silence(killed);
    if (from > SECOND) throw new LabError(`the load was still answered ${from} ms after the gate was killed`);
    say(
      `gate killed (${round} of 3): the load is silent from ${from} ms to ${to} ms after that; it takes connections again after ${engine.upAt - killed} ms`,
    );
  }

  // A gate that nobody starts again.
  engine.child?.kill('SIGKILL');
  await sleep(SECOND);
  await load.silent('nothing passes without a gate', 2 * SECOND);
  untouched('without a gate');
  say('gate not started again: nothing passed for 2 s, from one second after it was killed on');
  await engine.start();
  await load.comes('what is declared goes on', 10 * SECOND);

  cloud.services.switch?.kill('SIGKILL');
  await sleep(200);
  await load.silent('nothing passes a switch that is dead', SECOND);
  const back = Date.now();
  // First what leads into the gate, then what lets all pass: the other way round, something would pass unjudged.
  await cloud.services.restoreSwitch(() =>
    until('contracts are back', 10 * SECOND, () => engine.count('switch', 'reached') > 1),
  );
  await load.comes('what is declared goes on', 15 * SECOND);
  untouched('switch killed');
  say(`switch killed: nothing passed; traffic is back ${Date.now() - back} ms after it was started again`);
  await denies(engine, 'offenders are denied after the switch came back');

  const left = (await flowsOf(cloud)).length;
  if (left !== flows) throw new LabError(`${left} flows in our tables, ${flows} before`);
  await requireOneRun(cloud);
  untouched('in the end');
  await engine.stop();
  await requireCleanKernel();
  say(
    `no stale flow: ${left} in our tables, all of the last run; the gate left no table and no rule in the kernel`,
  );
}

/** A verdict falls that was not there yet, and the gate cuts for it. */
async function denies(engine: Engine, what: string): Promise<void> {
  const lines = engine.lines().length;
  await until(what, 10 * SECOND, () => engine.said('gate', 'reset', lines));
}

async function requireCleanKernel(): Promise<void> {
  const tables = await run('ip', ['netns', 'exec', IDS, 'nft', 'list', 'tables']);
  const rules = await run('ip', ['-n', IDS, 'rule', 'show', 'priority', '20100']);
  if (`${tables}${rules}`.trim() !== '') throw new LabError(`the gate left ${tables} ${rules}`);
}
