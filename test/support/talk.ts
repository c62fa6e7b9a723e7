// A TCP conversation between two namespaces. Enters: hosts of a switch; leaves: echoes, and silence where a flow is cut.
import type { ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Host, OpenVSwitch } from './open-vswitch.ts';

const SERVER = `
const [, ip, port] = process.argv;
require('node:net').createServer((socket) => socket.on('error', () => {}).pipe(socket))
  .listen(Number(port), ip, () => console.log('ready'));`;

/** Reads lines to send, writes lines that came back. */
const CLIENT = `
const [, ip, port, host, localPort] = process.argv;
const socket = require('node:net').connect({ host, port: Number(port), localAddress: ip, localPort: Number(localPort) });
socket.on('connect', () => console.log('ready')).on('error', (error) => console.log(error.code)).on('close', () => process.exit());
socket.pipe(process.stdout);
process.stdin.pipe(socket);`;

/** Milliseconds after which an answer will not come any more. */
const ANSWER = 10_000;

class Lines {
  readonly #waiting: ((line: string) => void)[] = [];
  readonly #lines: string[] = [];

  constructor(child: ChildProcess) {
    if (child.stdout === null) throw new Error('no output to read');
    createInterface({ input: child.stdout }).on('line', (line) => {
      const next = this.#waiting.shift();
      if (next === undefined) this.#lines.push(line);
      else next(line);
    });
  }

  async next(): Promise<string> {
    const line = this.#lines.shift();
    if (line !== undefined) return line;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error('no line came')), ANSWER);
      this.#waiting.push((each) => {
        clearTimeout(timer);
        resolve(each);
      });
    });
  }
}

/** A server that echoes, on a port of a host. */
export async function echoServer(on: OpenVSwitch, host: Host, port: number): Promise<void> {
  const lines = new Lines(on.spawn(host, process.execPath, '-e', SERVER, host.ip, String(port)));
  await lines.next();
}

/** One connection from a fixed port. */
export class Talk {
  readonly #child: ChildProcess;
  readonly #lines: Lines;

  private constructor(child: ChildProcess) {
    this.#child = child;
    this.#lines = new Lines(child);
  }

  static async open(on: OpenVSwitch, from: Host, fromPort: number, to: Host, toPort: number): Promise<Talk> {
    const argv = ['-e', CLIENT, from.ip, String(toPort), to.ip, String(fromPort)];
    const talk = new Talk(on.spawn(from, process.execPath, ...argv));
    const first = await talk.#lines.next();
    if (first !== 'ready') throw new Error(`no connection: ${first}`);
    return talk;
  }

  /** Sends a line; the answer may never come. */
  say(line: string): void {
    this.#child.stdin?.write(`${line}\n`);
  }

  /** Sends a line, gives the echo. */
  async ask(line: string): Promise<string> {
    this.say(line);
    return this.#lines.next();
  }
}
