// The caches of the datapath, through ovs-vswitchd's control socket. Enters: requests to forget; leaves: whether it forgot.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from './clock.ts';
import { RpcLink } from './rpc-link.ts';

/** Milliseconds between two purges: each costs all flows a slow look-up, and traffic can bring blocks about. */
const PAUSE = 20;
/** Milliseconds that the control socket may take to be connected. */
const CONNECT_WITHIN = 1500;

/**
 * A flow that is in a table is not yet obeyed: packets may pass on cached flows until these are checked again, usually
 * within a second (ovs-vswitchd.conf.db(5), `max-revalidator`). Purging the caches ends that in milliseconds, at the
 * cost of one slow look-up for each flow that goes on.
 */
export class Datapath {
  readonly #link: RpcLink;
  readonly #clock: Clock;
  #waiting: ((up: boolean) => void)[] = [];
  #running: Promise<boolean> | null = null;
  #next: Promise<boolean> | null = null;
  /** Purges so far. */
  purges = 0;
  #last = Number.NEGATIVE_INFINITY;

  /** @param path of the control socket, asked before each connection; null: ovs-vswitchd does not run */
  constructor(path: () => string | null, clock: Clock, random: () => number) {
    this.#clock = clock;
    const up = (): void => {
      for (const resolve of this.#waiting.splice(0)) resolve(true);
    };
    this.#link = new RpcLink(path, { up, down: () => {}, news: () => {} }, clock, random);
  }

  /**
   * Resolves when no packet passes any more on what was cached before this call; false when nobody knows. Calls while a
   * purge runs share the next one, so there are never more than two under way, whatever the traffic brings about.
   */
  forget(): Promise<boolean> {
    if (this.#running === null) {
      this.#running = this.#purge().finally(() => {
        this.#running = null;
      });
      return this.#running;
    }
    this.#next ??= this.#running.then(() => {
      this.#next = null;
      return this.forget();
    });
    return this.#next;
  }

  stop(): void {
    this.#link.stop();
  }

  /** A switch that started again may take bundles before its control socket is connected. */
  #connected(): Promise<boolean> {
    if (this.#link.ready) return Promise.resolve(true);
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      this.#clock.after(CONNECT_WITHIN, () => resolve(false));
    });
  }

  async #purge(): Promise<boolean> {
    if (!(await this.#connected())) return false;
    const wait = this.#last + PAUSE - this.#clock.now();
    if (wait > 0) await new Promise<void>((resolve) => this.#clock.after(wait, resolve));
    this.#last = this.#clock.now();
    const answer = await this.#link.ask('revalidator/purge', []);
    if (answer === 'lost' || answer.error !== null) return false;
    this.purges++;
    return true;
  }
}

/** The control socket of the ovs-vswitchd that has this run directory: its name has the process's id in it. */
export function controlSocket(runDirectory: string): () => string | null {
  return () => {
    try {
      const pid = Number.parseInt(readFileSync(join(runDirectory, 'ovs-vswitchd.pid'), 'utf8'), 10);
      return Number.isSafeInteger(pid) ? join(runDirectory, `ovs-vswitchd.${pid}.ctl`) : null;
    } catch {
      return null;
    }
  };
}
