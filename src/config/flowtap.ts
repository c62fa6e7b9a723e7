// With what the live service blocks, as its user wrote it. Enters: a section of the configuration; leaves: a driver and its settings.
import { resolve } from 'node:path';
import type { Value } from './reader.ts';

export type FlowTapConfig =
  /** Holds what a switch would be asked for, and cuts nothing. */
  | { readonly kind: 'memory' }
  | {
      readonly kind: 'ovs';
      readonly bridge: string;
      /** Absolute: where Open vSwitch has its sockets. */
      readonly folder: string;
      /** Tells the flows of this engine from those of others on the bridge. */
      readonly owner: string;
      /** Those whose flows pass the bridge; null: all. */
      readonly zeeks: readonly string[] | null;
      /** What this engine itself asks to have delivered: `FlowTap(SRC, DST, FLOW, ACTION)` each. */
      readonly contracts: readonly string[];
    };

const OF_A_SWITCH = ['bridge', 'rundir', 'owner', 'zeeks', 'contracts'] as const;

/**
 * @param folder against which paths are resolved
 * @param zeeks the names that the configuration gives
 * @throws InputError `config-invalid` for the first thing that is wrong
 */
export function readFlowTap(
  value: Value | undefined,
  folder: string,
  zeeks: readonly string[],
): FlowTapConfig {
  const section = value?.section(['driver', ...OF_A_SWITCH]);
  if (section === undefined) return { kind: 'memory' };
  const driver = section.need('driver', 'write memory or ovs').word(['memory', 'ovs']);
  if (driver === 'memory') {
    for (const key of OF_A_SWITCH) {
      const given = section.get(key);
      if (given !== undefined) throw given.wrong('it is for a switch', 'remove it, or write driver: ovs');
    }
    return { kind: 'memory' };
  }
  const bridge = section.need('bridge', 'name it; ovs-vsctl list-br shows them');
  // It becomes part of a path.
  if (!/^\w[\w.-]{0,63}$/.test(bridge.text()))
    throw bridge.wrong(`"${bridge.text()}" is no name of a bridge`, 'ovs-vsctl list-br shows them');
  return {
    kind: 'ovs',
    bridge: bridge.text(),
    folder: resolve(folder, section.get('rundir')?.text() ?? '/var/run/openvswitch'),
    owner: owner(section.get('owner')),
    zeeks:
      section
        .get('zeeks')
        ?.list()
        .map((each) => each.word(zeeks)) ?? null,
    contracts:
      section
        .get('contracts')
        ?.list()
        .map((each) => each.text()) ?? [],
  };
}

/** Flows of one owner that are not wanted are removed, so the operators' name would undo what they asked for. */
function owner(value: Value | undefined): string {
  const name = value?.text() ?? 'engine';
  if (value !== undefined && !/^[a-z0-9][a-z0-9._-]{0,63}$/.test(name))
    throw value.wrong(`"${name}" is no name`, 'use lower-case letters, digits, ".", "_" and "-"');
  if (value !== undefined && name === 'operator')
    throw value.wrong('the commands tap, drop and release have this name', 'choose another');
  return name;
}
