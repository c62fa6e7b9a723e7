// The live service with a switch and a mock Zeek, in this process. Enters: a folder of sockets, Zeeks; leaves: audit, log, health as they come.
import { application, chain, http, once, sql } from 'flowtap/policy';
import { systemClock } from '../../src/broker/clock.ts';
import { readConfig } from '../../src/config/config.ts';
import { runService } from '../../src/live/service.ts';
import { launchTcpdump } from '../../src/live/tcpdump.ts';
import { launchZeek } from '../../src/zeek/launch.ts';
import { Epoch, Speaker } from './flowtap-zeek.ts';
import { type Line, Lines } from './lines.ts';
import { MockZeek } from './mock-zeek.ts';

/** `web` may call `shop`, and `shop` its database; what goes from `web` to the database is not declared. */
const POLICY = application('shop', ({ external, service }) => {
  const web = external('web', { at: '10.9.0.1' });
  const shop = service('shop', { at: '10.9.0.3', http: 8080 });
  const db = service('db', { at: '10.9.0.2', postgres: 5432 });
  return chain(http.post('/orders').from(web).to(shop), once(sql.insert('orders').from(shop).to(db)));
});

export interface LiveBridge {
  readonly audit: Lines;
  readonly log: Lines;
  /** Speaks for the Zeek `tap`. */
  readonly speaks: Speaker;
  health(): Promise<{ readonly status: string; readonly reasons: readonly string[]; readonly switch?: Line }>;
  metrics(): Promise<string>;
  /** Tells it to stop, and resolves when it has. */
  stop(): Promise<void>;
}

/** @param flowtap a section of the configuration */
export async function liveBridge(flowtap: object): Promise<LiveBridge> {
  let resolve: (speaker: Speaker) => void = () => {};
  const speaker = new Promise<Speaker>((found) => {
    resolve = found;
  });
  const zeek = await MockZeek.start(async (peer) => {
    await peer.subscribe();
    const speaks = new Speaker(peer, new Epoch('E1', 'tap'));
    speaks.hello();
    resolve(speaks);
  });
  const [audit, log] = [new Lines(), new Lines()];
  const end = new AbortController();
  const config = {
    policies: ['none.ts'],
    zeeks: [{ name: 'tap', url: zeek.url }],
    flowtap,
    health: { listen: '127.0.0.1:0' },
  };
  const ended = runService(readConfig('/etc/flowtap/flowtap.yaml', JSON.stringify(config)), [POLICY], {
    version: '0.0.0',
    clock: systemClock,
    wall: () => Date.now() * 1000,
    random: () => 0.5,
    launch: launchZeek,
    capture: launchTcpdump,
    restart: { minMs: 4, maxMs: 8 },
    stdout: audit,
    stderr: log,
    stop: end.signal,
    reload: () => Promise.reject(new Error('nothing changed')),
    onReopen: () => () => {},
  });
  const speaks = await Promise.race([speaker, ended.then(() => Promise.reject(new Error('it has ended')))]);
  const { port } = await log.with({ message: 'health is served' });
  const ask = (path: string): Promise<Response> => fetch(`http://127.0.0.1:${port}${path}`);
  return {
    audit,
    log,
    speaks,
    health: async () => (await (await ask('/healthz')).json()) as Awaited<ReturnType<LiveBridge['health']>>,
    metrics: async () => (await ask('/metrics')).text(),
    stop: async () => {
      end.abort();
      await ended.finally(() => zeek.stop());
    },
  };
}
