// Traffic of one VM in a measurement, as a process of its own. Enters: `serve IP` or `MODE FROM TO MILLISECONDS`; leaves: one line of JSON.
import { once } from 'node:events';
import { Agent, createServer as createHttp, type IncomingMessage, request } from 'node:http';
import { createServer } from 'node:net';

const UNDECLARED = 7001;
const WEB = 7002;
const CONNECTIONS = 16;
const BLOCK = Buffer.alloc(1 << 16, 'x');
const PAGE = Buffer.alloc(1024, 'x');

const [mode = '', from = '', to = '', duration = '1000'] = process.argv.slice(2);
const milliseconds = Number(duration);

if (mode === 'serve') await serve();
else if (mode === 'stream') say({ megabits: await stream() });
else if (mode === 'web') say(await web(CONNECTIONS));
else if (mode === 'latency') say(await web(1));

function say(result: object): void {
  // What was not written yet would end with the process.
  process.stdout.write(`${JSON.stringify(result)}\n`, () => process.exit(0));
}

async function serve(): Promise<void> {
  const undeclared = createServer((socket) => socket.resume().on('error', () => {})).listen(UNDECLARED, from);
  const pages = createHttp((asked, response) => {
    if (asked.method === 'GET') return response.end(PAGE);
    // Who sends a stream is told how much came, so that what its buffers hold does not count.
    let bytes = 0;
    asked.on('data', (piece: Buffer) => {
      bytes += piece.length;
    });
    return asked.on('end', () => response.end(String(bytes)));
  }).listen(WEB, from);
  await Promise.all([once(undeclared, 'listening'), once(pages, 'listening')]);
  process.stdout.write('ready\n');
}

async function stream(): Promise<number> {
  const upload = request({ host: to, port: WEB, localAddress: from, method: 'POST', path: '/upload' });
  const answered = once(upload, 'response') as Promise<[IncomingMessage]>;
  const started = performance.now();
  while (performance.now() - started < milliseconds) {
    if (!upload.write(BLOCK)) await once(upload, 'drain');
  }
  upload.end();
  const [response] = await answered;
  let answer = '';
  for await (const piece of response) answer += String(piece);
  return (Number(answer) * 8) / 1000 / (performance.now() - started);
}

async function web(connections: number): Promise<{ perSecond: number; latencies: readonly number[] }> {
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  const latencies: number[] = [];
  const ask = (): Promise<void> =>
    new Promise((resolve, reject) => {
      const sent = performance.now();
      request({ host: to, port: WEB, localAddress: from, agent, path: '/' }, (response) => {
        response.resume();
        response.once('end', () => {
          latencies.push(performance.now() - sent);
          resolve();
        });
      })
        .once('error', reject)
        .end();
    });
  const started = performance.now();
  const user = async (): Promise<void> => {
    while (performance.now() - started < milliseconds) await ask();
  };
  await Promise.all(Array.from({ length: connections }, user));
  return { perSecond: latencies.length / ((performance.now() - started) / 1000), latencies };
}
