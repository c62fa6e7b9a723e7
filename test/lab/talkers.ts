// Small programs that talk while something is killed. Enters: who talks to whom; leaves: when each was heard, and how often.
import { setTimeout as sleep } from 'node:timers/promises';
import { LabError, spawnIn, until } from './system.ts';
import { address, type HostName, namespace, port } from './topology.ts';

/** A port that the policy does not declare. */
const UNDECLARED = 5999;
/** Requests that are open at a time. */
const LOAD = 4;

/** Echoes, and says so for each connection that gets here. */
const ECHO = `
require('node:net').createServer((s) => { console.log('ready'); s.on('error', () => {}).pipe(s); })
  .listen(Number(process.argv[2]), process.argv[1], () => console.log('ready'));`;
/** Says something every 10 ms, and prints the time of each answer. */
const TALK = `
const socket = require('node:net').connect({ host: process.argv[1], port: Number(process.argv[2]) });
socket.on('error', () => {}).on('data', () => console.log(Date.now()));
setInterval(() => socket.write('x'), 10);
setTimeout(() => process.exit(), 60000);`;
/** Connects again and again, whatever becomes of it, and prints the time of each answer. */
const TRY = `
const { connect } = require('node:net');
const once = () => {
  const socket = connect({ host: process.argv[1], port: Number(process.argv[2]) }, () => socket.write('x'));
  socket.on('error', () => {}).on('data', () => console.log(Date.now())).setTimeout(200, () => socket.destroy());
  socket.on('close', () => setTimeout(once, 50));
};
once();`;
/** Requests of the monitor to a service, as many as get through: the load, which is declared. */
const ASK = `
const http = require('node:http');
const agent = new http.Agent({ keepAlive: true });
const ask = () => http.get({ host: process.argv[1], port: Number(process.argv[2]), path: '/health', agent, timeout: 500 }, (r) => {
  r.resume().on('end', () => { console.log(Date.now()); setTimeout(ask, 5); });
}).on('timeout', function () { this.destroy(); }).on('error', () => setTimeout(ask, 50));
for (let i = 0; i < ${LOAD}; i++) ask();`;
const HEALTH = `
require('node:http').createServer((q, r) => r.end('ok'))
  .listen(Number(process.argv[2]), process.argv[1], () => console.log('ready'));`;

/** What one program says: a line for each thing that it hears. */
export class Heard {
  /** Milliseconds since 1970. */
  readonly #times: number[] = [];

  private constructor(at: HostName, program: string, to: HostName, toPort: number) {
    const argv = [process.execPath, '-e', program, address(to), String(toPort)];
    const child = spawnIn(namespace(at), argv);
    child.stdout?.on('data', (piece: Buffer) => {
      for (const line of piece.toString().trim().split('\n')) this.#times.push(Number(line) || Date.now());
    });
  }

  get count(): number {
    return this.#times.length;
  }

  /** The longest silence since a moment, in milliseconds from there. There has to be something that ends it. */
  silence(since: number): { readonly from: number; readonly to: number } {
    let longest = { from: 0, to: 0 };
    let before = since;
    for (const time of this.#times.filter((each) => each >= since)) {
      if (time - before > longest.to - longest.from) longest = { from: before - since, to: time - since };
      before = time;
    }
    return longest;
  }

  /** A server that nobody may talk to: its first line says that it listens, each other one is a connection. */
  static echo = (): Heard => new Heard('user-db', ECHO, 'user-db', UNDECLARED);
  static health = (): Heard => new Heard('shipping', HEALTH, 'shipping', port('shipping'));
  static load = (): Heard => new Heard('monitor', ASK, 'shipping', port('shipping'));
  /** One connection that nobody declared. */
  static offender = (): Heard => new Heard('dvd-return', TALK, 'user-db', UNDECLARED);
  /** Many of them, one after the other. */
  static offenders = (): Heard => new Heard('dvd-return', TRY, 'user-db', UNDECLARED);

  /** @returns after how many milliseconds it came */
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
