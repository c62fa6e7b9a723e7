// Traffic of one VM in a measurement, as a process of its own. Enters: `serve IP` or `MODE FROM TO MILLISECONDS`; leaves: one line of JSON.
import { once } from 'node:events';
import { Agent, createServer as createHttp, request } from 'node:http';
import { connect, createServer } from 'node:net';

const SINK = 7001;
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
  // Each end of a stream is told how much came, so that what the sender's buffers hold does not count.
  const sink = createServer({ allowHalfOpen: true }, (socket) => {
    let bytes = 0;
    socket.on('data', (piece) => {
      bytes += piece.length;
    });
    socket.on('end', () => socket.end(String(bytes)));
    socket.on('error', () => {});
  }).listen(SINK, from);
  const pages = createHttp((_request, response) => response.end(PAGE)).listen(WEB, from);
  await Promise.all([once(sink, 'listening'), once(pages, 'listening')]);
  process.stdout.write('ready\n');
}

async function stream(): Promise<number> {
  const socket = connect({ host: to, port: SINK, localAddress: from });
  await once(socket, 'connect');
  const started = performance.now();
  while (performance.now() - started < milliseconds) {
    if (!socket.write(BLOCK)) await once(socket, 'drain');
  }
  let answer = '';
  socket.on('data', (piece) => {
    answer += piece.toString();
  });
  socket.end();
  await once(socket, 'close');
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
