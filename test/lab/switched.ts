// `npm run lab:switch`: the lab on Open vSwitch with the engine in a security VM. Enters: story names; leaves: what was cut, and no trace.
import { parseArgs } from 'node:util';
import { buildCloud, type Cloud } from './cloud.ts';
import { crash } from './crash.ts';
import { startDaemons } from './daemons.ts';
import { enforce } from './enforce.ts';
import { tapServices } from './engine.ts';
import { cleanUp, exitWith, lived } from './life.ts';
import type { FromClient, ToClient } from './messages.ts';
import { requireSwitch } from './node.ts';
import { Peer } from './processes.ts';
import { STORIES, type Story } from './stories.ts';
import { LabError, requireMachine } from './system.ts';

const say = (line: string): void => {
  process.stdout.write(`${line}\n`);
};

/** Each attack alone, and what is honest; the hidden ones when they are named. */
function chosen(names: readonly string[]): readonly Story[] {
  const unknown = names.find((name) => !STORIES.some((story) => story.name === name));
  if (unknown !== undefined)
    throw new LabError(`there is no story ${unknown}: see \`npm run lab -- --list\``);
  if (names.length > 0) return STORIES.filter(({ name }) => names.includes(name));
  return STORIES.filter(({ name }) => !name.startsWith('hidden-'));
}

async function play(stories: readonly Story[], cloud: Cloud, scratch: string): Promise<number> {
  say('starting PostgreSQL, MariaDB and RabbitMQ');
  const daemons = await startDaemons(scratch);
  await tapServices(cloud);
  let failed = 0;
  for (const story of stories) {
    const janitor = new Peer<FromClient, ToClient>('queue', 'clients/queue-janitor.ts', {});
    await janitor.next('ready');
    const swept = janitor.next('closed');
    janitor.tell({ kind: 'close' });
    await Promise.all([swept, daemons.reset()]);
    await janitor.stop();
    try {
      say(`${story.name}: ${(await enforce(story, cloud, scratch)).outcome}`);
    } catch (error) {
      if (!(error instanceof LabError)) throw error;
      failed += 1;
      say(`${story.name}: FAILED: ${error.message}`);
    }
  }
  return failed;
}

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { apart: { type: 'boolean' }, crash: { type: 'boolean' }, clean: { type: 'boolean' } },
  });
  requireMachine();
  requireSwitch();
  if (values.clean) {
    await cleanUp();
    return 0;
  }
  const stories = chosen(positionals);
  let failed = 0;
  await lived(async (scratch) => {
    say('building two nodes and their network');
    const cloud = await buildCloud(scratch, values.apart === true);
    if (values.crash === true) await crash(cloud, scratch, say);
    else failed = await play(stories, cloud, scratch);
  });
  return failed === 0 ? 0 : 1;
}

exitWith(main());
