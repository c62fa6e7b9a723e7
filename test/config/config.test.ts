// The configuration of the live service. Enters: texts; leaves: assertions on settings, and on one line for each thing that is wrong.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readConfig } from '../../src/config/config.ts';
import { DEFAULT_POSTURES } from '../../src/config/postures.ts';
import { formatPlace, InputError } from '../../src/errors.ts';

const SMALL = `policies: [shop.ts]
zeeks:
  - name: a
    url: ws://127.0.0.1:27759
`;

const FULL = `
policies:
  - policies/shop.ts
containment: forward
on:
  gone: { do: pass, after: 1m }
zeeks:
  - name: tap0
    interface: eth1
    zeek: /usr/local/zeek/bin/zeek
    port: 27760
    scripts: [site.zeek]
  - name: far
    url: wss://zeek.example:27759
    tls: { ca: tls/ca.pem, cert: tls/engine.pem, key: tls/engine.key }
    on:
      slow: { do: drop, after: 500ms }
      restarted: note
      skipped: note
limits: { body: 64KiB, rows: 5, idle: 2m, waiting: 1000, waiting-bytes: 1MiB }
time: { wait: 20ms, ahead: 2s, late: 10s, events: 500 }
chains: { unpacked: 5000 }
audit: { file: log/audit.jsonl, passes: false }
log: { file: stderr, level: debug }
health: { listen: "[::1]:9464" }
flowtap: { driver: ovs, bridge: br-int, rundir: ovs, owner: engine-2, zeeks: [tap0] }
`;

function wrong(text: string): { readonly at: string; readonly problem: string; readonly remedy: string } {
  try {
    readConfig('flowtap.yaml', text);
  } catch (error) {
    if (error instanceof InputError && error.place !== null)
      return { at: formatPlace(error.place), problem: error.problem, remedy: error.remedy };
    throw error;
  }
  throw new Error('nothing is wrong with it');
}

describe('a configuration', () => {
  it('needs policies and one Zeek, and has a default for everything else', () => {
    const { file: _file, policies, ...config } = readConfig('/etc/flowtap/flowtap.yaml', SMALL);
    expect(policies).toEqual(['/etc/flowtap/shop.ts']);
    expect(config).toEqual({
      captures: [],
      containment: 'forward',
      gate: null,
      flowtap: { kind: 'memory' },
      journal: 256 * 1024 ** 2,
      unpackedChains: null,
      zeeks: [
        {
          name: 'a',
          at: { kind: 'url', url: 'ws://127.0.0.1:27759', tls: null },
          on: {
            slow: { kind: 'pause' },
            gone: { does: 'unseen', afterMs: 10_000 },
            restarted: 'unseen',
            skipped: 'unseen',
          },
        },
      ],
      limits: {},
      inbox: { frames: 65_536, bytes: 67_108_864 },
      time: { waitMs: 100, aheadMs: 1000, lateMs: 5000, events: 65_536 },
      audit: { to: { kind: 'stdout' }, passes: true },
      log: { to: { kind: 'stderr' }, level: 'info' },
      health: null,
    });
  });

  it('needs no Zeek where a gate is in the path, and holds then', () => {
    const text =
      'policies: [a.ts]\ngate: { transparent: { interface: eth1 }, hold: { for: 1s, late: pass, total: 1MiB } }';
    expect(readConfig('/etc/flowtap.yaml', text)).toMatchObject({
      containment: 'redirect',
      zeeks: [],
      gate: {
        name: 'gate',
        at: {
          kind: 'transparent',
          interface: 'eth1',
          port: 15_001,
          owner: 'engine',
          mark: 0x0f10,
          neighbours: [],
        },
        hold: {
          forMs: 1000,
          late: 'pass',
          bytes: 6_291_456,
          total: 1_048_576,
          connections: 16_384,
          idleMs: 3_600_000,
        },
      },
    });
    const doors = 'policies: [a.ts]\ngate: { doors: [{ listen: "[::1]:0", to: "10.1.0.11:8080" }] }';
    expect(readConfig('/etc/flowtap.yaml', doors).gate?.at).toEqual({
      kind: 'doors',
      doors: [{ listen: { ip: '::1', port: 0 }, to: { ip: '10.1.0.11', port: 8080 } }],
    });
  });

  it('says everything that can be said, with paths relative to its own folder', () => {
    const config = readConfig('/etc/flowtap/flowtap.yaml', FULL);
    expect(config.zeeks).toEqual([
      {
        name: 'tap0',
        at: {
          kind: 'interface',
          interface: 'eth1',
          program: '/usr/local/zeek/bin/zeek',
          port: 27_760,
          scripts: ['/etc/flowtap/site.zeek'],
        },
        on: {
          slow: { kind: 'pause' },
          gone: { does: 'pass', afterMs: 60_000 },
          restarted: 'unseen',
          skipped: 'unseen',
        },
      },
      {
        name: 'far',
        at: {
          kind: 'url',
          url: 'wss://zeek.example:27759',
          tls: {
            ca: '/etc/flowtap/tls/ca.pem',
            cert: '/etc/flowtap/tls/engine.pem',
            key: '/etc/flowtap/tls/engine.key',
          },
        },
        on: {
          slow: { kind: 'drop', afterMs: 500 },
          gone: { does: 'pass', afterMs: 60_000 },
          restarted: 'note',
          skipped: 'note',
        },
      },
    ]);
    expect(config).toMatchObject({
      policies: ['/etc/flowtap/policies/shop.ts'],
      limits: { body: 65_536, rows: 5, idle: 120_000_000 },
      inbox: { frames: 1000, bytes: 1_048_576 },
      time: { waitMs: 20, aheadMs: 2000, lateMs: 10_000, events: 500 },
      unpackedChains: 5000,
      audit: { to: { kind: 'file', path: '/etc/flowtap/log/audit.jsonl' }, passes: false },
      log: { level: 'debug' },
      health: { host: '::1', port: 9464 },
      flowtap: {
        kind: 'ovs',
        bridge: 'br-int',
        folder: '/etc/flowtap/ovs',
        owner: 'engine-2',
        zeeks: ['tap0'],
        contracts: [],
      },
    });
  });

  it('needs only the name of a bridge to block on a switch', () => {
    const { flowtap } = readConfig(
      '/etc/flowtap/flowtap.yaml',
      `${SMALL}flowtap: { driver: ovs, bridge: br0 }`,
    );
    expect(flowtap).toEqual({
      kind: 'ovs',
      bridge: 'br0',
      folder: '/var/run/openvswitch',
      owner: 'engine',
      zeeks: null,
      contracts: [],
    });
    const memory = readConfig('/etc/flowtap/flowtap.yaml', `${SMALL}flowtap: { driver: memory }`);
    expect(memory.flowtap).toEqual({ kind: 'memory' });
  });

  it('may be JSON', () => {
    const json = JSON.stringify(
      { policies: ['shop.ts'], zeeks: [{ name: 'a', url: 'ws://127.0.0.1:27759' }] },
      null,
      '\t',
    );
    const { file: _a, ...fromJson } = readConfig('/etc/flowtap/flowtap.json', json);
    const { file: _b, ...fromYaml } = readConfig('/etc/flowtap/flowtap.yaml', SMALL);
    expect(fromJson).toEqual(fromYaml);
  });

  it('may name captures instead of Zeeks, or beside them', () => {
    const only = readConfig(
      '/etc/flowtap/flowtap.yaml',
      'policies: [shop.ts]\ncaptures: [{ name: tap, interface: eth2 }]\n',
    );
    expect(only.zeeks).toEqual([]);
    expect(only.captures).toMatchObject([
      { name: 'tap', interface: 'eth2', program: 'tcpdump', buffer: 67_108_864, filter: null },
    ]);
    expect(only.captures[0]?.on).toEqual(DEFAULT_POSTURES);
    const both = readConfig(
      '/etc/flowtap/flowtap.yaml',
      `${SMALL}captures:\n  - { name: tap, interface: eth2, tcpdump: /opt/tcpdump, buffer: 1MiB, filter: tcp, on: { restarted: note } }\nflowtap: { driver: ovs, bridge: br0, zeeks: [a, tap], contracts: ["FlowTap(web, ids, tcp, forward)"] }\n`,
    );
    expect(both.captures).toMatchObject([
      { program: '/opt/tcpdump', buffer: 1_048_576, filter: 'tcp', on: { restarted: 'note' } },
    ]);
    expect(both.flowtap).toMatchObject({
      zeeks: ['a', 'tap'],
      contracts: ['FlowTap(web, ids, tcp, forward)'],
    });
  });

  const zeek = (lines: string): string => `policies: [a.ts]\nzeeks:\n  - name: a\n${lines}`;
  const with_ = (lines: string): string => `${SMALL}${lines}\n`;

  it.each<[string, string, string, RegExp, RegExp]>([
    ['is empty', '', 'flowtap.yaml', /is empty/, /"policies" and "zeeks"/],
    ['is no YAML', 'policies: [a.ts', 'flowtap.yaml:1:16', /flow/i, /correct it/],
    ['has a key twice', with_('policies: [b.ts]'), 'flowtap.yaml:5:1', /twice/, /correct it/],
    ['is two documents', with_('---\na: 1'), 'flowtap.yaml:5:1', /multiple documents/, /correct it/],
    ['has a tag', with_('log: !secret { level: info }'), 'flowtap.yaml:5:6', /tag/, /correct it/],
    ['has an alias', 'policies: &p [a.ts]\nzeeks: *p', 'flowtap.yaml:2:8', /alias/, /write the value/],
    ['is a list', '- a', 'flowtap.yaml:1:1', /section of keys/, /"policies"/],
    ['has no policies', 'zeeks: []', 'flowtap.yaml:1:1', /"policies" is missing/, /list the policy modules/],
    ['has an empty list', 'policies: []\nzeeks: []', 'flowtap.yaml:1:11', /a list is expected/, /- .../],
    ['has a misspelt key', with_('helth: {}'), 'flowtap.yaml:5:1', /no key "helth"/, /did you mean "health"/],
    [
      'has a strange key',
      with_('replicas: 1'),
      'flowtap.yaml:5:1',
      /no key "replicas"/,
      /the keys are "policies"/,
    ],
    [
      'has a misspelt key in a Zeek',
      zeek('    ulr: ws://127.0.0.1:1'),
      'flowtap.yaml:4:5',
      /no key "ulr" in zeeks\[0\]/,
      /did you mean "url"/,
    ],
    ['has a Zeek nowhere', zeek('    on: {}'), 'flowtap.yaml:3:5', /neither "url" nor/, /give "url"/],
    [
      'has a Zeek at two places',
      zeek('    url: ws://127.0.0.1:1\n    interface: eth0'),
      'flowtap.yaml:3:5',
      /both given/,
      /give "url"/,
    ],
    [
      'has no driver',
      with_('flowtap: { bridge: br0 }'),
      'flowtap.yaml:5:10',
      /"driver" is missing/,
      /or ovs/,
    ],
    [
      'has a strange driver',
      with_('flowtap: { driver: ovz }'),
      'flowtap.yaml:5:20',
      /"ovz" is none/,
      /mean ovs/,
    ],
    [
      'has no bridge',
      with_('flowtap: { driver: ovs }'),
      'flowtap.yaml:5:10',
      /"bridge" is missing/,
      /list-br/,
    ],
    [
      'has a bridge for the memory',
      with_('flowtap: { driver: memory, bridge: br0 }'),
      'flowtap.yaml:5:36',
      /for a switch/,
      /driver: ovs/,
    ],
    [
      'has a bridge that leads elsewhere',
      with_('flowtap: { driver: ovs, bridge: ../br0 }'),
      'flowtap.yaml:5:33',
      /no name of a bridge/,
      /list-br/,
    ],
    [
      'has the operators as owner',
      with_('flowtap: { driver: ovs, bridge: br0, owner: operator }'),
      'flowtap.yaml:5:45',
      /commands tap, drop and release/,
      /another/,
    ],
    [
      'has an owner with spaces',
      with_('flowtap: { driver: ovs, bridge: br0, owner: "a b" }'),
      'flowtap.yaml:5:45',
      /no name/,
      /lower-case/,
    ],
    [
      'has a Zeek of the bridge that is not there',
      with_('flowtap: { driver: ovs, bridge: br0, zeeks: [b] }'),
      'flowtap.yaml:5:46',
      /"b" is none of a/,
      /write a|mean a/,
    ],
    [
      'packs fewer than none',
      with_('chains: { unpacked: -1 }'),
      'flowtap.yaml:5:21',
      /"-1" is no whole number from 0/,
      /write such a number/,
    ],
    ['has no address', zeek('    url: 127.0.0.1:1'), 'flowtap.yaml:4:10', /no address/, /ws:\/\//],
    ['has another path', zeek('    url: ws://127.0.0.1:1/x'), 'flowtap.yaml:4:10', /no address/, /ws:\/\//],
    [
      'has a secret in the address',
      zeek('    url: ws://u:p@127.0.0.1:1'),
      'flowtap.yaml:4:10',
      /host and a port/,
      /ws:/,
    ],
    [
      'has certificates without TLS',
      zeek('    url: ws://127.0.0.1:1\n    tls: { ca: a }'),
      'flowtap.yaml:4:10',
      /wss:/,
      /write wss/,
    ],
    [
      'has half a certificate',
      zeek('    url: wss://127.0.0.1:1\n    tls: { cert: a }'),
      'flowtap.yaml:5:10',
      /go together/,
      /both or none/,
    ],
    [
      'has an option for an interface',
      zeek('    interface: "-x"'),
      'flowtap.yaml:4:16',
      /no interface/,
      /ip link/,
    ],
    [
      'has a program for a Zeek that runs',
      zeek('    url: ws://127.0.0.1:1\n    zeek: /bin/zeek'),
      'flowtap.yaml:5:11',
      /does not go with "url"/,
      /remove/,
    ],
    [
      'has a name with blanks',
      SMALL.replace('name: a', 'name: a b'),
      'flowtap.yaml:3:11',
      /no name/,
      /lower-case/,
    ],
    [
      'has a name twice',
      with_('  - { name: a, url: "ws://127.0.0.1:2" }'),
      'flowtap.yaml:5:13',
      /another (?:Zeek|source) has the same/,
      /its own/,
    ],
    [
      'has a capture with the name of a Zeek',
      with_('captures: [{ name: a, interface: eth2 }]'),
      'flowtap.yaml:5:20',
      /another source has the same/,
      /its own/,
    ],
    [
      'has a capture of no interface',
      with_('captures: [{ name: b, interface: -w }]'),
      'flowtap.yaml:5:34',
      /no interface/,
      /ip link/,
    ],
    [
      'has a capture with the posture of a queue',
      with_('captures: [{ name: b, interface: eth2, on: { slow: drop } }]'),
      'flowtap.yaml:5:46',
      /no key "slow"/,
      /"gone", "restarted"/,
    ],
    [
      'has an address twice',
      with_('  - { name: b, url: "ws://127.0.0.1:27759" }'),
      'flowtap.yaml:5:21',
      /another (?:Zeek|source) has the same/,
      /its own/,
    ],
    [
      'has a strange posture',
      with_('on: { slow: stop }'),
      'flowtap.yaml:5:13',
      /none of pause/,
      /did you mean drop|write pause/,
    ],
    [
      'has a misspelt posture',
      with_('on: { skipped: unsen }'),
      'flowtap.yaml:5:16',
      /none of/,
      /did you mean unseen/,
    ],
    [
      'waits before it pauses',
      with_('on: { slow: { do: pause, after: 1s } }'),
      'flowtap.yaml:5:13',
      /"after" does not go with pause/,
      /write drop/,
    ],
    ['has a bare number for a time', with_('time: { wait: 5 }'), 'flowtap.yaml:5:15', /no duration/, /250ms/],
    ['has a time of nothing', with_('time: { wait: 0ms }'), 'flowtap.yaml:5:15', /no duration/, /250ms/],
    ['has no size', with_('limits: { body: 1MB }'), 'flowtap.yaml:5:17', /no size/, /1MiB/],
    [
      'has a limit of zero',
      with_('limits: { rows: 0 }'),
      'flowtap.yaml:5:17',
      /no whole number/,
      /such a number/,
    ],
    [
      'has a number for a path',
      with_('audit: { file: 5 }'),
      'flowtap.yaml:5:16',
      /text is expected/,
      /quotes/,
    ],
    [
      'has a word for a truth value',
      with_('audit: { passes: no }'),
      'flowtap.yaml:5:18',
      /no truth value/,
      /true or false/,
    ],
    ['has an empty value', with_('log:'), 'flowtap.yaml:5:5', /section of keys/, /"file"/],
    [
      'logs into the audit',
      with_('log: { file: stdout }'),
      'flowtap.yaml:5:14',
      /share one output/,
      /its own/,
    ],
    [
      'holds and says that it does not',
      `${SMALL}containment: forward\ngate: { doors: [{ listen: "127.0.0.1:1", to: "10.1.0.1:1" }] }`,
      'flowtap.yaml:5:14',
      /a gate holds/,
      /redirect/,
    ],
    [
      'has a gate without a way in',
      `${SMALL}gate: { name: g }`,
      'flowtap.yaml:5:7',
      /neither "doors" nor "transparent"/,
      /give "doors"/,
    ],
    [
      'has a gate with the name of a Zeek',
      `${SMALL}gate: { name: a, doors: [{ listen: "127.0.0.1:1", to: "10.1.0.1:1" }] }`,
      'flowtap.yaml:5:15',
      /same name/,
      /its own/,
    ],
    [
      'has a door that leads nowhere',
      `${SMALL}gate: { doors: [{ listen: "127.0.0.1:1", to: "there:80" }] }`,
      'flowtap.yaml:5:46',
      /no address and port/,
      /10\.1\.0\.11:8080/,
    ],
    [
      'names no interface where frames come in',
      `${SMALL}gate: { transparent: { interface: "eth0; reboot" } }`,
      'flowtap.yaml:5:35',
      /is no interface/,
      /ip link/,
    ],
    [
      'holds what nothing can hold',
      with_('containment: redirect'),
      'flowtap.yaml:5:14',
      /nothing can be held/,
      /forward/,
    ],
    [
      'listens to everybody',
      with_('health: { listen: "0.0.0.0:1" }'),
      'flowtap.yaml:5:19',
      /not on loopback/,
      /127/,
    ],
    [
      'listens to a name',
      with_('health: { listen: "here:1" }'),
      'flowtap.yaml:5:19',
      /no address and port/,
      /127/,
    ],
    ['listens nowhere', with_('health: {}'), 'flowtap.yaml:5:9', /"listen" is missing/, /127/],
  ])('that %s is refused with its place', (_what, text, at, problem, remedy) => {
    const found = wrong(text);
    expect(found.at).toBe(at);
    expect(found.problem).toMatch(problem);
    expect(found.remedy).toMatch(remedy);
    expect(`${found.problem}${found.remedy}`).not.toContain('\n');
  });

  it('is read or refused with a place, whatever it is, and nothing else happens', () => {
    const anything = fc.oneof(
      fc.string(),
      fc.string({ unit: fc.constantFrom(...'{}[]:,-?&*!|>%@`"\'# \n\tapoliczeks1') }),
      fc.json(),
      fc
        .tuple(fc.constantFrom('zeeks', 'on', 'limits', 'time', 'audit', 'log', 'health'), fc.json())
        .map(([key, value]) => `policies: [a.ts]\n${key}: ${value}\n`),
      fc.nat({ max: FULL.length }).chain((at) => fc.string().map((text) => `${FULL.slice(0, at)}${text}`)),
    );
    fc.assert(
      fc.property(anything, (text) => {
        try {
          readConfig('flowtap.yaml', text);
        } catch (error) {
          expect(error).toBeInstanceOf(InputError);
          expect((error as InputError).place?.file).toBe('flowtap.yaml');
        }
      }),
      { numRuns: 2000 },
    );
  });
});
