// The live service on an interface, in this process. Enters: tcpdump or what stands for it, a policy; leaves: audit, log, health as they come.
import { systemClock } from '../../src/broker/clock.ts';
import { readConfig } from '../../src/config/config.ts';
import { runService } from '../../src/live/service.ts';
import type { launchTcpdump } from '../../src/live/tcpdump.ts';
import type { PolicyDocument } from '../../src/policy/document.ts';
import { launchZeek } from '../../src/zeek/launch.ts';
import { Lines } from './lines.ts';

export interface LiveCaptureOptions {
  readonly capture: typeof launchTcpdump;
  readonly policy: PolicyDocument;
  /** Further settings of the capture, and of the whole. */
  readonly section?: object;
  readonly more?: object;
}

export interface LiveCapture {
  readonly audit: Lines;
  readonly log: Lines;
  readonly ended: Promise<void>;
  /** Tells it to stop, and resolves when it has. */
  end(): Promise<void>;
  ask(path: string): Promise<Response>;
}

/** Reads the interface `eth7` as `tap`. */
export function liveCapture({ capture, policy, section = {}, more = {} }: LiveCaptureOptions): LiveCapture {
  const [audit, log] = [new Lines(), new Lines()];
  const stop = new AbortController();
  const config = {
    policies: ['none.ts'],
    captures: [{ name: 'tap', interface: 'eth7', ...section }],
    health: { listen: '127.0.0.1:0' },
    ...more,
  };
  const ended = runService(readConfig('/etc/flowtap/flowtap.yaml', JSON.stringify(config)), [policy], {
    version: '0.0.0',
    clock: systemClock,
    wall: () => Date.now() * 1000,
    random: () => 0.5,
    launch: launchZeek,
    reload: () => Promise.reject(new Error('nothing changed')),
    capture,
    restart: { minMs: 4, maxMs: 8 },
    stdout: audit,
    stderr: log,
    stop: stop.signal,
    onReopen: () => () => {},
  });
  ended.catch(() => {});
  return {
    audit,
    log,
    ended,
    end: async () => {
      stop.abort();
      await ended;
    },
    ask: async (path) => {
      const { port } = await log.with({ message: 'health is served' });
      return fetch(`http://127.0.0.1:${port}${path}`);
    },
  };
}
