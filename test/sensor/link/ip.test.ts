// IPv4 and IPv6. Enters: packets with options, extension headers and fragments; leaves: streams, ambiguities, counts.
import { describe, expect, it } from 'vitest';
import {
  bytesOf,
  CLIENT,
  concat,
  type Extension,
  type Frame,
  type Host,
  ip,
  ipv4,
  ipv6,
  SERVER,
  snap,
  tcp,
} from '../../support/packets.ts';
import { onlyFlow, type Sensed, sense, summary } from '../../support/sensing.ts';

const RAW_IP = 101;
const A: Host = { ip: 'fd00::1', port: 40000 };
const B: Host = { ip: 'fd00::2', port: 8080 };
const TEXT = 'GET /a-path-that-fills-several-fragments HTTP/1.1\r\nHost: b\r\n\r\n';

function frames(...packets: readonly Uint8Array[]): Frame[] {
  return packets.map((bytes, index) => ({
    ts: 1_000_000 + index,
    linkType: RAW_IP,
    bytes,
    original: bytes.length,
  }));
}

const SYN4 = ip(CLIENT, SERVER, tcp(CLIENT, SERVER, { seq: 9, flags: 'S' }));
const DATA4 = tcp(CLIENT, SERVER, { seq: 10, ack: 1, flags: 'PA', payload: bytesOf(TEXT) });
const SYN6 = ip(A, B, tcp(A, B, { seq: 9, flags: 'S' }));
const DATA6 = tcp(A, B, { seq: 10, ack: 1, flags: 'PA', payload: bytesOf(TEXT) });

function ignored(sensed: Sensed): Record<string, number> {
  return Object.fromEntries(Object.entries(sensed.statistics.ignored).filter(([, packets]) => packets > 0));
}

/** IPv4 fragments of `data`, each of `size` bytes. */
function fragments4(data: Uint8Array, size: number, id = 7): Uint8Array[] {
  const parts: Uint8Array[] = [];
  for (let at = 0; at < data.length; at += size) {
    const part = data.subarray(at, at + size);
    const fields = { id, fragmentOffset: at, moreFragments: at + size < data.length };
    parts.push(ipv4(CLIENT.ip, SERVER.ip, part, fields));
  }
  return parts;
}

function fragmentHeader(offset: number, more: boolean, id = 7): Extension {
  return { type: 44, rest: Uint8Array.of(0, offset >> 8, (offset & 0xf8) | (more ? 1 : 0), 0, 0, 0, id) };
}

describe('IPv4', () => {
  it('steps over options and ignores the padding of a frame', () => {
    const packet = ipv4(CLIENT.ip, SERVER.ip, DATA4, { options: Uint8Array.of(1, 1, 1, 0) });
    expect(onlyFlow(sense(frames(SYN4, concat(packet, new Uint8Array(9))))).orig).toBe(TEXT);
  });

  it('takes the length from the frame where segmentation offload left it zero', () => {
    const packet = ipv4(CLIENT.ip, SERVER.ip, DATA4, { totalLength: 0 });
    expect(onlyFlow(sense(frames(SYN4, packet))).orig).toBe(TEXT);
  });

  it('counts headers that are cut, too short or claim more than was on the wire', () => {
    const long = ipv4(CLIENT.ip, SERVER.ip, DATA4, { totalLength: 1500 });
    const short = ipv4(CLIENT.ip, SERVER.ip, DATA4, { totalLength: 19 });
    const header = ipv4(CLIENT.ip, SERVER.ip, DATA4);
    header[0] = 0x44;
    expect(ignored(sense(frames(long, short, header, SYN4.subarray(0, 19))))).toEqual({ 'ip-header': 4 });
  });

  it('counts what is not TCP', () => {
    const of = (protocol: number): Uint8Array => ipv4(CLIENT.ip, SERVER.ip, new Uint8Array(20), { protocol });
    expect(ignored(sense(frames(of(17), of(1), of(47))))).toEqual({ udp: 1, icmp: 1, 'ip-protocol': 1 });
  });

  it('counts TCP headers that are cut or broken', () => {
    const broken = DATA4.slice();
    broken[12] = 0x40;
    const cut = snap({ ...frames(ip(CLIENT, SERVER, DATA4))[0] } as Frame, 39);
    const sensed = sense([...frames(ip(CLIENT, SERVER, broken)), cut]);
    expect(ignored(sensed)).toEqual({ 'tcp-header': 2 });
  });
});

describe('IPv4 fragments', () => {
  it('are put together in any order', () => {
    const parts = fragments4(DATA4, 16);
    for (const order of [parts, parts.toReversed(), [...parts.slice(2), ...parts.slice(0, 2)]]) {
      const sensed = sense(frames(SYN4, ...order));
      expect(onlyFlow(sensed).orig).toBe(TEXT);
      expect(sensed.statistics.fragments).toBe(parts.length - 1);
      expect(ignored(sensed)).toEqual({});
    }
  });

  it('may come twice and overlap, as long as their bytes agree', () => {
    const parts = [...fragments4(DATA4, 16), ...fragments4(DATA4, 24)].slice(0, -1);
    const sensed = sense(frames(SYN4, ...parts));
    expect(onlyFlow(sensed).orig).toBe(TEXT);
    expect(sensed.statistics.ambiguities).toBe(0);
  });

  it('of different datagrams and protocols do not mix', () => {
    const [one, two] = [fragments4(DATA4, 32, 1), fragments4(new Uint8Array(DATA4.length), 32, 2)];
    const mixed = one.flatMap((part, index) => [part, two[index] as Uint8Array]);
    expect(onlyFlow(sense(frames(SYN4, ...mixed))).orig).toBe(TEXT);
  });

  it('that contradict each other make their bytes ambiguous, whichever is read', () => {
    const parts = fragments4(DATA4, 32);
    const evil = (parts[1] as Uint8Array).slice();
    evil[30] = 0x58;
    const sensed = sense(frames(SYN4, parts[0] as Uint8Array, evil, ...parts.slice(1)), { lines: true });
    expect(summary(sensed.events)).toContain('ambiguity ip-fragment-overlap');
    const requests = sensed.events.filter((event) => event.kind === 'http-request');
    expect(requests.length).toBeGreaterThan(0);
    for (const request of requests) {
      expect(request.ambiguities.map(({ code }) => code)).toEqual(['ip-fragment-overlap']);
    }
  });

  it('with two different ends make the datagram ambiguous', () => {
    const parts = fragments4(DATA4, 32);
    const end = ipv4(CLIENT.ip, SERVER.ip, bytesOf('12345'), { id: 7, fragmentOffset: 80 });
    const sensed = sense(frames(SYN4, parts[0] as Uint8Array, end, ...parts.slice(1)));
    expect(summary(sensed.events)).toContain('ambiguity ip-fragment-overlap');
  });

  it('that never become whole are counted, by time, by number and at the end', () => {
    const [first] = fragments4(DATA4, 32) as [Uint8Array];
    const other = fragments4(DATA4, 32, 8)[0] as Uint8Array;
    const [a, b] = frames(first, other) as [Frame, Frame];
    const { statistics } = sense([a, { ...b, ts: a.ts + 30_000_001 }]);
    expect(statistics.ignored['fragment-incomplete']).toBe(2);
    const many = Array.from({ length: 1000 }, (_, id) => fragments4(DATA4, 32, id)[0] as Uint8Array);
    expect(ignored(sense(frames(...many)))).toEqual({ 'fragment-incomplete': 1000 });
  });

  it('that the snap length cut, or that break the rules, are counted', () => {
    const [first] = frames(...fragments4(DATA4, 32)) as [Frame];
    const odd = ipv4(CLIENT.ip, SERVER.ip, new Uint8Array(9), { moreFragments: true });
    const beyond = ipv4(CLIENT.ip, SERVER.ip, new Uint8Array(64), { fragmentOffset: 65_528 });
    const sensed = sense([snap(first, 40), ...frames(odd, beyond)]);
    expect(ignored(sensed)).toEqual({ 'fragment-cut': 1, 'fragment-incomplete': 2 });
  });
});

describe('IPv6', () => {
  it('steps over extension headers', () => {
    const options = (type: number): Extension => ({ type, rest: new Uint8Array(7) });
    const authentication = { type: 51, rest: concat(Uint8Array.of(4), new Uint8Array(22)) };
    const packet = ipv6(A.ip, B.ip, DATA6, [options(0), options(43), options(60), authentication]);
    expect(onlyFlow(sense(frames(SYN6, packet))).orig).toBe(TEXT);
  });

  it('takes an atomic fragment for a whole packet', () => {
    expect(onlyFlow(sense(frames(SYN6, ipv6(A.ip, B.ip, DATA6, [fragmentHeader(0, false)])))).orig).toBe(
      TEXT,
    );
  });

  it('puts fragments together, with extension headers inside of them', () => {
    const inner = concat(Uint8Array.of(6), new Uint8Array(7), DATA6);
    const part = (at: number, to: number): Uint8Array =>
      ipv6(A.ip, B.ip, inner.subarray(at, to), [fragmentHeader(at, to < inner.length)], 60);
    const sensed = sense(frames(SYN6, part(32, 64), part(64, inner.length), part(0, 32)));
    expect(onlyFlow(sensed).orig).toBe(TEXT);
  });

  it('refuses extension headers that run over the packet, and fragments within fragments', () => {
    const endless = ipv6(A.ip, B.ip, new Uint8Array(8), [
      { type: 0, rest: Uint8Array.of(200, 0, 0, 0, 0, 0, 0) },
    ]);
    const within = concat(Uint8Array.of(6, 0, 0, 1, 0, 0, 0, 9), new Uint8Array(16));
    const nested = ipv6(A.ip, B.ip, within, [fragmentHeader(0, true)], 44);
    const rest = ipv6(A.ip, B.ip, new Uint8Array(8), [fragmentHeader(24, false)], 44);
    expect(ignored(sense(frames(endless)))).toEqual({ 'ip-header': 1 });
    expect(ignored(sense(frames(nested, rest)))).toEqual({ 'ip-header': 1 });
  });

  it('counts what is not TCP', () => {
    const of = (protocol: number): Uint8Array => ipv6(A.ip, B.ip, new Uint8Array(20), [], protocol);
    expect(ignored(sense(frames(of(58), of(17), of(59), of(50))))).toEqual({
      icmp: 1,
      udp: 1,
      'ip-protocol': 2,
    });
  });

  it('gives addresses in canonical text', () => {
    const [event] = sense(frames(SYN6)).events;
    expect(event).toMatchObject({ flow: { orig: { ip: 'fd00::1' }, resp: { ip: 'fd00::2' } } });
  });
});
