// Contracts and blocks as flows of a switch. Enters: contracts, places, rules; leaves: flows, and why a contract has none yet.
import type { Micros } from '../../flow.ts';
import type { Action, ContractId } from '../contract.ts';
import type { GrantedContract } from '../contracts.ts';
import type { DropRule } from '../driver.ts';
import type { FlowMatch } from '../match.ts';
import { ETHER, type FieldName, ones, PROTOCOL } from '../syntax/fields.ts';
import { cellsOf } from '../syntax/space.ts';
import { type FlowSyntax, reverseOf } from '../syntax/syntax.ts';
import { type Constraint, parseIPv4, parseIPv6, parseMac } from '../syntax/value.ts';
import {
  BASE_COOKIE,
  blockCookie,
  CONTRACT_PRIORITY,
  CUT_PRIORITY,
  contractCookie,
  HOOK_PRIORITY,
  HOOKED,
  type Layout,
  MARK_REGISTER,
  RETURN_PRIORITY,
  RETURNED,
  SEEN_REGISTER,
  TAKEN,
} from './layout.ts';
import type { FlowAction } from './openflow/actions.ts';
import { matchKey, type WireMatch } from './openflow/match.ts';
import type { Places } from './ovsdb/ports.ts';

/** A flow that shall be in the switch. */
export interface WantedFlow {
  readonly table: number;
  readonly priority: number;
  readonly match: WireMatch;
  readonly actions: readonly FlowAction[];
  readonly cookie: bigint;
  /** The switch removes it then by itself; null: never. */
  readonly until: Micros | null;
  /** The switch reports its end, with counts. */
  readonly notify: boolean;
}

/** One slot of a table holds one flow. */
export function slotOf({ table, priority, match }: Pick<WantedFlow, 'table' | 'priority' | 'match'>): string {
  return `${table}/${priority}/${matchKey(match)}`;
}

type Cells = ReadonlyMap<FieldName, Constraint>;

const flag = (bit: number, set: boolean): Constraint => {
  const mask = 1n << BigInt(bit);
  return { value: set ? mask : 0n, mask };
};
const MARKS: FieldName = `reg${MARK_REGISTER}`;
const SEEN: FieldName = `reg${SEEN_REGISTER}`;
const cells = (...pairs: (readonly [FieldName, Constraint])[]): Cells => new Map(pairs);
const anything: WireMatch = { inPort: null, cells: cells() };
const resubmit = (table: number): FlowAction => ({ kind: 'resubmit', table });
const mark = (bit: number, value: bigint): FlowAction => ({
  kind: 'load',
  register: MARK_REGISTER,
  offset: bit,
  bits: 1,
  value,
});
const seenAt = (port: number): FlowAction => ({
  kind: 'load',
  register: SEEN_REGISTER,
  offset: 0,
  bits: 16,
  value: BigInt(port),
});

function flow(
  table: number,
  priority: number,
  match: WireMatch,
  actions: readonly FlowAction[],
  cookie: bigint,
): WantedFlow {
  return { table, priority, match, actions, cookie, until: null, notify: false };
}

/** The way through our tables, the same for everybody. */
export function baseFlows({ cut, from, to, out }: Layout): readonly WantedFlow[] {
  const hooked = { inPort: null, cells: cells([MARKS, flag(HOOKED, false)]) };
  const taken = { inPort: null, cells: cells([MARKS, flag(TAKEN, true)]) };
  return [
    flow(0, HOOK_PRIORITY, hooked, [mark(HOOKED, 1n), resubmit(cut)], BASE_COOKIE),
    flow(cut, 0, anything, [resubmit(from), resubmit(to), resubmit(out)], BASE_COOKIE),
    // What was redirected on its way from one port is not delivered for the other before it comes back.
    flow(to, HOOK_PRIORITY, taken, [], BASE_COOKIE),
    flow(out, HOOK_PRIORITY, taken, [], BASE_COOKIE),
    flow(out, 0, anything, [resubmit(0)], BASE_COOKIE),
  ];
}

/** A rule that drops both directions; or why this switch cannot. */
export function blockFlows(rule: DropRule, layout: Layout): readonly WantedFlow[] | string {
  const flows: WantedFlow[] = [];
  for (const match of rule.matches) {
    const made = cutMatch(match);
    if (typeof made === 'string') return made;
    const cookie = blockCookie(rule.cookie.run, rule.cookie.block);
    flows.push({ ...flow(layout.cut, CUT_PRIORITY, made, [], cookie), until: rule.until, notify: true });
  }
  return flows;
}

const exact = (value: bigint, bits: number): Constraint => ({ value, mask: ones(bits) });

function cutMatch({ ip, vlans, source, destination }: FlowMatch): WireMatch | string {
  const [tag, ...inner] = vlans;
  if (inner.length > 0) return 'more than one VLAN tag';
  const [bits, prefix] = ip === 4 ? [32, 'nw'] : [128, 'ipv6'];
  const parse = ip === 4 ? parseIPv4 : parseIPv6;
  const [from, to] = [parse(source.ip), parse(destination.ip)];
  if (from === null || to === null) return `no IPv${ip} address: ${source.ip} or ${destination.ip}`;
  return {
    inPort: null,
    cells: cells(
      ['dl_type', exact(ip === 4 ? ETHER.ip : ETHER.ipv6, 16)],
      ['vlan_tci', tag === undefined ? exact(0n, 16) : { value: BigInt(tag) | 0x1000n, mask: 0x1fffn }],
      [`${prefix}_src` as FieldName, exact(from, bits)],
      [`${prefix}_dst` as FieldName, exact(to, bits)],
      ['nw_proto', exact(PROTOCOL.tcp, 8)],
      ['tp_src', exact(BigInt(source.port), 16)],
      ['tp_dst', exact(BigInt(destination.port), 16)],
    ),
  };
}

/** Flows of all contracts, and what each of the others waits for. */
export interface Compiled {
  readonly flows: readonly WantedFlow[];
  readonly waiting: ReadonlyMap<ContractId, string>;
}

/** Compiles contracts for the ports as they are now. */
export function compileContracts(
  contracts: readonly GrantedContract[],
  places: Places,
  run: number,
  layout: Layout,
): Compiled {
  const flows = new Map<string, WantedFlow>();
  const waiting = new Map<ContractId, string>();
  for (const contract of contracts) {
    const made = contractFlows(contract, places, run, layout);
    if (typeof made === 'string') waiting.set(contract.id, made);
    // Two contracts with one security VM in the path share the flows by which its packets come back.
    else for (const each of made) if (!flows.has(slotOf(each))) flows.set(slotOf(each), each);
  }
  return { flows: [...flows.values()], waiting };
}

/** Where `vlan_tci` has the priority. */
const PRIORITY_BITS = 0xe000n;

/**
 * What a security VM in the path lets through goes on as if it came from the port that sent it, so that no switch learns
 * the sender's address at the security VM; or straight to the port that it is for. It can send nothing else, not even
 * what a bridge in it would return of floods.
 */
function contractFlows(
  contract: GrantedContract,
  places: Places,
  run: number,
  layout: Layout,
): readonly WantedFlow[] | string {
  const { source, destination, syntax, action, number } = contract;
  const unset = [...syntax.fields.keys()].find(
    (name) => name === 'metadata' || name === 'table' || /^reg/.test(name),
  );
  if (unset !== undefined)
    return `packets are tapped before anything sets ${unset}: such a contract delivers nothing`;
  const priorityBits = (syntax.fields.get('vlan_tci')?.mask ?? 0n) & PRIORITY_BITS;
  if (priorityBits !== 0n && priorityBits !== PRIORITY_BITS)
    return 'OpenFlow 1.4 says a VLAN priority whole or not at all: give vlan_tci a mask with all of 0xe000 or none';
  const at = places.get(source);
  if (at === undefined) return `port ${source} is not on this bridge`;
  const tap = places.get(destination) ?? null;
  // A copy that cannot be made is missing; what was to be held must not pass instead.
  if (tap === null && action === 'forward') return `port ${destination} is not on this bridge`;
  const mac = at.mac === null ? null : parseMac(at.mac);
  if (mac === null && (syntax.inPort !== source || action === 'redirect'))
    return `nobody said which address port ${source} has: set external_ids:attached-mac of its interface`;
  const cookie = contractCookie(run, number);
  const priority = CONTRACT_PRIORITY - 2 * number;
  const deliver: FlowAction[] = [
    ...(tap === null ? [] : [seenAt(tap.number), { kind: 'output', port: tap.number } as const]),
    ...(action === 'redirect' ? [mark(TAKEN, 1n)] : []),
  ];
  const back = action === 'redirect' && tap !== null ? tap.number : null;
  const flows: WantedFlow[] = [];
  for (const direction of directions(syntax)) {
    const bits = cellsOf(direction);
    if (bits === null) continue;
    const outward = direction.inPort === null || direction.inPort === source;
    if (outward) {
      flows.push(flow(layout.from, priority, { inPort: at.number, cells: bits }, deliver, cookie));
      const sent = withAddress(bits, 'dl_src', mac);
      if (back !== null && sent !== null) {
        const onwards: FlowAction[] = [
          seenAt(back),
          mark(RETURNED, 1n),
          { kind: 'enter-at', port: at.number },
          resubmit(layout.to),
          resubmit(layout.out),
        ];
        flows.push(flow(layout.cut, RETURN_PRIORITY + 2, { inPort: back, cells: sent }, onwards, cookie));
      }
    }
    if (direction.inPort === source) continue;
    const inPort = direction.inPort === null ? null : places.get(direction.inPort)?.number;
    if (inPort === undefined) return `port ${direction.inPort} is not on this bridge`;
    const inward = withAddress(bits, 'dl_dst', mac);
    if (inward === null) continue;
    flows.push(flow(layout.to, priority, { inPort, cells: inward }, deliver, cookie));
    if (tap === null) continue;
    if (back !== null) {
      const arrive = { kind: 'output', port: at.number } as const;
      flows.push(flow(layout.cut, RETURN_PRIORITY + 1, { inPort: back, cells: inward }, [arrive], cookie));
    }
    for (const [seen, does] of seenBefore(tap.number, action))
      flows.push(
        flow(layout.to, priority + 1, { inPort, cells: new Map([...inward, ...seen]) }, does, cookie),
      );
  }
  if (back !== null)
    flows.push(flow(layout.cut, RETURN_PRIORITY, { inPort: back, cells: cells() }, [], cookie));
  return flows;
}

/**
 * A packet that the security VM got already does not go there again. It may have got a copy on behalf of the sender: what is
 * to be held is held all the same, only what it sent back itself goes on.
 */
function seenBefore(tap: number, action: Action): readonly (readonly [Cells, readonly FlowAction[]])[] {
  const seen: readonly [FieldName, Constraint] = [SEEN, exact(BigInt(tap), 32)];
  if (action === 'forward') return [[cells(seen), []]];
  return [
    [cells(seen, [MARKS, flag(RETURNED, true)]), []],
    [cells(seen, [MARKS, flag(RETURNED, false)]), [mark(TAKEN, 1n)]],
  ];
}

/** A flow has two directions; a syntax that says how packets come in has one. */
function directions(syntax: FlowSyntax): readonly FlowSyntax[] {
  const turned = reverseOf(syntax);
  return turned === null ? [syntax] : [syntax, turned];
}

/** Frames from or to this address; null when the syntax is about those of others only. */
function withAddress(bits: Cells, field: 'dl_src' | 'dl_dst', mac: bigint | null): Cells | null {
  const given = bits.get(field);
  if (mac === null || (given !== undefined && (mac & given.mask) !== given.value)) return null;
  return new Map([...bits, [field, exact(mac, 48)] as const]);
}
