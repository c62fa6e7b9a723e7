// What a flow does with its packets. Enters: actions; leaves: OpenFlow 1.4 instructions, and the reverse.
import { REGISTERS } from '../../syntax/fields.ts';
import { type ByteReader, ByteWriter, MalformedBytes, narrowPort, widePort } from './bytes.ts';

export type FlowAction =
  /** Out of a port, by its number. */
  | { readonly kind: 'output'; readonly port: number }
  /** Looks the packet up in a table, does what is found there, then goes on here (ovs-actions(7)). */
  | { readonly kind: 'resubmit'; readonly table: number }
  /** From here on the packet came in at another port, for the tables and for MAC learning. */
  | { readonly kind: 'enter-at'; readonly port: number }
  /** Sets bits `[offset, offset + bits)` of a register. */
  | {
      readonly kind: 'load';
      readonly register: number;
      readonly offset: number;
      readonly bits: number;
      readonly value: bigint;
    };

const NICIRA = 0x2320;
const APPLY = 4;
const EXPERIMENTER = 0xffff;
const REG_LOAD = 7;
const RESUBMIT_TABLE = 14;
/** OFPP_IN_PORT in 16 bits. */
const SAME_PORT = 0xfff8;
/** NXM_OF_IN_PORT, exact. */
const IN_PORT = 2;
/** Its 16 bits, from the first on. */
const ALL_16 = 15;

/** Instructions that apply the actions in this order; none at all drop. */
export function encodeInstructions(actions: readonly FlowAction[]): Buffer {
  const writer = new ByteWriter(64);
  if (actions.length === 0) return writer.finish();
  writer.u16(APPLY).u16(0).zeros(4);
  for (const action of actions) write(writer, action);
  return writer.patch16(2, writer.length).finish();
}

function write(writer: ByteWriter, action: FlowAction): void {
  switch (action.kind) {
    case 'output':
      writer.u16(0).u16(16).u32(widePort(action.port)).u16(0).zeros(6);
      return;
    case 'resubmit':
      writer.u16(EXPERIMENTER).u16(16).u32(NICIRA).u16(RESUBMIT_TABLE);
      writer.u16(SAME_PORT).u8(action.table).zeros(3);
      return;
    case 'load':
      writer.u16(EXPERIMENTER).u16(24).u32(NICIRA).u16(REG_LOAD);
      writer
        .u16((action.offset << 6) | (action.bits - 1))
        .u32(registerHeader(action.register))
        .u64(action.value);
      return;
    case 'enter-at':
      writer.u16(EXPERIMENTER).u16(24).u32(NICIRA).u16(REG_LOAD).u16(ALL_16).u32(IN_PORT);
      writer.u64(BigInt(action.port));
      return;
  }
}

/** NXM_NX_REGn, exact. */
function registerHeader(register: number): number {
  return (1 << 16) | (register << 9) | 4;
}

/** The actions, or null when there are others than ours. @throws MalformedBytes */
export function decodeInstructions(reader: ByteReader): readonly FlowAction[] | null {
  const actions: FlowAction[] = [];
  let known = true;
  while (reader.left > 0) {
    const type = reader.u16();
    const body = reader.inner(reader.u16() - 4);
    if (type !== APPLY) {
      known = false;
      continue;
    }
    body.skip(4);
    while (body.left > 0) {
      const action = read(body);
      if (action === null) known = false;
      else actions.push(action);
    }
  }
  return known ? actions : null;
}

function read(reader: ByteReader): FlowAction | null {
  const type = reader.u16();
  const length = reader.u16();
  if (length < 8) throw new MalformedBytes(`action of ${length} bytes`);
  const body = reader.inner(length - 4);
  if (type === 0) return { kind: 'output', port: narrowPort(body.u32()) };
  if (type !== EXPERIMENTER || body.u32() !== NICIRA) return null;
  const subtype = body.u16();
  if (subtype === RESUBMIT_TABLE) {
    return body.u16() === SAME_PORT ? { kind: 'resubmit', table: body.u8() } : null;
  }
  if (subtype !== REG_LOAD) return null;
  const range = body.u16();
  const destination = body.u32();
  if (destination === IN_PORT && range === ALL_16) return { kind: 'enter-at', port: Number(body.u64()) };
  const register = (destination - registerHeader(0)) / (1 << 9);
  if (!Number.isInteger(register) || register < 0 || register >= REGISTERS) return null;
  return { kind: 'load', register, offset: range >> 6, bits: (range & 0x3f) + 1, value: body.u64() };
}

/** Equal for two lists of actions that do the same. */
export function actionsKey(actions: readonly FlowAction[]): string {
  return encodeInstructions(actions).toString('hex');
}
