// OpenFlow 1.4 bytes to messages. Enters: one whole message; leaves: it, or what is wrong with it. Never throws.
import { decodeInstructions } from './actions.ts';
import { ByteReader, MalformedBytes } from './bytes.ts';
import { readMatch } from './match.ts';
import {
  type Body,
  BUNDLE_STEPS,
  COMMANDS,
  type FlowEntry,
  type FlowMod,
  type FlowUpdate,
  MULTIPART,
  type OpenFlowMessage,
  PORT_REASONS,
  REASONS,
  type RemovalReason,
  TYPE,
  VERSION,
} from './message.ts';

export type Decoded =
  | OpenFlowMessage
  | { readonly kind: 'malformed'; readonly xid: number; readonly problem: string };

/** Takes exactly one message, as `Framer` cuts them. */
export function decodeMessage(bytes: Uint8Array): Decoded {
  const reader = new ByteReader(bytes);
  let xid = 0;
  try {
    const version = reader.u8();
    const type = reader.u8();
    const length = reader.u16();
    xid = reader.u32();
    if (length !== bytes.length)
      throw new MalformedBytes(`${bytes.length} bytes that call themselves ${length}`);
    // A hello and an error may come in the sender's own version, before one is agreed on.
    if (version !== VERSION && type !== TYPE.hello && type !== TYPE.error)
      throw new MalformedBytes(`version ${version} of OpenFlow`);
    return { ...readBody(type, version, reader), xid };
  } catch (error) {
    if (error instanceof MalformedBytes) return { kind: 'malformed', xid, problem: error.message };
    throw error;
  }
}

function readBody(type: number, version: number, reader: ByteReader): Body {
  switch (type) {
    case TYPE.hello:
      return { kind: 'hello', versions: readVersions(version, reader) };
    case TYPE.error:
      return { kind: 'error', type: reader.u16(), code: reader.u16(), data: copy(reader.bytes(reader.left)) };
    case TYPE.echoRequest:
      return { kind: 'echo-request', data: copy(reader.bytes(reader.left)) };
    case TYPE.echoReply:
      return { kind: 'echo-reply', data: copy(reader.bytes(reader.left)) };
    case TYPE.featuresRequest:
      return { kind: 'features-request' };
    case TYPE.featuresReply: {
      const datapath = reader.u64();
      reader.skip(4);
      return { kind: 'features-reply', datapath, tables: reader.u8() };
    }
    case TYPE.barrierRequest:
      return { kind: 'barrier-request' };
    case TYPE.barrierReply:
      return { kind: 'barrier-reply' };
    case TYPE.flowMod:
      return { kind: 'flow-mod', mod: readFlowMod(reader) };
    case TYPE.flowRemoved:
      return readRemoved(reader);
    case TYPE.portStatus:
      return readPortStatus(reader);
    case TYPE.setAsync:
      return { kind: 'set-async' };
    case TYPE.bundle: {
      const bundle = reader.u32();
      const step = BUNDLE_STEPS[reader.u16()];
      if (step === undefined) throw new MalformedBytes('an unknown step of a bundle');
      return { kind: 'bundle', bundle, step };
    }
    case TYPE.bundleAdd: {
      const bundle = reader.u32();
      reader.skip(4);
      const inner = decodeMessage(reader.bytes(reader.left));
      if (inner.kind !== 'flow-mod') throw new MalformedBytes(`a ${inner.kind} in a bundle`);
      return { kind: 'bundle-add', bundle, mod: inner.mod };
    }
    case TYPE.multipartRequest:
      return readMultipartRequest(reader);
    case TYPE.multipartReply:
      return readMultipartReply(reader);
    default:
      return { kind: 'other', type };
  }
}

/** Without a bitmap, the version of the header stands for all up to it (section 7.5.1). */
function readVersions(version: number, reader: ByteReader): readonly number[] {
  while (reader.left >= 4) {
    const type = reader.u16();
    const length = reader.u16();
    const element = reader.inner(length - 4);
    reader.skip(Math.min(reader.left, (8 - (length % 8)) % 8));
    if (type !== 1 || element.left < 4) continue;
    const bitmap = element.u32();
    return Array.from({ length: 31 }, (_, bit) => bit).filter((bit) => (bitmap & (1 << bit)) !== 0);
  }
  return Array.from({ length: version }, (_, i) => i + 1);
}

function readFlowMod(reader: ByteReader): FlowMod {
  const cookie = reader.u64();
  const cookieMask = reader.u64();
  const table = reader.u8();
  const number = reader.u8();
  reader.skip(2);
  const hardTimeout = reader.u16();
  const priority = reader.u16();
  reader.skip(12);
  const notify = (reader.u16() & 1) !== 0;
  reader.skip(2);
  const command = (Object.keys(COMMANDS) as FlowMod['command'][]).find((key) => COMMANDS[key] === number);
  const match = readMatch(reader);
  const actions = decodeInstructions(reader);
  if (command === undefined || match === null || actions === null)
    throw new MalformedBytes('a flow-mod that is none of ours');
  return { command, table, priority, cookie, cookieMask, hardTimeout, notify, match, actions };
}

function reasonOf(number: number): RemovalReason {
  return REASONS[number] ?? 'other';
}

function readRemoved(reader: ByteReader): Body {
  const cookie = reader.u64();
  const priority = reader.u16();
  const reason = reasonOf(reader.u8());
  const table = reader.u8();
  const seconds = reader.u32();
  reader.skip(6);
  const hardTimeout = reader.u16();
  const packets = reader.u64();
  const bytes = reader.u64();
  const match = readMatch(reader);
  return {
    kind: 'flow-removed',
    reason,
    flow: { table, priority, cookie, hardTimeout, seconds, packets, bytes, match },
  };
}

function readPortStatus(reader: ByteReader): Body {
  const reason = PORT_REASONS[reader.u8()];
  if (reason === undefined) throw new MalformedBytes('a port-status without a reason');
  reader.skip(7);
  const number = reader.u32();
  reader.skip(12);
  const name = reader.bytes(16).toString('latin1').replace(/\0.*$/s, '');
  return { kind: 'port-status', reason, port: { number, name } };
}

function readMultipartRequest(reader: ByteReader): Body {
  const type = reader.u16();
  reader.skip(6);
  if (type === MULTIPART.flow) {
    const table = reader.u8();
    reader.skip(15);
    return { kind: 'flows-request', table, cookie: reader.u64(), cookieMask: reader.u64() };
  }
  if (type !== MULTIPART.flowMonitor) return { kind: 'other', type: TYPE.multipartRequest };
  const monitor = reader.u32();
  reader.skip(10);
  return { kind: 'watch-request', monitor, table: reader.u8() };
}

function readMultipartReply(reader: ByteReader): Body {
  const type = reader.u16();
  const more = (reader.u16() & 1) !== 0;
  reader.skip(4);
  if (type === MULTIPART.flow) {
    const flows: FlowEntry[] = [];
    while (reader.left > 0) flows.push(readFlow(reader));
    return { kind: 'flows-reply', flows, more };
  }
  if (type !== MULTIPART.flowMonitor) return { kind: 'other', type: TYPE.multipartReply };
  const updates: FlowUpdate[] = [];
  while (reader.left > 0) updates.push(readUpdate(reader));
  return { kind: 'updates', updates, more };
}

function readFlow(outer: ByteReader): FlowEntry {
  const reader = outer.inner(outer.u16() - 2);
  const table = reader.u8();
  reader.skip(1);
  const seconds = reader.u32();
  reader.skip(4);
  const priority = reader.u16();
  reader.skip(2);
  const hardTimeout = reader.u16();
  reader.skip(6);
  const cookie = reader.u64();
  const packets = reader.u64();
  const bytes = reader.u64();
  const match = readMatch(reader);
  const actions = decodeInstructions(reader);
  return { table, priority, cookie, hardTimeout, seconds, packets, bytes, match, actions };
}

const EVENTS = ['initial', 'added', 'removed', 'modified', 'abbreviated', 'paused', 'resumed'] as const;

function readUpdate(outer: ByteReader): FlowUpdate {
  const reader = outer.inner(outer.u16() - 2);
  const kind = EVENTS[reader.u16()];
  if (kind === undefined) throw new MalformedBytes('an unknown kind of update');
  if (kind === 'abbreviated') return { kind, xid: reader.u32() };
  if (kind === 'paused' || kind === 'resumed') return { kind };
  const table = reader.u8();
  const reason = reasonOf(reader.u8());
  reader.skip(4);
  const priority = reader.u16();
  reader.skip(4);
  return { kind, table, priority, reason, cookie: reader.u64() };
}

function copy(bytes: Buffer): Buffer {
  return Buffer.from(bytes);
}
