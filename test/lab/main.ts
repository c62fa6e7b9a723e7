// `npm run lab`: builds the lab, plays stories, writes captures, and removes every trace of it. Enters: story names; leaves: files in pcaps/.
import { mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { startDaemons } from './daemons.ts';
import { cleanUp, exitWith, lived } from './life.ts';
import type { FromClient, ToClient } from './messages.ts';
import { buildNetwork } from './network.ts';
import { Outsiders } from './outsiders.ts';
import { Peer } from './processes.ts';
import { programVersions, type Recorded, record } from './record.ts';
import { STORIES, type Story } from './stories.ts';
import { LabError, requireMachine } from './system.ts';

const ATTEMPTS = 3;
const PCAPS = fileURLToPath(new URL('../../pcaps', import.meta.url));

const say = (line: string): void => {
  process.stdout.write(`${line}\n`);
};

function chosen(names: readonly string[]): readonly Story[] {
  const unknown = names.find((name) => !STORIES.some((story) => story.name === name));
  if (unknown !== undefined)
    throw new LabError(`there is no story ${unknown}: see \`npm run lab -- --list\``);
  return names.length === 0 ? STORIES : STORIES.filter((story) => names.includes(story.name));
}

async function lab(stories: readonly Story[], scratch: string): Promise<void> {
  const versions = await programVersions();
  mkdirSync(PCAPS, { recursive: true });
  say('building the network, starting PostgreSQL, MariaDB and RabbitMQ');
  await buildNetwork();
  const daemons = await startDaemons(scratch);
  const janitor = new Peer<FromClient, ToClient>('queue', 'clients/queue-janitor.ts', {});
  const outsiders = new Outsiders();
  await Promise.all([janitor.next('ready'), outsiders.ready()]);
  const reset = async (): Promise<void> => {
    const swept = janitor.next('closed');
    janitor.tell({ kind: 'close' });
    await Promise.all([swept, daemons.reset()]);
  };
  for (const story of stories) {
    const { bytes, packets } = await attempted(story, async () => {
      await reset();
      return record(story, scratch, outsiders, versions, PCAPS);
    });
    say(`${story.name}: ${packets} packets, ${Math.ceil(bytes / 1024)} KiB`);
  }
  await Promise.all([janitor.stop(), outsiders.stop()]);
}

/** A busy machine can make the kernel send a segment twice: such a capture is not kept, the story is played again. */
async function attempted(story: Story, play: () => Promise<Recorded>): Promise<Recorded> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await play();
    } catch (error) {
      if (attempt === ATTEMPTS || !(error instanceof LabError)) throw error;
      say(`${story.name}, attempt ${attempt}: ${error.message}`);
    }
  }
}

function options() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: { list: { type: 'boolean' }, clean: { type: 'boolean' } },
    });
  } catch (error) {
    throw new LabError((error as Error).message);
  }
}

async function main(): Promise<number> {
  const { values, positionals } = options();
  if (values.list) {
    for (const { name, what } of STORIES) say(`${name}\t${what}`);
    return 0;
  }
  requireMachine();
  if (values.clean) {
    await cleanUp();
    return 0;
  }
  const stories = chosen(positionals);
  await lived((scratch) => lab(stories, scratch));
  return 0;
}

exitWith(main());
