// What operators asked for on a bridge, kept in the bridge's own row of OVSDB. Enters: external_ids; leaves: contracts, blocks, changes.
import { InputError } from '../../errors.ts';
import type { Endpoint, Micros } from '../../flow.ts';
import { type ContractId, parseContract, printContract } from '../contract.ts';
import type { GrantedContract } from '../contracts.ts';
import { isRecord } from './ovsdb/rpc.ts';

/** A flow that an operator had cut. */
export interface OperatorBlock {
  readonly number: number;
  readonly ends: readonly [Endpoint, Endpoint];
  readonly vlan: number | null;
  readonly by: string;
  readonly why: string;
  readonly at: Micros;
  readonly until: Micros;
}

export interface OperatorContract extends GrantedContract {
  readonly why: string;
}

export interface Ledger {
  readonly contracts: readonly OperatorContract[];
  readonly blocks: readonly OperatorBlock[];
}

const PREFIX = 'flowtap-';

/** The keys of an entry in `external_ids`. */
export function keyOf(kind: 'c' | 'b', number: number): string {
  return `${PREFIX}${kind}${number}`;
}

/** @throws InputError `contract-invalid` for an entry that is none of ours, with how to remove it */
export function readLedger(bridge: string, ids: ReadonlyMap<string, string>): Ledger {
  const contracts: OperatorContract[] = [];
  const blocks: OperatorBlock[] = [];
  for (const [key, text] of ids) {
    const found = /^flowtap-([cb])([1-9]\d{0,8})$/.exec(key);
    if (found === null) continue;
    const number = Number(found[2]);
    const entry = found[1] === 'c' ? readContract(number, text) : readBlock(number, text);
    if (entry === null)
      throw new InputError(
        'contract-invalid',
        null,
        `entry ${key} of bridge ${bridge} cannot be read`,
        `remove it: ovs-vsctl remove bridge ${bridge} external_ids ${key}`,
      );
    if ('ends' in entry) blocks.push(entry);
    else contracts.push(entry);
  }
  const inOrder = <T extends { readonly number: number }>(entries: T[]): readonly T[] =>
    entries.sort((a, b) => a.number - b.number);
  return { contracts: inOrder(contracts), blocks: inOrder(blocks) };
}

export function writeContract(contract: OperatorContract): string {
  const { by, why, at } = contract;
  return JSON.stringify({ contract: printContract(contract), by, why, at });
}

export function writeBlock({ ends, vlan, by, why, at, until }: OperatorBlock): string {
  return JSON.stringify({ ends, vlan, by, why, at, until });
}

function parse(text: string): Readonly<Record<string, unknown>> | null {
  try {
    const value: unknown = JSON.parse(text);
    return isRecord(value) ? value : null;
  } catch {
    return null;
  }
}

/** Who, why and when. */
function trace(entry: Readonly<Record<string, unknown>>): { by: string; why: string; at: Micros } | null {
  const { by, why, at } = entry;
  return typeof by === 'string' && typeof why === 'string' && typeof at === 'number' ? { by, why, at } : null;
}

function readContract(number: number, text: string): OperatorContract | null {
  const entry = parse(text);
  const asked = entry === null ? null : trace(entry);
  if (entry === null || asked === null || typeof entry.contract !== 'string') return null;
  try {
    return { ...parseContract(entry.contract), id: `c${number}` as ContractId, number, ...asked };
  } catch (error) {
    if (error instanceof InputError) return null;
    throw error;
  }
}

function readBlock(number: number, text: string): OperatorBlock | null {
  const entry = parse(text);
  const asked = entry === null ? null : trace(entry);
  if (entry === null || asked === null || !Array.isArray(entry.ends)) return null;
  const [orig, resp, ...more] = (entry.ends as readonly unknown[]).map(endpointOf);
  const { vlan, until } = entry;
  if (!orig || !resp || more.length > 0 || typeof until !== 'number') return null;
  if (vlan !== null && typeof vlan !== 'number') return null;
  return { number, ends: [orig, resp], vlan, until, ...asked };
}

function endpointOf(value: unknown): Endpoint | null {
  if (!isRecord(value)) return null;
  const { ip, port } = value;
  return typeof ip === 'string' && typeof port === 'number' ? { ip, port } : null;
}
