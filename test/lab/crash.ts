// Engine, sensor and switch killed with -9 under load. Enters: a cloud; leaves: what held and how soon all was back, or a LabError.
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Cloud, IDS } from './cloud.ts';
import { Engine } from './engine.ts';
import { LabError, run, spawnIn, until } from './system.ts';
import { address, namespace } from './topology.ts';

const PORT = 5999;
const SECOND = 1000;

/** Echoes on a port that the policy does not declare. */
const ECHO = `require('node:net').createServer((s) => s.on('error', () => {}).pipe(s)).listen(${PORT}, process.argv[1], () => console.log('ready'))`;
/** Says something every 10 ms, and prints the time of each answer. */
const TALK = `
const socket = require('node:net').connect({ host: process.argv[1], port: Number(process.argv[2]) });
socket.on('error', () => {}).on('data', () => console.log(Date.now()));
setInterval(() => socket.write('x'), 10);
setTimeout(() => process.exit(), 60000);`;
/** Requests of the monitor to a service, as many as get through: the load, which is declared. */
const LOAD = `
const http = require('node:http');
const agent = new http.Agent({ keepAlive: true });
const ask = () => http.get({ host: process.argv[1], port: 8080, path: '/health', agent, timeout: 500 }, (r) => {
  r.resume().on('end', () => { console.log(Date.now()); setTimeout(ask, 5); });
}).on('timeout', function () { this.destroy(); }).on('error', () => setTimeout(ask, 50));
ask(); setTimeout(() => process.exit(), 120000);`;
const HEALTH = `require('node:http').createServer((q, r) => r.end('ok')).listen(8080, process.argv[1], () => console.log('ready'))`;

/** When something was heard last (milliseconds since 1970). */
class Heard {
  last = 0;
  count = 0;

  constructor(name: string, code: string, ...args: readonly string[]) {
    const child = spawnIn(name, [process.execPath, '-e', code, ...args]);
    child.stdout?.on('data', (piece: Buffer) => {
      const lines = piece.toString().trim().split('\n');
      this.count += lines.length;
      this.last = Number(lines.at(-1)) || Date.now();
    });
  }

  async comes(what: string, ms: number): Promise<number> {
    const [before, since] = [this.count, Date.now()];
    await until(what, ms, () => this.count > before);
    return Date.now() - since;
  }

  /** Nothing comes for so long. */
  async silent(what: string, ms: number): Promise<void> {
    const before = this.count;
    await sleep(ms);
    if (this.count > before) throw new LabError(`${what}: ${this.count - before} answers came`);
  }
}

export async function crash(cloud: Cloud, scratch: string, say: (line: string) => void): Promise<void> {
  const engine = new Engine(cloud, scratch, true);
  await engine.start();
  const db = address('user-db');
  const echo = new Heard(namespace('user-db'), ECHO, db);
  const health = new Heard(namespace('shipping'), HEALTH, address('shipping'));
  await until('the servers', 10_000, () => echo.count > 0 && health.count > 0);
  const load = new Heard(namespace('monitor'), LOAD, address('shipping'));
  await load.comes('the load', 10_000);
  const offender = (): Heard => new Heard(namespace('dvd-return'), TALK, db, String(PORT));
  const cutOff = async (heard: Heard, what: string): Promise<void> => {
    const blocks = engine
      .blocks()
      .filter(({ state }) => state === 'effective' || state === 'confirmed').length;
    await until(
      `${what}: a block`,
      15_000,
      () =>
        engine.blocks().filter(({ state }) => state === 'effective' || state === 'confirmed').length > blocks,
    );
    await sleep(100);
    await heard.silent(what, 500);
  };
  const first = offender();
  await cutOff(first, 'the first offender is cut');

  // The sensor.
  const [tcpdump] = (await run('ip', ['netns', 'pids', IDS]))
    .split('\n')
    .map(Number)
    .filter((pid) => pid > 0 && isTcpdump(pid));
  if (tcpdump === undefined) throw new LabError('there is no tcpdump');
  const lines = engine.lines().length;
  process.kill(tcpdump, 'SIGKILL');
  const killed = Date.now();
  const said = (change: string): boolean =>
    engine
      .lines()
      .slice(lines)
      .some((line) => line.record === 'source' && line.change === change);
  await until('it is said that the sensor ended', SECOND, () => said('exited'));
  await first.silent('what was cut stays cut without a sensor', 300);
  await until('the sensor is back', 5 * SECOND, () => said('restarted'));
  say(`tcpdump killed: blind flows are said, and it is back after ${Date.now() - killed} ms`);
  await cutOff(offender(), 'a new offender is cut after the sensor came back');

  // The engine.
  engine.child?.kill('SIGKILL');
  await first.silent('what was cut stays cut without an engine', SECOND);
  await load.comes('what is allowed goes on without an engine', SECOND);
  const restarted = Date.now();
  await engine.start();
  say(`engine killed: nothing was uncut; it judges again after ${Date.now() - restarted} ms`);
  await cutOff(offender(), 'a new offender is cut by the next engine');

  // The switch, which passes nothing without flows: fail_mode=secure.
  cloud.services.switch?.kill('SIGKILL');
  await sleep(200);
  await load.silent('nothing passes a switch that is dead', SECOND);
  const back = Date.now();
  await cloud.services.restoreSwitch();
  await load.comes('what is allowed goes on', 15 * SECOND);
  say(`switch killed: nothing passed; traffic is back ${Date.now() - back} ms after it was started again`);
  await until(
    'contracts and blocks are back',
    10 * SECOND,
    () =>
      engine.lines().filter(({ record, change }) => record === 'switch' && change === 'reached').length > 1,
  );
  await cutOff(offender(), 'a new offender is cut by the switch that came back');
  await first.silent('what was cut stays cut', SECOND);

  const cuts = (await cloud.services.ofctl('dump-flows', 'br-int', 'table=200'))
    .split('\n')
    .filter((line) => line.includes('actions=drop'));
  const wanted = engine.blocks().filter(({ state }) => state !== 'removed').length;
  if (cuts.length !== 2 * wanted) throw new LabError(`${cuts.length} flows cut, for ${wanted} blocks`);
  say(`no stale flow: ${wanted} blocks, ${cuts.length} flows`);
  await engine.stop();
}

function isTcpdump(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8').trim() === 'tcpdump';
  } catch {
    return false;
  }
}
