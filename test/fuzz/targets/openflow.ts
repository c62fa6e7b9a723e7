// What a switch says over OpenFlow. Enters: chunks of a stream; leaves: what it means.
import { decodeMessage } from '../../../src/flowtap/ovs/openflow/decode.ts';
import { encodeMessage } from '../../../src/flowtap/ovs/openflow/encode.ts';
import { Framer } from '../../../src/flowtap/ovs/openflow/framer.ts';
import type { WireMatch } from '../../../src/flowtap/ovs/openflow/match.ts';
import type { Body, FlowEntry, FlowMod, OpenFlowMessage } from '../../../src/flowtap/ovs/openflow/message.ts';
import { OpenFlowSession } from '../../../src/flowtap/ovs/openflow/session.ts';
import type { Input } from '../input.ts';
import { piece } from '../seeds.ts';
import type { Target } from '../target.ts';
import { weigh } from '../weigh.ts';

const MATCH: WireMatch = {
  inPort: 3,
  cells: new Map([
    ['dl_type', { value: 0x800n, mask: 0xffffn }],
    ['nw_src', { value: 0x0a000000n, mask: 0xff000000n }],
  ]),
};
const MOD: FlowMod = {
  command: 'add',
  table: 1,
  priority: 7,
  cookie: 5n,
  cookieMask: 0n,
  hardTimeout: 0,
  notify: true,
  match: MATCH,
  actions: [
    { kind: 'output', port: 3 },
    { kind: 'resubmit', table: 4 },
    { kind: 'load', register: 1, offset: 0, bits: 1, value: 1n },
  ],
};
const FLOW: FlowEntry = {
  table: 1,
  priority: 7,
  cookie: 5n,
  hardTimeout: 0,
  seconds: 1,
  packets: 2n,
  bytes: 3n,
  match: MATCH,
  actions: MOD.actions,
};

/** One conversation: the session asks for what can be answered. */
function talk(input: Input, size: () => number): unknown {
  const session = new OpenFlowSession(0);
  const events: unknown[] = [];
  let asked = false;
  for (const { bytes } of input) {
    for (let at = 0; at < bytes.length; ) {
      const chunk = Uint8Array.from(bytes.subarray(at, at + size()));
      at += chunk.length;
      events.push(...session.receive(chunk, 0));
      chunk.fill(0xee);
      if (!session.ready || asked) continue;
      asked = true;
      session.bundle([MOD, MOD]);
      session.list(1, 0n, 0n);
      session.watch(1);
    }
  }
  const output = Buffer.concat(session.takeOutput());
  return { events, output };
}

export async function load(): Promise<Target> {
  const bodies: readonly (Body & { readonly xid?: number })[] = [
    { kind: 'hello', versions: [5] },
    { kind: 'features-reply', datapath: 1n, tables: 254 },
    { kind: 'echo-request', data: Buffer.from('x') },
    { kind: 'barrier-reply', xid: 7 },
    { kind: 'bundle', bundle: 4, step: 'opened', xid: 4 },
    { kind: 'bundle', bundle: 4, step: 'committed', xid: 8 },
    { kind: 'bundle-add', bundle: 1, mod: MOD },
    { kind: 'flow-mod', mod: MOD },
    { kind: 'error', type: 5, code: 1, data: Buffer.alloc(20) },
    { kind: 'flow-removed', reason: 'hard', flow: FLOW },
    { kind: 'port-status', reason: 'add', port: { number: 3, name: 'eth0' } },
    { kind: 'flows-reply', flows: [FLOW, FLOW], more: false, xid: 5 },
    {
      kind: 'updates',
      updates: [{ kind: 'added', table: 1, priority: 7, reason: 'other', cookie: 5n }, { kind: 'paused' }],
      more: false,
    },
  ];
  const messages = bodies.map((body, xid) => encodeMessage({ xid, ...body } as OpenFlowMessage));
  return {
    name: 'openflow',
    covers: ['flowtap/ovs/openflow/'],
    tags: 1,
    longest: 65_536,
    expansion: 200,
    dictionary: [
      ...messages,
      '\x05\x00\0\x08\0\0\0\0',
      '\0\x04',
      '\0\x10',
      '\xff\xff',
      '\0\x01\x04\x08',
      '\x80\0',
      '\0\x01',
      '\0\0\x23\x20',
    ],
    seeds: [
      messages.map((bytes) => piece(bytes)),
      messages.slice(0, 6).map((bytes) => piece(bytes)),
      ...messages.map((bytes) => [piece(bytes)]),
    ],
    run(input) {
      const cuts = [1, 9, 2, 100];
      let next = input.length;
      const whole = talk(input, () => 1 << 20);
      // What is asked of the switch is asked elsewhere in the stream where the chunks end elsewhere, so that answers may differ.
      talk(input, () => cuts[next++ % cuts.length] ?? 1);
      const messages = new Framer().push(Buffer.concat(input.map(({ bytes }) => bytes))) ?? [];
      return messages.reduce((made, message) => made + weigh(decodeMessage(message)), weigh(whole));
    },
  };
}
