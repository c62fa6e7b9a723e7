// Records what Zeek sends of captures: node --import jiti/register test/zeek/record.ts [NAME...]. Enters: pcaps; leaves: recordings.
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import dvdRental from '../../policies/dvd-rental.ts';
import { readMessage, writeEvent, writeSubscription } from '../../src/broker/message.ts';
import { hintsOf } from '../../src/policy/hints.ts';
import { findZeek, scriptsFolder } from '../../src/zeek/find.ts';
import { scriptsHash, zeekVersion } from '../../src/zeek/grammars.ts';
import { launchZeek } from '../../src/zeek/launch.ts';
import { EVENT_TOPIC } from '../../src/zeek/report.ts';
import { ZeekSource } from '../../src/zeek/source.ts';
import { connectWhenThere } from '../support/plain-socket.ts';
import { captureOf, hashOf, writeRecording } from '../support/recording.ts';

async function record(name: string): Promise<void> {
  const zeek = findZeek();
  if (zeek === null) throw new Error('there is no Zeek');
  const capture = join(tmpdir(), `${name}-${process.pid}.pcap`);
  writeFileSync(capture, gunzipSync(readFileSync(captureOf(name))));
  const launch = await launchZeek({ zeek, node: 'recorded', capture, onLog: (line) => console.error(line) });
  const socket = await connectWhenThere(launch.url);
  const frames: Buffer[] = [];
  const source = new ZeekSource({ name, hints: hintsOf([dvdRental]), onEvent: () => {}, onNotice: () => {} });
  const ended = new Promise((resolve) => socket.once('close', resolve));
  socket.on('message', (data: Buffer) => {
    const message = readMessage(data);
    if (message.kind === 'ack') return;
    frames.push(Buffer.from(data));
    for (const answer of source.take(message)) socket.send(writeEvent(answer, 1 << 20).bytes.toString());
  });
  socket.send(writeSubscription([EVENT_TOPIC]).bytes.toString());
  await ended;
  if (!source.ended) throw new Error(`${name}: Zeek ended before its capture`);
  const origin = {
    zeek: await zeekVersion(zeek),
    scripts: scriptsHash(scriptsFolder()),
    capture: hashOf(captureOf(name)),
  };
  writeRecording(name, { origin, frames });
  console.log(`${name}: ${frames.length} messages`);
}

mkdirSync(new URL('recordings/', import.meta.url), { recursive: true });
const all = readdirSync(new URL('../../pcaps', import.meta.url))
  .filter((file) => file.endsWith('.pcap.gz'))
  .map((file) => file.slice(0, -'.pcap.gz'.length));
const named = process.argv.slice(2);
for (const name of named.length > 0 ? named : all) await record(name);
