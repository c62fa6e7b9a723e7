// What a switch does with a frame, by the flows that we give it. Enters: flows, frames; leaves: the ports that it goes out of.
import type { WantedFlow } from '../../src/flowtap/ovs/compile.ts';
import type { FieldName } from '../../src/flowtap/syntax/fields.ts';
import type { Frame } from './frames.ts';

/** Where the bridge's own forwarding takes over, with the port that it thinks the frame came in at. */
export interface Outcome {
  readonly out: readonly number[];
  readonly normal: readonly number[];
}

type Bits = Map<FieldName, bigint>;

/** More look-ups than this are a loop (ovs-actions(7): 4096). */
const MOST_LOOKUPS = 200;

/** Looks a frame up as Open vSwitch does: highest priority first, resubmits return, registers stay. */
export function process(flows: readonly WantedFlow[], frame: Frame, inPort: number): Outcome {
  const bits = bitsOf(frame);
  const out: number[] = [];
  const normal: number[] = [];
  const tables = new Map<number, WantedFlow[]>();
  for (const flow of flows) tables.set(flow.table, [...(tables.get(flow.table) ?? []), flow]);
  for (const table of tables.values()) table.sort((a, b) => b.priority - a.priority);
  let port = inPort;
  let lookups = 0;
  const look = (number: number): void => {
    if (++lookups > MOST_LOOKUPS) throw new Error('the flows make a loop');
    const found = tables.get(number)?.find(({ match }) => {
      if (match.inPort !== null && match.inPort !== port) return false;
      return [...match.cells].every(([cell, { value, mask }]) => ((bits.get(cell) ?? 0n) & mask) === value);
    });
    // Whatever else is in table 0 stands for the bridge's own forwarding.
    if (found === undefined && number === 0) normal.push(port);
    for (const action of found?.actions ?? []) {
      switch (action.kind) {
        case 'output':
          out.push(action.port);
          break;
        case 'resubmit':
          look(action.table);
          break;
        case 'enter-at':
          port = action.port;
          break;
        case 'load': {
          const register: FieldName = `reg${action.register as 14}`;
          const mask = ((1n << BigInt(action.bits)) - 1n) << BigInt(action.offset);
          bits.set(register, ((bits.get(register) ?? 0n) & ~mask) | (action.value << BigInt(action.offset)));
        }
      }
    }
  };
  look(0);
  return { out, normal };
}

function bitsOf(frame: Frame): Bits {
  const { mac, vlan, type, address, protocol, tos, ttl, fragment, transport } = frame;
  const bits: Bits = new Map();
  const set = (cell: FieldName, value: number | bigint): void => void bits.set(cell, BigInt(value));
  set('dl_src', mac.src);
  set('dl_dst', mac.dst);
  set('vlan_tci', vlan === null ? 0 : 0x1000 | vlan.id | (vlan.priority << 13));
  set('dl_type', type);
  for (const end of ['src', 'dst'] as const) {
    set(`nw_${end}`, 0x0a000000 + address[end]);
    set(`ipv6_${end}`, (0xfd00n << 112n) | BigInt(address[end]));
    set(`tp_${end}`, transport[end]);
  }
  set('nw_proto', protocol);
  set('nw_tos', tos);
  set('nw_ttl', ttl);
  set('ip_frag', { no: 0, first: 1, later: 3 }[fragment]);
  return bits;
}
