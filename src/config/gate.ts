// The gate in the path, as its user wrote it. Enters: a section of the configuration; leaves: its doors and bounds.
import { isIP } from 'node:net';
import type { Endpoint } from '../flow.ts';
import type { Value } from './reader.ts';

export interface GateConfig {
  /** In log, audit and metrics. */
  readonly name: string;
  readonly at:
    | {
        readonly kind: 'doors';
        /** Each address that is listened at, and where it leads. */
        readonly doors: readonly { readonly listen: Endpoint; readonly to: Endpoint }[];
      }
    | {
        readonly kind: 'transparent';
        /** Where redirected frames come in. */
        readonly interface: string;
        /** Where the kernel hands their connections over; nothing else may use it. */
        readonly port: number;
        /** Marks what belongs to this gate: its table, its rule, its packets. */
        readonly owner: string;
        readonly mark: number;
        /** Ethernet addresses of those who talk through it. */
        readonly neighbours: readonly { readonly ip: string; readonly mac: string }[];
      };
  readonly hold: {
    readonly forMs: number;
    readonly late: 'reset' | 'pass';
    readonly bytes: number;
    readonly total: number;
    readonly connections: number;
    readonly idleMs: number;
  };
}

const KEYS = ['name', 'doors', 'transparent', 'hold'];

/** @throws InputError `config-invalid` for the first thing that is wrong */
export function readGate(value: Value, zeeks: readonly string[]): GateConfig {
  const section = value.section(KEYS);
  const name = section.get('name');
  if (name !== undefined && !/^[a-z0-9][a-z0-9._-]{0,63}$/.test(name.text()))
    throw name.wrong(`"${name.text()}" is no name`, 'use lower-case letters, digits, ".", "_" and "-"');
  if (zeeks.includes(name?.text() ?? 'gate'))
    throw (name ?? value).wrong('a Zeek has the same name', 'give each its own');
  const doors = section.get('doors');
  const transparent = section.get('transparent');
  if ((doors === undefined) === (transparent === undefined))
    throw value.wrong(
      doors === undefined
        ? 'neither "doors" nor "transparent" is given'
        : '"doors" and "transparent" are both given',
      'give "doors" for fixed targets, or "transparent" for what a switch redirects',
    );
  return {
    name: name?.text() ?? 'gate',
    at:
      doors === undefined
        ? readTransparent(section.need('transparent', ''))
        : { kind: 'doors', doors: readDoors(doors) },
    hold: readHold(section.get('hold')),
  };
}

function readDoors(value: Value): Extract<GateConfig['at'], { kind: 'doors' }>['doors'] {
  return value.list().map((item) => {
    const section = item.section(['listen', 'to']);
    return {
      listen: endpoint(section.need('listen', 'write it as 127.0.0.1:18080'), 0),
      to: endpoint(section.need('to', 'write it as 10.1.0.11:8080'), 1),
    };
  });
}

function readTransparent(value: Value): GateConfig['at'] {
  const section = value.section(['interface', 'port', 'owner', 'mark', 'neighbours']);
  const device = section.need('interface', 'name the one where redirected frames come in');
  // It becomes part of rules of the kernel.
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,14}$/.test(device.text()))
    throw device.wrong(`"${device.text()}" is no interface`, 'name it as "ip link" does');
  const owner = section.get('owner');
  if (owner !== undefined && !/^[a-z][a-z0-9_]{0,31}$/.test(owner.text()))
    throw owner.wrong(`"${owner.text()}" is no name`, 'use lower-case letters, digits and "_"');
  return {
    kind: 'transparent',
    interface: device.text(),
    port: section.get('port')?.whole(1, 65_535) ?? 15_001,
    owner: owner?.text() ?? 'engine',
    mark: section.get('mark')?.whole(1, 0x7fff_fffe) ?? 0x0f10,
    neighbours: section.get('neighbours')?.list().map(neighbour) ?? [],
  };
}

function neighbour(value: Value): { readonly ip: string; readonly mac: string } {
  const section = value.section(['ip', 'mac']);
  const [ip, mac] = [
    section.need('ip', 'give its address'),
    section.need('mac', 'give its Ethernet address'),
  ];
  if (isIP(ip.text()) === 0) throw ip.wrong(`"${ip.text()}" is no address`, 'write it as 10.1.0.11');
  if (!/^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/i.test(mac.text()))
    throw mac.wrong(`"${mac.text()}" is no Ethernet address`, 'write it as 02:00:00:00:00:11');
  return { ip: ip.text(), mac: mac.text() };
}

function readHold(value: Value | undefined): GateConfig['hold'] {
  const section = value?.section(['for', 'late', 'bytes', 'total', 'connections', 'idle']);
  return {
    forMs: section?.get('for')?.duration() ?? 2000,
    late: section?.get('late')?.word(['reset', 'pass']) ?? 'reset',
    bytes: section?.get('bytes')?.size() ?? 6 * 1024 ** 2,
    total: section?.get('total')?.size() ?? 256 * 1024 ** 2,
    connections: section?.get('connections')?.whole(1, 1_000_000) ?? 16_384,
    idleMs: section?.get('idle')?.duration() ?? 3_600_000,
  };
}

function endpoint(value: Value, least: number): Endpoint {
  const [, ip = '', port = ''] = /^\[?([0-9A-Fa-f.:]+?)\]?:(\d{1,5})$/.exec(value.text()) ?? [];
  if (isIP(ip) === 0 || Number(port) > 65_535 || Number(port) < least)
    throw value.wrong(
      `"${value.text()}" is no address and port`,
      'write it as 10.1.0.11:8080 or "[fd00::1]:8080"',
    );
  return { ip, port: Number(port) };
}
