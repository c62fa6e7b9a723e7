// `npm run lab:switch`: the lab on Open vSwitch with the engine in a security VM. Enters: story names; leaves: what was cut, and no trace.
import { parseArgs } from 'node:util';
import Table from 'cli-table3';
import { findZeek } from '../../src/zeek/find.ts';
import { buildCloud, type Cloud } from './cloud.ts';
import { crash } from './crash.ts';
import { crashInPath } from './crash-in-path.ts';
import { startDaemons } from './daemons.ts';
import { type Enforced, enforce } from './enforce.ts';
import { Engine, type Sensing, tapServices } from './engine.ts';
import { cleanUp, exitWith, lived } from './life.ts';
import type { FromClient, ToClient } from './messages.ts';
import { requireSwitch } from './node.ts';
import { Peer } from './processes.ts';
import { STORIES, type Story } from './stories.ts';
import { LabError, requireMachine } from './system.ts';

const say = (line: string): void => {
  process.stdout.write(`${line}\n`);
};

/** Each attack alone, and what is honest; those that are hidden in 200 rentals when they are asked for. */
function chosen(names: readonly string[], all: boolean): readonly Story[] {
  const unknown = names.find((name) => !STORIES.some((story) => story.name === name));
  if (unknown !== undefined)
    throw new LabError(`there is no story ${unknown}: see \`npm run lab -- --list\``);
  if (names.length > 0) return STORIES.filter(({ name }) => names.includes(name));
  return STORIES.filter(({ name }) => all || !name.startsWith('hidden-'));
}

interface Row {
  readonly story: Story;
  /** What was right, or a sentence about what was not. */
  readonly outcome: Enforced | string;
}

async function play(
  stories: readonly Story[],
  cloud: Cloud,
  scratch: string,
  sensing: Sensing,
): Promise<readonly Row[]> {
  say('starting PostgreSQL, MariaDB and RabbitMQ');
  const daemons = await startDaemons(scratch);
  await tapServices(cloud, sensing);
  const rows: Row[] = [];
  for (const story of stories) {
    const janitor = new Peer<FromClient, ToClient>('queue', 'clients/queue-janitor.ts', {});
    await janitor.next('ready');
    const swept = janitor.next('closed');
    janitor.tell({ kind: 'close' });
    await Promise.all([swept, daemons.reset()]);
    await janitor.stop();
    const outcome = await enforce(story, cloud, scratch, sensing).catch((error: unknown) => {
      if (!(error instanceof LabError)) throw error;
      return error.message;
    });
    rows.push({ story, outcome });
    say(`${story.name}: ${typeof outcome === 'string' ? `FAILED: ${outcome}` : outcome.verdict}`);
  }
  return rows;
}

function tableOf(rows: readonly Row[]): string {
  const table = new Table({
    head: ['story', 'verdict', 'cut', 'receipt', 'the request at its victim'],
    style: { head: [], border: [] },
    wordWrap: true,
    colWidths: [32, 26, 34, 30, 48],
  });
  for (const { story, outcome } of rows) {
    if (typeof outcome === 'string') table.push([story.name, { colSpan: 4, content: `FAILED: ${outcome}` }]);
    else table.push([story.name, outcome.verdict, outcome.cut, outcome.receipt, outcome.arrived]);
  }
  return table.toString();
}

const OPTIONS = {
  redirect: { type: 'boolean' },
  zeek: { type: 'boolean' },
  apart: { type: 'boolean' },
  crash: { type: 'boolean' },
  all: { type: 'boolean' },
  times: { type: 'string' },
  clean: { type: 'boolean' },
} as const;

function options() {
  try {
    return parseArgs({ allowPositionals: true, options: OPTIONS });
  } catch (error) {
    throw new LabError((error as Error).message);
  }
}

function sensingBy({ redirect, zeek }: { redirect?: boolean; zeek?: boolean }): Sensing {
  if (redirect && zeek) throw new LabError('with --redirect the gate reads the traffic itself: no --zeek');
  if (redirect) return 'gate';
  if (!zeek) return 'sensor';
  if (findZeek() !== null) return 'zeek';
  say('there is no Zeek (ZEEK_BIN, PATH, /opt/zeek/bin): the embedded sensor stands in for it');
  return 'sensor';
}

async function main(): Promise<number> {
  const { values, positionals } = options();
  requireMachine();
  requireSwitch();
  if (values.clean) {
    await cleanUp();
    return 0;
  }
  const times = Number(values.times ?? '1');
  if (!Number.isSafeInteger(times) || times < 1)
    throw new LabError(`--times ${values.times}: not a number of times`);
  const once = chosen(positionals, values.all === true);
  const stories = once.flatMap((story) => Array.from({ length: times }, () => story));
  const sensing = sensingBy(values);
  let failed = 0;
  await lived(async (scratch) => {
    say('building two nodes and their network');
    const cloud = await buildCloud(scratch, { apart: values.apart === true, inPath: sensing === 'gate' });
    if (values.crash) {
      const engine = new Engine(cloud, scratch, { sensing, taps: true });
      await (sensing === 'gate' ? crashInPath : crash)(cloud, engine, say);
      return;
    }
    const rows = await play(stories, cloud, scratch, sensing);
    failed = rows.filter(({ outcome }) => typeof outcome === 'string').length;
    say(tableOf(rows));
    say(`${rows.length - failed} of ${rows.length} stories went as they should`);
  });
  return failed === 0 ? 0 : 1;
}

exitWith(main());
