// What every host got, by one tcpdump each. Enters: hosts; leaves: the packets of one flow that reached its ends, as tshark counts them.
import type { ChildProcess } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { IDS } from './cloud.ts';
import { run, saying, spawnIn, stop } from './system.ts';
import { address, HOST_NAMES, type HostName, namespace } from './topology.ts';

interface Arrived {
  /** Seconds since 1970. */
  readonly ts: number;
  readonly bytes: number;
}

export interface Counts {
  readonly packets: number;
  readonly bytes: number;
}

/** Captures only what arrives: what a host sends into a flow that is cut goes no further than the switch. */
export class Captures {
  readonly #folder: string;
  readonly #running = new Map<string, ChildProcess>();

  private constructor(folder: string) {
    this.#folder = folder;
  }

  static async start(folder: string): Promise<Captures> {
    const captures = new Captures(folder);
    const places = [...HOST_NAMES.map((host) => namespace(host)), IDS];
    await Promise.all(places.map((place) => captures.#begin(place)));
    return captures;
  }

  async #begin(place: string): Promise<void> {
    const options = ['-i', 'eth0', '-Q', 'in', '-n', '-U', '--immediate-mode', '-B', '16384', '-Z', 'root'];
    const tcpdump = spawnIn(place, ['tcpdump', ...options, '-w', this.file(place), 'tcp']);
    this.#running.set(place, tcpdump);
    await saying(tcpdump, 'tcpdump', /listening on/, 10_000);
  }

  async finish(): Promise<void> {
    // The last packets are still on their way to the files.
    await sleep(200);
    await Promise.all([...this.#running.values()].map((tcpdump) => stop(tcpdump, 'SIGINT')));
    this.#running.clear();
  }

  /** @param place a namespace */
  file(place: string): string {
    return `${this.#folder}/${place}.pcap`;
  }

  /**
   * What arrived at a place on its way to one end. In the path, the two directions there are of two connections with numbers of
   * their own, which tshark would take for one that repeats itself.
   */
  async towards(place: string, end: string): Promise<string> {
    const [ip, port] = end.split(':');
    const file = `${this.#folder}/${place}-to-${ip}-${port}.pcap`;
    const filter = `dst host ${ip} and tcp dst port ${port}`;
    await run('tcpdump', ['-n', '-Z', 'root', '-r', this.file(place), '-w', file, filter]);
    return file;
  }

  async #of(place: string, ends: readonly (readonly [string, string])[]): Promise<readonly Arrived[]> {
    const one = ([from, to]: readonly [string, string]): string => {
      const [[ip, port], [toIp, toPort]] = [from.split(':'), to.split(':')];
      return `(ip.src == ${ip} && tcp.srcport == ${port} && ip.dst == ${toIp} && tcp.dstport == ${toPort})`;
    };
    const fields = ['-T', 'fields', '-e', 'frame.time_epoch', '-e', 'frame.len'];
    const out = await run('tshark', [
      '-n',
      '-r',
      this.file(place),
      '-Y',
      ends.map(one).join(' || '),
      ...fields,
    ]);
    return out
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => {
        const [ts, bytes] = line.split('\t').map(Number);
        return { ts: ts ?? 0, bytes: bytes ?? 0 };
      });
  }

  /**
   * Packets of a flow that reached either end after the one of a moment. Which those are, the order at the security VM tells
   * (the clock of one interface): all that arrived there up to that packet had been passed on before it.
   * @param at seconds since 1970, by the clock of the security VM's interface
   */
  async arrivedAfter(orig: Place, resp: Place, at: number): Promise<Counts> {
    const ends = [
      [orig.end, resp.end],
      [resp.end, orig.end],
    ] as const;
    const [there, back, copied] = [
      await this.#of(resp.namespace, [ends[0]]),
      await this.#of(orig.namespace, [ends[1]]),
      await this.#of(IDS, ends),
    ];
    const nearest = copied.reduce(
      (best, { ts }, index) => (Math.abs(ts - at) < Math.abs((copied[best]?.ts ?? 0) - at) ? index : best),
      0,
    );
    const before = sum(copied.slice(0, nearest + 1));
    const all = sum([...there, ...back]);
    return { packets: all.packets - before.packets, bytes: all.bytes - before.bytes };
  }
}

/** One end of a flow, and where it is. */
export interface Place {
  /** `ip:port` */
  readonly end: string;
  readonly namespace: string;
}

function sum(arrived: readonly Arrived[]): Counts {
  return { packets: arrived.length, bytes: arrived.reduce((bytes, each) => bytes + each.bytes, 0) };
}

/** @param end `ip:port` */
function hostAt(end: string): HostName {
  const ip = end.split(':')[0];
  return HOST_NAMES.find((name) => address(name) === ip) ?? 'internet';
}

export const placeAt = (end: string): Place => ({ end, namespace: namespace(hostAt(end)) });
