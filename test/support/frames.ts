// Frames as a switch sees them, and a matcher written apart from ours. Enters: random numbers; leaves: frames, matches, flow syntax text.

/** The headers of one frame; numbers are small on purpose, so that random ones meet. */
export interface Frame {
  readonly inPort: string;
  readonly table: number;
  readonly mac: { readonly src: number; readonly dst: number };
  readonly vlan: { readonly id: number; readonly priority: number } | null;
  readonly type: number;
  readonly address: { readonly src: number; readonly dst: number };
  readonly protocol: number;
  readonly tos: number;
  readonly ttl: number;
  readonly fragment: 'no' | 'first' | 'later';
  /** Ports, or ICMP's type and code. */
  readonly transport: { readonly src: number; readonly dst: number };
  readonly register: number;
}

/** A source of whole numbers below `n`. */
export type Random = (n: number) => number;

const PORTS = ['a', 'b', 'c'];
const TYPES = [0x0800, 0x86dd, 0x0806, 0x88cc];
const PROTOCOLS = [6, 17, 1, 58, 47];
const FRAGMENTS = ['no', 'first', 'later'] as const;

/** xorshift32: the same seed gives the same sequence everywhere. */
export function randomFrom(seed: number): Random {
  let state = seed | 1;
  return (n) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % n;
  };
}

function one<T>(random: Random, of: readonly [T, ...T[]] | readonly T[]): T {
  return of[random(of.length)] as T;
}

export function randomFrame(random: Random): Frame {
  const fragment = random(4) === 0 ? one(random, FRAGMENTS) : 'no';
  return {
    inPort: one(random, PORTS),
    table: random(8) === 0 ? 1 : 0,
    mac: { src: random(4), dst: random(4) },
    vlan: random(2) === 0 ? null : { id: random(3), priority: random(3) },
    type: one(random, TYPES),
    address: { src: random(4), dst: random(4) },
    protocol: one(random, PROTOCOLS),
    tos: random(8),
    ttl: random(2),
    fragment,
    // Open vSwitch knows no ports of a later fragment.
    transport: fragment === 'later' ? { src: 0, dst: 0 } : { src: random(4), dst: random(4) },
    register: random(4),
  };
}

/** The frame that answers it. */
export function answer(frame: Frame): Frame {
  const turn = ({ src, dst }: { src: number; dst: number }) => ({ src: dst, dst: src });
  const { mac, address, transport, protocol, type } = frame;
  const hasPorts = (type === 0x0800 || type === 0x86dd) && [6, 17, 132].includes(protocol);
  return {
    ...frame,
    mac: turn(mac),
    address: turn(address),
    transport: hasPorts ? turn(transport) : transport,
  };
}

type Check = (frame: Frame) => boolean;

/** A random flow syntax, as text and as a predicate that was not made from that text. */
export function randomSyntax(random: Random): {
  readonly text: string;
  readonly matches: Check;
  readonly pinned: boolean;
} {
  const parts: string[] = [];
  const checks: Check[] = [];
  let pinned = false;
  let table = 0;
  const add = (text: string, check: Check): void => {
    parts.push(text);
    checks.push(check);
  };
  const sometimes = (then: () => void): void => {
    if (random(3) === 0) then();
  };
  const masked = (): readonly [number, number] => {
    const mask = 1 + random(3);
    return [random(4) & mask, mask];
  };
  const ip = randomNetwork(random, add, sometimes, masked);
  if (ip !== null) randomTransport(random, ip, add, sometimes, masked);
  sometimes(() => {
    const [value, mask] = masked();
    add(`dl_dst=${mac(value)}/${mac(mask)}`, (frame) => (frame.mac.dst & mask) === value);
  });
  sometimes(() => add(`dl_src=${mac(1)}`, (frame) => frame.mac.src === 1));
  randomVlan(random, add, sometimes);
  if (random(8) === 0) {
    const port = one(random, PORTS);
    pinned = true;
    add(`in_port=${port}`, (frame) => frame.inPort === port);
  }
  if (random(12) === 0) {
    const [value, mask] = masked();
    pinned = true;
    add(`reg3=0x${value}/0x${mask}`, (frame) => (frame.register & mask) === value);
  }
  if (random(16) === 0) {
    pinned = true;
    table = random(2);
    parts.push(`table=${table}`);
  }
  const matches: Check = (frame) => frame.table === table && checks.every((check) => check(frame));
  return { text: parts.join(','), matches, pinned };
}

type Add = (text: string, check: Check) => void;
type Sometimes = (then: () => void) => void;
type Masked = () => readonly [number, number];

/** The EtherType, addresses and what IPv4 and IPv6 share; gives the EtherType when it is one of these. */
function randomNetwork(random: Random, add: Add, sometimes: Sometimes, masked: Masked): number | null {
  const type = one(random, [0x0800, 0x0800, 0x86dd, 0x0806, 0]);
  if (type === 0) return null;
  add(`dl_type=0x${type.toString(16)}`, (frame) => frame.type === type);
  for (const end of ['src', 'dst'] as const) {
    sometimes(() => {
      const [value, mask] = masked();
      const text =
        type === 0x86dd
          ? `ipv6_${end}=fd00::${value}/ffff::${mask}`
          : `nw_${end}=10.0.0.${value}/255.0.0.${mask}`;
      add(text, (frame) => (frame.address[end] & mask) === value);
    });
  }
  if (type === 0x0806) return null;
  sometimes(() => {
    const [value] = [random(2)];
    add(`nw_tos=${value * 4}`, (frame) => frame.tos >> 2 === value);
  });
  sometimes(() => {
    const value = random(4);
    add(`nw_ecn=${value}`, (frame) => (frame.tos & 3) === value);
  });
  sometimes(() => add('nw_ttl=1', (frame) => frame.ttl === 1));
  sometimes(() => {
    const [word, states] = one(random, [
      ['no', ['no']],
      ['yes', ['first', 'later']],
      ['first', ['first']],
      ['later', ['later']],
      ['not_later', ['no', 'first']],
    ] as const);
    add(`ip_frag=${word}`, (frame) => (states as readonly string[]).includes(frame.fragment));
  });
  return type;
}

function randomTransport(random: Random, type: number, add: Add, sometimes: Sometimes, masked: Masked): void {
  const protocol = one(random, [6, 6, 17, type === 0x0800 ? 1 : 58, 0]);
  if (protocol === 0) return;
  add(`nw_proto=${protocol}`, (frame) => frame.protocol === protocol);
  if (protocol === 6 || protocol === 17) {
    for (const end of ['src', 'dst'] as const) {
      sometimes(() => {
        const [value, mask] = masked();
        add(`tp_${end}=0x${value}/0x${mask}`, (frame) => (frame.transport[end] & mask) === value);
      });
    }
    return;
  }
  sometimes(() => add('icmp_type=3', (frame) => frame.transport.src === 3));
  sometimes(() => add('icmp_code=1', (frame) => frame.transport.dst === 1));
}

function randomVlan(random: Random, add: Add, sometimes: Sometimes): void {
  if (random(2) === 0) {
    const value = random(3);
    sometimes(() => add(`dl_vlan=${value}`, (frame) => frame.vlan?.id === value));
    sometimes(() => add('dl_vlan_pcp=1', (frame) => frame.vlan?.priority === 1));
    return;
  }
  sometimes(() => {
    const [text, check] = one<readonly [string, Check]>(random, [
      ['0x0000/0xffff', (frame) => frame.vlan === null],
      ['0x1000/0x1000', (frame) => frame.vlan !== null],
      ['0x0000/0x0001', (frame) => frame.vlan === null || (frame.vlan.id & 1) === 0],
      ['0x0002/0x0002', (frame) => frame.vlan !== null && (frame.vlan.id & 2) === 2],
      ['0x3001/0xffff', (frame) => frame.vlan?.id === 1 && frame.vlan.priority === 1],
    ]);
    add(`vlan_tci=${text}`, check);
  });
}

function mac(low: number): string {
  return `00:00:00:00:00:0${low}`;
}
