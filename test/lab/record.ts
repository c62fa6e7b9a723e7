// Plays one story and writes its capture and truth. Enters: a story and the running lab; leaves: `<story>.pcap.gz` and `<story>.json`.
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { Application } from './application.ts';
import { startCapture } from './capture.ts';
import { checkPackets, locate, type Truth } from './check.ts';
import type { Offence } from './messages.ts';
import type { Outsiders } from './outsiders.ts';
import { Stage } from './stage.ts';
import type { Story } from './stories.ts';
import { LabError, run } from './system.ts';

export interface Recorded {
  readonly bytes: number;
  readonly packets: number;
}

export async function record(
  story: Story,
  scratch: string,
  outsiders: Outsiders,
  versions: Record<string, string>,
  folder: string,
): Promise<Recorded> {
  const file = `${scratch}/${story.name}.pcap`;
  const capture = await startCapture(file);
  const application = new Application();
  const stage = new Stage(application, outsiders);
  const end = async (): Promise<number> => {
    await outsiders.closeConnections();
    await application.stop();
    return capture.finish();
  };
  try {
    // The services start within the capture: every connection is there from its SYN on.
    await application.start(story.switches);
    await story.play(stage);
  } catch (error) {
    // What went wrong first is what a person must read.
    await end().catch(() => undefined);
    throw error;
  }
  const captured = await end();
  const made = await checkPackets(file, captured);
  const offending = await locate(file, expected(story, application.offences));
  const gz = gzipSync(readFileSync(file), { level: 9 });
  const truth = {
    story: story.name,
    what: story.what,
    made: { date: new Date().toISOString().slice(0, 10), ...versions, ...made },
    rentals: stage.rentals,
    customers: stage.customers,
    offending: offending.map(shown),
    consequences: story.consequences,
  };
  // Both or none: a capture with the truth of an older one would be worse than none.
  writeFileSync(`${folder}/.${story.name}.pcap.gz`, gz);
  writeFileSync(`${folder}/${story.name}.json`, `${JSON.stringify(truth, null, 2)}\n`);
  renameSync(`${folder}/.${story.name}.pcap.gz`, `${folder}/${story.name}.pcap.gz`);
  rmSync(file);
  return { bytes: gz.length, packets: made.packets };
}

function expected({ name, attack }: Story, offences: readonly Offence[]): readonly Offence[] {
  if ((attack === null) !== (offences.length === 0)) {
    throw new LabError(`${name}: ${offences.length} offending requests were made`);
  }
  return offences;
}

const shown = ({ values, ...truth }: Truth): Record<string, unknown> =>
  values === undefined || values.length === 0 ? { ...truth } : { ...truth, values };

export async function programVersions(): Promise<Record<string, string>> {
  const first = async (pattern: RegExp, program: string, ...args: string[]): Promise<string> =>
    pattern.exec(await run(program, args))?.[1] ?? 'unknown';
  return {
    postgresql: await first(/(\d+\.\d+)/, '/usr/lib/postgresql/15/bin/postgres', '--version'),
    mariadb: await first(/Ver ([\d.]+)/, 'mariadbd', '--version'),
    rabbitmq: await first(/\s([\d.]+)/, 'dpkg-query', '-W', 'rabbitmq-server'),
    tcpdump: await first(/tcpdump version ([\d.]+)/, 'tcpdump', '--version'),
  };
}
