// One measured task in a process of its own. Enters: a task and a capture as arguments; leaves: one line of JSON.
import { createReadStream } from 'node:fs';
import { replayCapture } from './replay-capture.ts';

const [task = '', file = ''] = process.argv.slice(2);
const started = process.hrtime.bigint();
const counts = task === 'read' ? await readBytes(file) : await replayCapture(file);
const seconds = Number(process.hrtime.bigint() - started) / 1e9;
const { maxRSS } = process.resourceUsage();
process.stdout.write(`${JSON.stringify({ seconds, peakMiB: maxRSS / 1024, ...counts })}\n`);

async function readBytes(path: string): Promise<{ bytes: number }> {
  let bytes = 0;
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 }))
    bytes += (chunk as Buffer).length;
  return { bytes };
}
