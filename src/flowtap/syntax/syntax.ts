// Flow_Syntax: which packets a contract is about. Enters: text as in ovs-ofctl(8) or the paper; leaves: checked constraints, text.
import { InputError } from '../../errors.ts';
import { isPortName, type PortName } from '../port.ts';
import {
  ETHER,
  FIELDS,
  type Field,
  type FieldName,
  fieldOf,
  findField,
  KEYWORDS,
  type Need,
  ones,
  PROTOCOL,
} from './fields.ts';
import { type Constraint, parseValue, printValue } from './value.ts';

/** All of these at once. A field that is not there may have any value; `table` is then 0. */
export interface FlowSyntax {
  /** Where packets come in, by the port's stable name. */
  readonly inPort: PortName | null;
  /** In the order of `FIELDS`; no mask is 0. */
  readonly fields: ReadonlyMap<FieldName, Constraint>;
}

/** No user writes more, and each part of the text costs work. */
const LONGEST = 4096;

/**
 * Reads `tcp,nw_src=10.0.0.0/8,tp_dst=80`, or the paper's `nw_src = 0.0.0.0/0; nw_proto = TCP; tp_dst = 80`. A `dl_type`
 * that is not given follows from an address of that kind.
 * @throws InputError `contract-invalid` for what cannot be read, misses what it needs, or matches no packet's fields
 */
export function parseFlowSyntax(text: string): FlowSyntax {
  if (text.length > LONGEST)
    throw refuse(`flow syntax of ${text.length} characters`, `write at most ${LONGEST}`);
  const given = new Map<FieldName, Constraint>();
  let inPort: PortName | null = null;
  for (const part of text.split(/[,;\n]/).map((each) => each.trim())) {
    if (part === '') continue;
    const [name = '', value, ...rest] = part.split('=').map((each) => each.trim());
    if (rest.length > 0) throw refuse(`"${part}" has more than one "="`, 'write field=value');
    if (name === 'in_port' && value !== undefined) {
      if (inPort !== null) throw refuse('in_port is given twice', 'give it once');
      inPort = portOf(value);
    } else if (value === undefined) addKeyword(given, name);
    else addField(given, name, value);
  }
  return checkFlowSyntax(inPort, given);
}

/** What makes constraints a flow syntax, however they came. @throws InputError `contract-invalid` */
export function checkFlowSyntax(
  inPort: PortName | null,
  given: ReadonlyMap<FieldName, Constraint>,
): FlowSyntax {
  const inferred = inferType(given);
  const fields = new Map<FieldName, Constraint>();
  for (const field of FIELDS) {
    const constraint = inferred.get(field.name);
    if (constraint === undefined || constraint.mask === 0n) continue;
    for (const need of needsOf(field, fields)) requireNeed(field, need, fields);
    fields.set(field.name, constraint);
  }
  if (fields.has('vlan_tci') && (fields.has('dl_vlan') || fields.has('dl_vlan_pcp')))
    throw refuse(
      'vlan_tci stands beside dl_vlan or dl_vlan_pcp, which are parts of it',
      'give one of the two',
    );
  return { inPort, fields };
}

/** One line that `parseFlowSyntax` and ovs-ofctl(8) read back; empty for all packets. */
export function printFlowSyntax({ inPort, fields }: FlowSyntax): string {
  const keyword = keywordOf(fields);
  const parts = keyword === null ? [] : [keyword.word];
  if (inPort !== null) parts.push(`in_port=${inPort}`);
  for (const [name, constraint] of fields) {
    if (name === 'dl_type' && keyword !== null) continue;
    if (name === 'nw_proto' && keyword?.coversProtocol === true) continue;
    parts.push(`${name}=${printValue(fieldOf(name), constraint)}`);
  }
  return parts.join(',');
}

/**
 * The same flows, seen in the other direction; null when the syntax says how packets come in (`in_port`, `table`,
 * `metadata`, registers, tunnel), for then the other direction is another matter.
 */
export function reverseOf({ inPort, fields }: FlowSyntax): FlowSyntax | null {
  if (inPort !== null) return null;
  const turned = new Map<FieldName, Constraint>();
  for (const [name, constraint] of fields) {
    const field = fieldOf(name);
    if (field.pins) return null;
    turned.set(field.reverse, constraint);
  }
  const ordered = FIELDS.flatMap(({ name }) => {
    const constraint = turned.get(name);
    return constraint === undefined ? [] : [[name, constraint] as const];
  });
  return { inPort: null, fields: new Map(ordered) };
}

function portOf(value: string): PortName {
  const name = /^"(.*)"$/.exec(value)?.[1] ?? value;
  if (/^\d+$/.test(name))
    throw refuse(
      `in_port=${name} is a number, and numbers change when a VM moves`,
      'give the name of the port',
    );
  if (!isPortName(name))
    throw refuse(`in_port="${name}" is no name of a port`, 'use letters, digits and _ . : -');
  return name;
}

function addKeyword(given: Map<FieldName, Constraint>, word: string): void {
  const keyword = Object.hasOwn(KEYWORDS, word) ? KEYWORDS[word] : undefined;
  if (keyword === undefined)
    throw refuse(`"${word}" is no field=value and no protocol`, `use ${Object.keys(KEYWORDS).join(', ')}`);
  const [type, protocol] = keyword;
  put(given, 'dl_type', { value: type, mask: ones(16) });
  if (protocol !== null) put(given, 'nw_proto', { value: protocol, mask: ones(8) });
}

function addField(given: Map<FieldName, Constraint>, name: string, value: string): void {
  const field = findField(name);
  if (field === null)
    throw refuse(`there is no field "${name}"`, 'docs/flowtap.md lists the fields of the paper’s Figure 2');
  const parsed = parseValue(field, value);
  if (typeof parsed === 'string') throw refuse(`${name} ${parsed}`, 'mend the value');
  put(given, field.name, parsed);
}

function put(given: Map<FieldName, Constraint>, name: FieldName, constraint: Constraint): void {
  const before = given.get(name);
  if (before !== undefined && (before.value !== constraint.value || before.mask !== constraint.mask))
    throw refuse(`${name} is given twice, with different values`, 'give it once');
  given.set(name, constraint);
}

/** The paper's own example has no `dl_type`. An address says which it is, even one that matches any. */
function inferType(given: ReadonlyMap<FieldName, Constraint>): ReadonlyMap<FieldName, Constraint> {
  if (given.has('dl_type')) return given;
  const four = given.has('nw_src') || given.has('nw_dst');
  const six = [...given.keys()].some((name) => name.startsWith('ipv6_'));
  if (four === six) return given;
  return new Map([...given, ['dl_type', { value: four ? ETHER.ip : ETHER.ipv6, mask: ones(16) }]]);
}

/** ICMP has one number in IPv4 and another in IPv6; each has a type and a code. */
function needsOf({ name, needs }: Field, present: ReadonlyMap<FieldName, Constraint>): readonly Need[] {
  if (name !== 'icmp_type' && name !== 'icmp_code') return needs;
  const six = present.get('dl_type')?.value === ETHER.ipv6;
  return needs.map(({ field, oneOf }) =>
    field === 'nw_proto' ? { field, oneOf: [six ? PROTOCOL.icmp6 : PROTOCOL.icmp] } : { field, oneOf },
  );
}

function requireNeed(
  field: Field,
  { field: name, oneOf }: Need,
  present: ReadonlyMap<FieldName, Constraint>,
): void {
  const found = present.get(name);
  const needed = fieldOf(name);
  if (found !== undefined && found.mask === ones(needed.bits) && oneOf.includes(found.value)) return;
  const wanted = oneOf.map((value) => printValue(needed, { value, mask: ones(needed.bits) })).join(' or ');
  const remedy =
    name === 'dl_type' || name === 'nw_proto'
      ? `add ${name}=${wanted}, or a word such as tcp, udp6 or arp`
      : `add ${name}=${wanted}`;
  throw refuse(`${field.name} needs ${name} ${wanted} before it`, remedy);
}

function keywordOf(
  fields: ReadonlyMap<FieldName, Constraint>,
): { readonly word: string; readonly coversProtocol: boolean } | null {
  const type = fields.get('dl_type')?.value;
  const protocol = fields.get('nw_proto')?.value ?? null;
  const entries = Object.entries(KEYWORDS);
  const both = entries.find(([, known]) => known[0] === type && known[1] !== null && known[1] === protocol);
  if (both !== undefined) return { word: both[0], coversProtocol: true };
  const one = entries.find(([, known]) => known[0] === type && known[1] === null);
  return one === undefined ? null : { word: one[0], coversProtocol: false };
}

function refuse(problem: string, remedy: string): InputError {
  return new InputError('contract-invalid', null, problem, remedy);
}
