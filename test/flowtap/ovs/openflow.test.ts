// OpenFlow without a switch. Enters: random messages, cut and broken bytes, conversations; leaves: round trips, and no throw.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { FlowAction } from '../../../src/flowtap/ovs/openflow/actions.ts';
import { decodeMessage } from '../../../src/flowtap/ovs/openflow/decode.ts';
import { encodeMessage } from '../../../src/flowtap/ovs/openflow/encode.ts';
import { Framer } from '../../../src/flowtap/ovs/openflow/framer.ts';
import { isWritable, matchKey, type WireMatch } from '../../../src/flowtap/ovs/openflow/match.ts';
import {
  type Body,
  BUNDLE_STEPS,
  type FlowEntry,
  type FlowMod,
  type FlowUpdate,
  type OpenFlowMessage,
} from '../../../src/flowtap/ovs/openflow/message.ts';
import { GONE_AFTER, OpenFlowSession, PROBE_AFTER } from '../../../src/flowtap/ovs/openflow/session.ts';
import { cellsOf } from '../../../src/flowtap/syntax/space.ts';
import { parseFlowSyntax } from '../../../src/flowtap/syntax/syntax.ts';
import { flowSyntaxes } from '../../support/syntaxes.ts';

const u16 = fc.integer({ min: 0, max: 0xffff });
const u32 = fc.integer({ min: 0, max: 0xffffffff });
const u64 = fc.bigInt({ min: 0n, max: (1n << 64n) - 1n });
const table = fc.integer({ min: 0, max: 254 });
/** As OVSDB numbers them: few, and some with a meaning of their own. */
const port = fc.oneof(fc.integer({ min: 1, max: 0xfeff }), fc.constantFrom(0xfff8, 0xfffa, 0xfffe));
const data = fc.uint8Array({ maxLength: 64 }).map((bytes) => Buffer.from(bytes));

const matches: fc.Arbitrary<WireMatch> = fc
  .tuple(flowSyntaxes, fc.option(port))
  .map(([syntax, inPort]) => {
    const cells = cellsOf(syntax) ?? new Map();
    cells.delete('table');
    return { inPort, cells };
  })
  // What the wire says in fewer words comes back in these.
  .filter(
    ({ cells }) => matchKey({ inPort: null, cells }) === matchKey({ inPort: null, cells: new Map(cells) }),
  );

const actions: fc.Arbitrary<readonly FlowAction[]> = fc.array(
  fc.oneof(
    fc.record({ kind: fc.constant('output' as const), port }),
    fc.record({ kind: fc.constant('resubmit' as const), table }),
    fc.record({ kind: fc.constant('enter-at' as const), port: u16 }),
    fc.record({
      kind: fc.constant('load' as const),
      register: fc.integer({ min: 0, max: 15 }),
      offset: fc.integer({ min: 0, max: 31 }),
      bits: fc.integer({ min: 1, max: 32 }),
      value: fc.bigInt({ min: 0n, max: 0xffffffffn }),
    }),
  ),
  { maxLength: 5 },
);

const mods: fc.Arbitrary<FlowMod> = fc.record({
  command: fc.constantFrom('add' as const, 'delete' as const, 'delete-strict' as const),
  table,
  priority: u16,
  cookie: u64,
  cookieMask: u64,
  hardTimeout: u16,
  notify: fc.boolean(),
  match: matches,
  actions,
});

const entries: fc.Arbitrary<FlowEntry> = fc.record({
  table,
  priority: u16,
  cookie: u64,
  hardTimeout: u16,
  seconds: u32,
  packets: u64,
  bytes: u64,
  match: matches,
  actions,
});

const reasons = fc.constantFrom('idle' as const, 'hard' as const, 'delete' as const, 'other' as const);
const updates: fc.Arbitrary<FlowUpdate> = fc.oneof(
  fc.record({ kind: fc.constant('abbreviated' as const), xid: u32 }),
  fc.constantFrom({ kind: 'paused' as const }, { kind: 'resumed' as const }),
  fc.record({
    kind: fc.constantFrom('initial' as const, 'added' as const, 'removed' as const, 'modified' as const),
    table,
    priority: u16,
    cookie: u64,
    reason: reasons,
  }),
);

const bodies: fc.Arbitrary<Body> = fc.oneof(
  fc.record({ kind: fc.constant('hello' as const), versions: fc.constantFrom([5], [1, 4, 5]) }),
  fc.record({ kind: fc.constant('error' as const), type: u16, code: u16, data }),
  fc.record({ kind: fc.constantFrom('echo-request' as const, 'echo-reply' as const), data }),
  fc.constantFrom<Body>(
    { kind: 'features-request' },
    { kind: 'barrier-request' },
    { kind: 'barrier-reply' },
    { kind: 'set-async' },
  ),
  fc.record({ kind: fc.constant('features-reply' as const), datapath: u64, tables: table }),
  fc.record({ kind: fc.constant('flow-mod' as const), mod: mods }),
  fc.record({
    kind: fc.constant('flow-removed' as const),
    flow: entries.map(({ actions: _actions, ...flow }) => flow),
    reason: reasons,
  }),
  fc.record({
    kind: fc.constant('port-status' as const),
    reason: fc.constantFrom('add' as const, 'delete' as const, 'modify' as const),
    port: fc.record({ number: u32, name: fc.constantFrom('eth0', 'a', 'sixteen-letters!') }),
  }),
  fc.record({ kind: fc.constant('bundle' as const), bundle: u32, step: fc.constantFrom(...BUNDLE_STEPS) }),
  fc.record({ kind: fc.constant('bundle-add' as const), bundle: u32, mod: mods }),
  fc.record({ kind: fc.constant('flows-request' as const), table, cookie: u64, cookieMask: u64 }),
  fc.record({
    kind: fc.constant('flows-reply' as const),
    flows: fc.array(entries, { maxLength: 4 }),
    more: fc.boolean(),
  }),
  fc.record({ kind: fc.constant('watch-request' as const), monitor: u32, table }),
  fc.record({
    kind: fc.constant('updates' as const),
    updates: fc.array(updates, { maxLength: 4 }),
    more: fc.boolean(),
  }),
);

const messages = fc.tuple(bodies, u32).map(([body, xid]) => ({ ...body, xid }) as OpenFlowMessage);

/** Matches as keys: the wire has fewer words for some of them. */
function comparable(value: unknown): unknown {
  return JSON.parse(
    JSON.stringify(value, (_key, each: unknown) => {
      if (typeof each === 'bigint') return each.toString();
      if (typeof each === 'object' && each !== null && 'cells' in each) return matchKey(each as WireMatch);
      return each;
    }),
  );
}

describe('a message', () => {
  it('that is written and read is the same', () => {
    fc.assert(
      fc.property(messages, (message) => {
        expect(comparable(decodeMessage(encodeMessage(message)))).toEqual(comparable(message));
      }),
      { numRuns: 1500 },
    );
  });

  it('that is cut, changed or made up is malformed, and nothing worse', () => {
    const change = fc.record({ at: fc.nat({ max: 300 }), byte: fc.nat({ max: 255 }) });
    fc.assert(
      fc.property(
        messages,
        fc.array(change, { maxLength: 6 }),
        fc.nat({ max: 20 }),
        (message, changes, less) => {
          const bytes = Buffer.from(encodeMessage(message));
          for (const { at, byte } of changes) if (at < bytes.length) bytes[at] = byte;
          const cut = bytes.subarray(0, Math.max(0, bytes.length - less));
          expect(() => decodeMessage(cut)).not.toThrow();
        },
      ),
      { numRuns: 3000 },
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        expect(() => decodeMessage(bytes)).not.toThrow();
      }),
    );
  });

  it('comes out of a stream whole, however that is cut', () => {
    fc.assert(
      fc.property(
        fc.array(messages, { maxLength: 5 }),
        fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1 }),
        (sent, sizes) => {
          const stream = Buffer.concat(sent.map(encodeMessage));
          const framer = new Framer();
          const frames: Buffer[] = [];
          for (let at = 0, i = 0; at < stream.length; i++) {
            const size = sizes[i % sizes.length] ?? 1;
            frames.push(...(framer.push(stream.subarray(at, at + size)) ?? []));
            at += size;
          }
          expect(Buffer.concat(frames).equals(stream)).toBe(true);
          expect(frames).toHaveLength(sent.length);
        },
      ),
      { numRuns: 200 },
    );
  });

  it('shorter than its header ends a stream', () => {
    expect(new Framer().push(Buffer.from([5, 0, 0, 7, 0, 0, 0, 0]))).toBeNull();
  });
});

describe('a match', () => {
  it('has a form on the wire for every flow syntax', () => {
    fc.assert(
      fc.property(matches, (match) => {
        expect(isWritable(match)).toBe(true);
      }),
      { numRuns: 1000 },
    );
  });

  it('has none without its prerequisites', () => {
    expect(isWritable({ inPort: null, cells: new Map([['tp_dst', { value: 80n, mask: 0xffffn }]]) })).toBe(
      false,
    );
  });

  it('is on the wire as Open vSwitch wants it', () => {
    const cells = cellsOf(parseFlowSyntax('tcp,nw_src=10.0.0.0/8,tp_dst=80')) ?? new Map();
    const mod = { kind: 'flow-mod', xid: 0, mod: { ...MOD, match: { inPort: 3, cells } } } as const;
    const hex = encodeMessage(mod).toString('hex');
    // In port, EtherType, protocol, masked source, port: class, field, mask bit, length, value (section 7.2.3.2).
    for (const field of [
      '8000000400000003',
      '80000a020800',
      '8000140106',
      '800017080a000000ff000000',
      '80001c020050',
    ])
      expect(hex).toContain(field);
  });
});

const MOD: FlowMod = {
  command: 'add',
  table: 200,
  priority: 1,
  cookie: 1n,
  cookieMask: 0n,
  hardTimeout: 0,
  notify: false,
  match: { inPort: null, cells: new Map() },
  actions: [],
};

/** What a session sent, as messages. */
function sent(session: OpenFlowSession): readonly OpenFlowMessage[] {
  return session.takeOutput().map((bytes) => decodeMessage(bytes) as OpenFlowMessage);
}

function say(session: OpenFlowSession, body: Body, xid = 0) {
  return session.receive(encodeMessage({ ...body, xid } as OpenFlowMessage), 0);
}

function ready(): OpenFlowSession {
  const session = new OpenFlowSession(0);
  say(session, { kind: 'hello', versions: [4, 5] });
  say(session, { kind: 'features-reply', datapath: 1n, tables: 254 });
  session.takeOutput();
  return session;
}

describe('a session', () => {
  it('greets, asks for features, then asks for the news that it wants', () => {
    const session = new OpenFlowSession(0);
    expect(sent(session).map(({ kind }) => kind)).toEqual(['hello']);
    say(session, { kind: 'hello', versions: [4, 5] });
    expect(sent(session).map(({ kind }) => kind)).toEqual(['features-request']);
    expect(say(session, { kind: 'features-reply', datapath: 9n, tables: 254 })).toEqual([
      { kind: 'ready', datapath: 9n, tables: 254 },
    ]);
    expect(sent(session).map(({ kind }) => kind)).toEqual(['set-async']);
  });

  it('commits a bundle only when no change of it was refused', () => {
    const session = ready();
    const id = session.bundle([MOD, { ...MOD, priority: 2 }]);
    const first = sent(session);
    expect(first.map(({ kind }) => kind)).toEqual(['bundle', 'bundle-add', 'bundle-add', 'barrier-request']);
    say(session, { kind: 'error', type: 5, code: 3, data: Buffer.alloc(0) }, first[2]?.xid);
    expect(say(session, { kind: 'barrier-reply' }, first[3]?.xid)).toEqual([
      { kind: 'bundle', id, failure: { mod: 1, why: 'flow-mod failed 5/3' } },
    ]);
    expect(sent(session)).toMatchObject([{ kind: 'bundle', step: 'discard' }]);
  });

  it('says which change a failed commit names', () => {
    const session = ready();
    const id = session.bundle([MOD, { ...MOD, priority: 2 }]);
    const [, one, , barrier] = sent(session);
    say(session, { kind: 'barrier-reply' }, barrier?.xid);
    const [commit] = sent(session);
    expect(say(session, { kind: 'error', type: 5, code: 1, data: Buffer.alloc(0) }, one?.xid)).toEqual([]);
    expect(say(session, { kind: 'error', type: 17, code: 13, data: Buffer.alloc(0) }, commit?.xid)).toEqual([
      { kind: 'bundle', id, failure: { mod: 0, why: 'flow-mod failed 5/1' } },
    ]);
  });

  it('sends the next bundle when the one before it is answered', () => {
    const session = ready();
    session.bundle([MOD]);
    session.bundle([{ ...MOD, priority: 2 }]);
    const first = sent(session);
    expect(first).toHaveLength(3);
    say(session, { kind: 'barrier-reply' }, first[2]?.xid);
    sent(session);
    say(session, { kind: 'bundle', bundle: 0, step: 'committed' });
    expect(sent(session).map(({ kind }) => kind)).toEqual(['bundle', 'bundle-add', 'barrier-request']);
  });

  it('answers an echo, sends one into silence, and gives a silent switch up', () => {
    const session = ready();
    say(session, { kind: 'echo-request', data: Buffer.from('x') }, 77);
    expect(sent(session)).toEqual([{ kind: 'echo-reply', data: Buffer.from('x'), xid: 77 }]);
    expect(session.tick(PROBE_AFTER - 1)).toEqual([]);
    expect(sent(session)).toEqual([]);
    session.tick(PROBE_AFTER);
    session.tick(PROBE_AFTER + 1);
    expect(sent(session)).toMatchObject([{ kind: 'echo-request' }]);
    expect(session.tick(GONE_AFTER)).toMatchObject([{ kind: 'closed' }]);
    expect(session.tick(GONE_AFTER + 1)).toEqual([]);
  });

  it('takes any bytes in any state, and ends by itself at the latest then', () => {
    const step = fc.oneof(
      fc.uint8Array({ maxLength: 80 }),
      messages.map((message) => new Uint8Array(encodeMessage(message))),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 12 }), fc.boolean(), (chunks, isReady) => {
        const session = isReady ? ready() : new OpenFlowSession(0);
        if (isReady) {
          session.bundle([MOD]);
          session.list(200, 0n, 0n);
        }
        let closed = 0;
        for (const chunk of chunks)
          for (const { kind } of session.receive(chunk, 0)) if (kind === 'closed') closed++;
        expect(closed).toBeLessThanOrEqual(1);
      }),
      { numRuns: 1000 },
    );
  });
});
