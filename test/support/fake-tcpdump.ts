// Tcpdump in this process. Enters: frames that a test has; leaves: runs of it that the service has started, each with its stream.
import { PassThrough } from 'node:stream';
import type { launchTcpdump, Tcpdump, TcpdumpEnd, TcpdumpOptions } from '../../src/live/tcpdump.ts';
import { type Frame, pcapFile } from './packets.ts';

const HEADER = 24;

/** One run of it. */
class FakeTcpdump implements Tcpdump {
  readonly pid = null;
  readonly listens = 'eth7, link-type EN10MB (Ethernet)';
  readonly stream = new PassThrough();
  readonly exited: Promise<TcpdumpEnd>;
  readonly options: TcpdumpOptions;
  asked = 0;
  /** What it answers when it is asked; null: it hangs. */
  dropped: number | null = 0;
  #sent = 0;
  #end: (end: TcpdumpEnd) => void = () => {};

  constructor(options: TcpdumpOptions) {
    this.options = options;
    this.exited = new Promise((resolve) => {
      this.#end = resolve;
    });
    this.stream.write(pcapFile([], { linkType: 1 }));
  }

  /** Captures frames now: each gets this moment as its time. */
  capture(frames: readonly Frame[], ts = Date.now() * 1000): void {
    this.#sent += frames.length;
    this.write(pcapFile(frames.map((frame, index) => ({ ...frame, ts: ts + index }))).subarray(HEADER));
  }

  write(bytes: Uint8Array): void {
    this.stream.write(bytes);
  }

  ask(): void {
    this.asked += 1;
    const { dropped } = this;
    if (dropped === null) return;
    this.options.onCounts({ captured: this.#sent, received: this.#sent + dropped, dropped });
  }

  die(end: Partial<TcpdumpEnd> = {}): void {
    this.#end({ code: null, signal: 'SIGKILL', error: '', ...end });
    this.stream.end();
  }

  stop(): Promise<void> {
    this.die({ code: 0, signal: null });
    return Promise.resolve();
  }
}

/** Starts fakes; `fails` may say why an attempt (from 1) does not succeed. */
export function fakeTcpdump(fails: (attempt: number) => Error | null = () => null) {
  const runs: FakeTcpdump[] = [];
  let attempts = 0;
  const launch: typeof launchTcpdump = async (options) => {
    attempts += 1;
    const failure = fails(attempts);
    if (failure !== null) throw failure;
    const run = new FakeTcpdump(options);
    runs.push(run);
    return run;
  };
  return { launch, runs };
}
