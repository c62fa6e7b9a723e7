// Zeeks that the service starts itself. Enters: a launcher that a test controls; leaves: assertions on journal, restarts and the end.
import { PassThrough, Writable } from 'node:stream';
import { afterEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/broker/clock.ts';
import { readConfig } from '../../src/config/config.ts';
import { InputError } from '../../src/errors.ts';
import type { ServiceParts } from '../../src/live/parts.ts';
import { runService } from '../../src/live/service.ts';
import { launchTcpdump } from '../../src/live/tcpdump.ts';
import type { LaunchOptions, ZeekLaunch } from '../../src/zeek/launch.ts';
import { Epoch, Speaker } from '../support/flowtap-zeek.ts';
import { MockZeek } from '../support/mock-zeek.ts';

const CONFIG = `policies: [none.ts]
zeeks:
  - { name: tap, interface: eth7, scripts: [site.zeek], port: 27777, on: { restarted: unseen } }
`;

/** One run of a Zeek that the service has started. */
interface Run {
  readonly options: LaunchOptions;
  /** Ends it as if it had crashed. */
  readonly crash: () => Promise<void>;
  stopped: boolean;
}

const mocks: MockZeek[] = [];
afterEach(async () => {
  for (const mock of mocks.splice(0)) await mock.stop();
});

/** Starts mocks in place of Zeeks; each has a port and an epoch of its own. */
function launcher(fails: (attempt: number) => Error | null = () => null) {
  const runs: Run[] = [];
  let attempts = 0;
  const launch = async (options: LaunchOptions): Promise<ZeekLaunch> => {
    attempts += 1;
    const failure = fails(attempts);
    if (failure !== null) throw failure;
    const epoch = new Epoch(`E${attempts}`, options.node);
    const mock = await MockZeek.start(async (peer) => {
      await peer.subscribe();
      new Speaker(peer, epoch).hello();
    });
    mocks.push(mock);
    let exit: (how: Awaited<ZeekLaunch['exited']>) => void = () => {};
    const exited = new Promise<Awaited<ZeekLaunch['exited']>>((resolve) => {
      exit = resolve;
    });
    const run: Run = {
      options,
      stopped: false,
      crash: async () => {
        await mock.stop();
        mocks.splice(mocks.indexOf(mock), 1);
        exit({ code: null, signal: 'SIGSEGV', errors: 'listening on eth7\nsegmentation fault\n' });
      },
    };
    runs.push(run);
    options.onLog('listening on eth7');
    return {
      url: mock.url,
      pid: null,
      exited,
      stop: async () => {
        run.stopped = true;
        exit({ code: 0, signal: null, errors: '' });
      },
    };
  };
  return { launch, runs };
}

/** The service in this process; `journal` gives the first record that has these fields, as soon as it is there. */
function serve(launch: ServiceParts['launch']) {
  let broken = false;
  const stderr = new PassThrough();
  stderr.resume();
  const stop = new AbortController();
  const records: Record<string, unknown>[] = [];
  let waiting: (() => void)[] = [];
  const stdout = new Writable({
    write(chunk, _encoding, done) {
      if (broken) return done(new Error('no space left'));
      for (const line of String(chunk).trimEnd().split('\n'))
        records.push(JSON.parse(line) as Record<string, unknown>);
      for (const wake of waiting.splice(0)) wake();
      done();
    },
  });
  stdout.on('error', () => {});
  const ended = runService(readConfig('/etc/flowtap/flowtap.yaml', CONFIG), [], {
    version: '0.0.0',
    clock: systemClock,
    wall: () => Date.now() * 1000,
    random: () => 0.5,
    launch,
    capture: launchTcpdump,
    restart: { minMs: 4, maxMs: 8 },
    stdout,
    stderr,
    stop: stop.signal,
    reload: () => Promise.reject(new Error('nothing changed')),
    onReopen: () => () => {},
  });
  const journal = async (fields: Readonly<Record<string, unknown>>): Promise<Record<string, unknown>> => {
    for (;;) {
      const found = records.find((record) =>
        Object.entries(fields).every(([name, value]) => record[name] === value),
      );
      if (found !== undefined) return found;
      await new Promise<void>((resolve) => {
        waiting = [...waiting, resolve];
      });
    }
  };
  const breakOutput = (): void => {
    broken = true;
  };
  return { journal, records, ended, breakOutput, stop: () => stop.abort() };
}

describe('a Zeek that the service starts', () => {
  it('listens where the configuration says, and is ended with the service', async () => {
    const { launch, runs } = launcher();
    const service = serve(launch);
    await service.journal({ change: 'connected', source: 'tap', epoch: 'E1' });
    expect(runs[0]?.options).toMatchObject({
      node: 'tap',
      interface: 'eth7',
      port: 27_777,
      extra: ['/etc/flowtap/site.zeek'],
    });
    service.stop();
    await service.ended;
    expect(runs).toMatchObject([{ stopped: true }]);
    expect(service.records.at(-1)).toMatchObject({ record: 'end', whole: true, sources: ['tap'] });
  });

  it('is started again with back-off when it ends, and its flows are unseen then', async () => {
    const { launch, runs } = launcher();
    const service = serve(launch);
    await service.journal({ change: 'connected', epoch: 'E1' });
    await runs[0]?.crash();
    expect(await service.journal({ change: 'exited' })).toMatchObject({
      response: 'restarting',
      text: 'Zeek ended with SIGSEGV: segmentation fault; it is started again in 3 ms',
    });
    expect(await service.journal({ change: 'restarted', epoch: 'E2' })).toMatchObject({
      response: 'blinded',
    });
    service.stop();
    await service.ended;
    expect(runs).toHaveLength(2);
  });

  it('that cannot be started any more is tried again', async () => {
    const gone = new InputError('zeek-unusable', null, 'there is no Zeek', 'install it');
    const { launch, runs } = launcher((attempt) => (attempt === 2 || attempt === 3 ? gone : null));
    const service = serve(launch);
    await service.journal({ change: 'connected', epoch: 'E1' });
    await runs[0]?.crash();
    await service.journal({ change: 'restarted', epoch: 'E4' });
    const exits = service.records.filter(({ change }) => change === 'exited').map(({ text }) => text);
    expect(exits).toEqual([
      expect.stringContaining('Zeek ended with SIGSEGV'),
      'it cannot be started: there is no Zeek; install it; it is started again in 6 ms',
      'it cannot be started: there is no Zeek; install it; it is started again in 6 ms',
    ]);
    service.stop();
    await service.ended;
  });

  it('that cannot be started at all ends the service with that error', async () => {
    const gone = new InputError('zeek-unusable', null, 'there is no Zeek', 'install it');
    const service = serve(launcher(() => gone).launch);
    await expect(service.ended).rejects.toBe(gone);
    expect(service.records.at(-1)).toMatchObject({
      record: 'end',
      whole: false,
      time: expect.not.stringMatching(/^1970/),
    });
  });
});

describe('the end of the journal', () => {
  it('that cannot be written any more is a failure, also when the service was told to stop', async () => {
    const { launch } = launcher();
    const service = serve(launch);
    await service.journal({ change: 'connected' });
    service.breakOutput();
    service.stop();
    await expect(service.ended).rejects.toMatchObject({
      code: 'service-failed',
      message: 'the audit cannot be written: no space left',
    });
  });
});
