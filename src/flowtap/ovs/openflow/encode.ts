// OpenFlow 1.4 messages to bytes. Enters: messages; leaves: one buffer each.
import { assertNever } from '../../../errors.ts';
import { encodeInstructions } from './actions.ts';
import { ByteWriter } from './bytes.ts';
import { writeMatch } from './match.ts';
import {
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

const ANY = 0xffffffff;
/** OFPFF_SEND_FLOW_REM. */
const NOTIFY = 1;
/** OFPBF_ATOMIC | OFPBF_ORDERED. */
const ATOMIC_ORDERED = 3;
/** OFPFMF_INITIAL | ADD | REMOVED | MODIFY. */
const WATCH_CHANGES = 0x0e;
const LONGEST = 0xffff;

/** @throws RangeError for a message that has no form on the wire, or is longer than 65535 bytes */
export function encodeMessage(message: OpenFlowMessage): Buffer {
  const writer = new ByteWriter();
  const type = writeBody(writer.u8(VERSION).u8(0).u16(0).u32(message.xid), message);
  if (writer.length > LONGEST) throw new RangeError(`an OpenFlow message of ${writer.length} bytes`);
  const bytes = writer.patch16(2, writer.length).finish();
  bytes[1] = type;
  return bytes;
}

function writeBody(writer: ByteWriter, message: OpenFlowMessage): number {
  switch (message.kind) {
    case 'hello':
      writeVersions(writer, message.versions);
      return TYPE.hello;
    case 'error':
      writer.u16(message.type).u16(message.code).bytes(message.data);
      return TYPE.error;
    case 'echo-request':
      writer.bytes(message.data);
      return TYPE.echoRequest;
    case 'echo-reply':
      writer.bytes(message.data);
      return TYPE.echoReply;
    case 'features-request':
      return TYPE.featuresRequest;
    case 'features-reply':
      writer.u64(message.datapath).u32(0).u8(message.tables).u8(0).zeros(2).u32(0).u32(0);
      return TYPE.featuresReply;
    case 'barrier-request':
      return TYPE.barrierRequest;
    case 'barrier-reply':
      return TYPE.barrierReply;
    case 'flow-mod':
      writeFlowMod(writer, message.mod);
      return TYPE.flowMod;
    case 'flow-removed':
      writeRemoved(writer, message.flow, message.reason);
      return TYPE.flowRemoved;
    case 'port-status':
      writer.u8(PORT_REASONS.indexOf(message.reason)).zeros(7).u32(message.port.number).u16(40).zeros(2);
      writer
        .zeros(8)
        .bytes(Buffer.from(message.port.name.padEnd(16, '\0').slice(0, 16), 'latin1'))
        .zeros(8);
      return TYPE.portStatus;
    case 'set-async':
      // Per message: for a slave, for a master; packet-in 0 and 1, port-status 2 and 3, flow-removed 4 and 5.
      for (const [property, mask] of [0, 0, 0, 7, 0, 0x3f].entries()) writer.u16(property).u16(8).u32(mask);
      return TYPE.setAsync;
    case 'bundle':
      writer.u32(message.bundle).u16(BUNDLE_STEPS.indexOf(message.step)).u16(ATOMIC_ORDERED);
      return TYPE.bundle;
    case 'bundle-add': {
      const { bundle, mod, xid } = message;
      writer
        .u32(bundle)
        .zeros(2)
        .u16(ATOMIC_ORDERED)
        .bytes(encodeMessage({ kind: 'flow-mod', xid, mod }));
      return TYPE.bundleAdd;
    }
    case 'flows-request':
      writer.u16(MULTIPART.flow).u16(0).zeros(4);
      writer
        .u8(message.table)
        .zeros(3)
        .u32(ANY)
        .u32(ANY)
        .zeros(4)
        .u64(message.cookie)
        .u64(message.cookieMask);
      writeMatch(writer, { inPort: null, cells: new Map() });
      return TYPE.multipartRequest;
    case 'flows-reply':
      writer
        .u16(MULTIPART.flow)
        .u16(message.more ? 1 : 0)
        .zeros(4);
      for (const flow of message.flows) writeFlow(writer, flow);
      return TYPE.multipartReply;
    case 'watch-request':
      writer.u16(MULTIPART.flowMonitor).u16(0).zeros(4);
      writer.u32(message.monitor).u32(ANY).u32(ANY).u16(WATCH_CHANGES).u8(message.table).u8(0);
      writeMatch(writer, { inPort: null, cells: new Map() });
      return TYPE.multipartRequest;
    case 'updates':
      writer
        .u16(MULTIPART.flowMonitor)
        .u16(message.more ? 1 : 0)
        .zeros(4);
      for (const update of message.updates) writeUpdate(writer, update);
      return TYPE.multipartReply;
    case 'other':
      return message.type;
    default:
      return assertNever(message);
  }
}

function writeVersions(writer: ByteWriter, versions: readonly number[]): void {
  // A bitmap element (section 7.5.1); its length has no padding in it.
  const bitmap = versions.reduce((bits, version) => bits | (1 << version), 0);
  writer.u16(1).u16(8).u32(bitmap);
}

function writeFlowMod(writer: ByteWriter, mod: FlowMod): void {
  writer
    .u64(mod.cookie)
    .u64(mod.cookieMask)
    .u8(mod.table)
    .u8(COMMANDS[mod.command])
    .u16(0)
    .u16(mod.hardTimeout);
  writer
    .u16(mod.priority)
    .u32(ANY)
    .u32(ANY)
    .u32(ANY)
    .u16(mod.notify ? NOTIFY : 0)
    .u16(0);
  writeMatch(writer, mod.match);
  writer.bytes(encodeInstructions(mod.actions));
}

function reasonNumber(reason: RemovalReason): number {
  const found = REASONS.indexOf(reason);
  return found < 0 ? 5 : found;
}

function writeRemoved(writer: ByteWriter, flow: Omit<FlowEntry, 'actions'>, reason: RemovalReason): void {
  writer.u64(flow.cookie).u16(flow.priority).u8(reasonNumber(reason)).u8(flow.table).u32(flow.seconds).u32(0);
  writer.u16(0).u16(flow.hardTimeout).u64(flow.packets).u64(flow.bytes);
  writeMatch(writer, flow.match ?? { inPort: null, cells: new Map() });
}

function writeFlow(writer: ByteWriter, flow: FlowEntry): void {
  const start = writer.length;
  writer.u16(0).u8(flow.table).u8(0).u32(flow.seconds).u32(0).u16(flow.priority).u16(0).u16(flow.hardTimeout);
  writer.u16(0).u16(0).zeros(2).u64(flow.cookie).u64(flow.packets).u64(flow.bytes);
  writeMatch(writer, flow.match ?? { inPort: null, cells: new Map() });
  writer.bytes(encodeInstructions(flow.actions ?? [])).patch16(start, writer.length - start);
}

const EVENTS = {
  initial: 0,
  added: 1,
  removed: 2,
  modified: 3,
  abbreviated: 4,
  paused: 5,
  resumed: 6,
} as const;

function writeUpdate(writer: ByteWriter, update: FlowUpdate): void {
  const start = writer.length;
  writer.u16(0).u16(EVENTS[update.kind]);
  switch (update.kind) {
    case 'abbreviated':
      writer.u32(update.xid);
      break;
    case 'paused':
    case 'resumed':
      writer.zeros(4);
      break;
    default:
      writer.u8(update.table).u8(reasonNumber(update.reason)).u16(0).u16(0).u16(update.priority).zeros(4);
      writer.u64(update.cookie);
      writeMatch(writer, { inPort: null, cells: new Map() });
  }
  writer.patch16(start, writer.length - start);
}
