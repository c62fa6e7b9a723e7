// What the commands on a bridge have in common. Enters: arguments; leaves: an operator, who asks, flow ends, moments.

import { isIP } from 'node:net';
import { userInfo } from 'node:os';
import type { Command } from 'commander';
import { InputError } from '../errors.ts';
import type { Endpoint, Micros } from '../flow.ts';
import type { Request } from '../flowtap/contracts.ts';
import { systemClock } from '../flowtap/ovs/clock.ts';
import { Operator } from '../flowtap/ovs/operator.ts';

export interface BridgeOptions {
  readonly rundir: string;
}

export interface ChangeOptions extends BridgeOptions {
  readonly as: string;
  readonly why: string;
}

/** Adds where Open vSwitch is. */
export function withBridgeOptions(command: Command): Command {
  const fallback = process.env.OVS_RUNDIR ?? '/var/run/openvswitch';
  return command.option('--rundir <folder>', 'where Open vSwitch has its sockets', fallback);
}

/** Adds who asks, and why: both are kept with what was asked for. */
export function withRequestOptions(command: Command): Command {
  return withBridgeOptions(command)
    .option('--as <name>', 'who asks', userInfo().username)
    .option('--why <text>', 'the reason, for whoever looks later', '');
}

/** @throws InputError `usage` for what would lead out of the run directory */
export function operatorOf(bridge: string, { rundir }: BridgeOptions): Operator {
  if (!/^[\w][\w.-]{0,63}$/.test(bridge))
    throw new InputError('usage', null, `"${bridge}" is no name of a bridge`, 'ovs-vsctl list-br shows them');
  return new Operator({ bridge, runDirectory: rundir });
}

export function requestOf({ as: by, why }: ChangeOptions): Request {
  return { by, why, at: systemClock.wall() };
}

/** `10.0.0.1:80` or `[fd00::1]:80`. @throws InputError `usage` */
export function endpoint(text: string): Endpoint {
  const found = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(text);
  const ip = found?.[1] ?? found?.[2] ?? '';
  const port = Number(found?.[3]);
  const family = isIP(ip);
  if (
    found === null ||
    port < 1 ||
    port > 65_535 ||
    family !== (found[1] === undefined ? 4 : 6) ||
    ip.includes('%')
  )
    throw new InputError(
      'usage',
      null,
      `"${text}" is no end of a connection`,
      'write 10.0.0.1:80 or [fd00::1]:80',
    );
  return { ip, port };
}

const UNITS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 };
/** Longer than anybody remembers why. */
const LONGEST_DAYS = 365;

/** Microseconds from `90s`, `10m`, `2h`, `1d`. @throws InputError `usage` */
export function duration(text: string): number {
  const found = /^(\d{1,9})([smhd])$/.exec(text);
  const seconds = Number(found?.[1]) * (UNITS[found?.[2] ?? ''] ?? Number.NaN);
  if (!(seconds > 0 && seconds <= LONGEST_DAYS * 86_400))
    throw new InputError(
      'usage',
      null,
      `"${text}" is no duration`,
      `write 90s, 10m, 2h or 1d, up to ${LONGEST_DAYS}d`,
    );
  return seconds * 1e6;
}

/** RFC 3339, in seconds. */
export function moment(at: Micros): string {
  return `${new Date(at / 1000).toISOString().slice(0, 19)}Z`;
}
