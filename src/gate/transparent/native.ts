// Sockets that speak for addresses of others (ip(7), IP_TRANSPARENT). Enters: endpoints; leaves: descriptors.
import { isIPv4 } from 'node:net';
import { InputError } from '../../errors.ts';
import type { Endpoint } from '../../flow.ts';

// Linux, asm-generic; the same on all architectures that Node runs on but MIPS.
const AF_INET = 2;
const AF_INET6 = 10;
const SOCK_STREAM = 1;
const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2000000;
const SOL_IP = 0;
const SOL_SOCKET = 1;
const SOL_IPV6 = 41;
const IP_TRANSPARENT = 19;
const IPV6_TRANSPARENT = 75;
const IPV6_V6ONLY = 26;
const SO_REUSEADDR = 2;
const SO_MARK = 36;

/** What is called of the C library. */
interface Library {
  readonly socket: (family: number, type: number, protocol: number) => number;
  readonly setsockopt: (fd: number, level: number, name: number, value: Buffer, length: number) => number;
  readonly bind: (fd: number, address: Buffer, length: number) => number;
  readonly close: (fd: number) => number;
  readonly errno: () => number;
}

export interface TransparentSockets {
  /** A descriptor that is bound, not listening yet: Node begins that. */
  listener(family: 4 | 6, port: number): number;
  /** A descriptor that has that address, not connected yet. */
  from(local: Endpoint): number;
}

/**
 * @param mark of every packet that these sockets send, for the routing rules
 * @throws InputError when this is no Linux, or the package `koffi` is missing
 */
export async function transparentSockets(mark: number): Promise<TransparentSockets> {
  const library = await load();
  const failed = (what: string): InputError => {
    const number = library.errno();
    const denied = number === 1 || number === 13;
    return new InputError(
      'config-invalid',
      null,
      `gate: ${what} (error ${number} of the system)`,
      denied ? 'give the service CAP_NET_ADMIN' : 'end what uses the port, or choose another',
    );
  };
  const open = (
    family: 4 | 6,
    endpoint: Endpoint,
    more: readonly (readonly [number, number, number])[],
  ): number => {
    const type = SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC;
    const fd = library.socket(family === 4 ? AF_INET : AF_INET6, type, 0);
    if (fd < 0) throw failed('no socket can be made');
    const transparent = family === 4 ? [SOL_IP, IP_TRANSPARENT, 1] : [SOL_IPV6, IPV6_TRANSPARENT, 1];
    const options = [[SOL_SOCKET, SO_REUSEADDR, 1], [SOL_SOCKET, SO_MARK, mark], transparent, ...more];
    for (const [level = 0, name = 0, value = 0] of options) {
      const bytes = Buffer.alloc(4);
      bytes.writeInt32LE(value);
      if (library.setsockopt(fd, level, name, bytes, 4) === 0) continue;
      const error = failed('a socket cannot be made transparent');
      library.close(fd);
      throw error;
    }
    const address = socketAddress(family, endpoint);
    if (library.bind(fd, address, address.length) === 0) return fd;
    const error = failed(`${endpoint.ip}:${endpoint.port} cannot be used`);
    library.close(fd);
    throw error;
  };
  return {
    listener: (family, port) =>
      open(
        family,
        { ip: family === 4 ? '0.0.0.0' : '::', port },
        family === 4 ? [] : [[SOL_IPV6, IPV6_V6ONLY, 1]],
      ),
    from: (local) => open(isIPv4(local.ip) ? 4 : 6, local, []),
  };
}

async function load(): Promise<Library> {
  const koffi = process.platform === 'linux' ? await import('koffi').catch(() => null) : null;
  if (koffi === null)
    throw new InputError(
      'config-invalid',
      null,
      process.platform === 'linux'
        ? 'gate: the optional package koffi is not installed'
        : 'gate: this is no Linux',
      process.platform === 'linux' ? 'install it, or use "doors"' : 'use "doors"',
    );
  const library = koffi.default.load(null);
  return {
    socket: library.func('int socket(int, int, int)'),
    setsockopt: library.func('int setsockopt(int, int, int, const void *, uint32)'),
    bind: library.func('int bind(int, const void *, uint32)'),
    close: library.func('int close(int)'),
    errno: () => koffi.default.errno(),
  };
}

/** struct sockaddr_in and sockaddr_in6 (ip(7), ipv6(7)); the family is in the machine's order, which is little-endian. */
function socketAddress(family: 4 | 6, { ip, port }: Endpoint): Buffer {
  const bytes = Buffer.alloc(family === 4 ? 16 : 28);
  bytes.writeUInt16LE(family === 4 ? AF_INET : AF_INET6, 0);
  bytes.writeUInt16BE(port, 2);
  if (family === 4) Buffer.from(ip.split('.').map(Number)).copy(bytes, 4);
  else ipv6Bytes(ip).copy(bytes, 8);
  return bytes;
}

/** The 16 bytes of an IPv6 address in any of its text forms (RFC 4291 section 2.2), without a zone. */
function ipv6Bytes(ip: string): Buffer {
  const dotted = /^(.*:)(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(ip);
  const pair = (high: string | undefined, low: string | undefined): string =>
    ((Number(high) << 8) | Number(low)).toString(16);
  const text =
    dotted === null ? ip : `${dotted[1]}${pair(dotted[2], dotted[3])}:${pair(dotted[4], dotted[5])}`;
  const [head = '', tail] = text.split('::');
  const groups = (part: string): number[] =>
    part === '' ? [] : part.split(':').map((group) => Number.parseInt(group, 16));
  const [left, right] = [groups(head), groups(tail ?? '')];
  const zeros = Array<number>(Math.max(0, 8 - left.length - right.length)).fill(0);
  const bytes = Buffer.alloc(16);
  for (const [index, group] of [...left, ...zeros, ...right].slice(0, 8).entries())
    bytes.writeUInt16BE(group, 2 * index);
  return bytes;
}
