// The life of a connection. Enters: scripted conversations; leaves: connection events, who opened it, when it ended.
import { describe, expect, it } from 'vitest';
import type { ConnectionAttempt } from '../../../src/events/event.ts';
import { CLIENT, Conversation, type Frame, SERVER, tcpFrame } from '../../support/packets.ts';
import { feed, onlyFlow, openSensor, type Sensed, sense, summary } from '../../support/sensing.ts';

const GET = 'GET / HTTP/1.1\r\n\r\n';
const OK = 'HTTP/1.1 200 OK\r\n\r\n';

function attempts(sensed: Sensed): ConnectionAttempt[] {
  return sensed.events.filter((event) => event.kind === 'connection-attempt');
}

describe('an ordinary connection', () => {
  const sensed = sense(new Conversation().open().send('client', GET).send('server', OK).close().frames);

  it('is attempted, established and ended, each with the packet that did it', () => {
    expect(summary(sensed.events)).toEqual([
      'connection-attempt',
      'connection-established',
      'connection-end fin',
      'source-end',
    ]);
    expect(sensed.events.map((event) => ('at' in event ? event.at.packets : null))).toEqual([
      [1],
      [2],
      [9],
      null,
    ]);
  });

  it('names its ends, its VLANs and its capture', () => {
    expect(attempts(sensed)[0]?.flow).toEqual({
      id: 'f1',
      orig: CLIENT,
      resp: SERVER,
      vlans: [],
      seenAt: 'test.pcap',
      midstream: false,
    });
  });

  it('hands each byte to the parser once, and each end', () => {
    expect(onlyFlow(sensed).calls).toEqual(['orig 0+18', 'resp 0+19', 'orig end fin', 'resp end fin']);
  });

  it('leaves no packet uncounted', () => {
    const { statistics } = sensed;
    expect(statistics).toMatchObject({ packets: 10, flows: 1, openFlows: 0, readBytes: 37 });
    expect(Object.values(statistics.ignored).every((packets) => packets === 0)).toBe(true);
  });
});

describe('how a connection begins', () => {
  it('says attempt only, when nobody answers', () => {
    expect(summary(sense(new Conversation().raw('client', { flags: 'S' }).frames).events)).toEqual([
      'connection-attempt',
      'connection-end capture-end',
      'source-end',
    ]);
  });

  it('is one attempt however often SYN and SYN+ACK are repeated', () => {
    const talk = new Conversation().raw('client', { flags: 'S' }).raw('client', { flags: 'S' });
    talk
      .advance('client', 1)
      .raw('server', { flags: 'SA' })
      .raw('server', { flags: 'SA' })
      .advance('server', 1);
    const sensed = sense(talk.raw('client', { flags: 'A' }).send('client', GET).frames);
    expect(attempts(sensed)).toHaveLength(1);
    expect(onlyFlow(sensed).orig).toBe(GET);
  });

  it('knows the originator when the SYN+ACK comes before the SYN, and that nothing is missing', () => {
    const [syn, synAck, ...rest] = new Conversation().open().send('client', GET).close().frames as [
      Frame,
      Frame,
    ];
    const sensed = sense([synAck, syn, ...rest]);
    expect(attempts(sensed)[0]?.flow).toMatchObject({ orig: CLIENT, midstream: false });
    expect(summary(sensed.events).at(-2)).toBe('connection-end fin');
    expect(onlyFlow(sensed).orig).toBe(GET);
  });

  it('does not take repeated SYN+ACKs alone for a connection', () => {
    const talk = new Conversation().advance('client', 1);
    for (let times = 0; times < 4; times += 1) talk.raw('server', { flags: 'SA' });
    expect(summary(sense(talk.frames).events)).not.toContain('connection-established');
  });

  it('bears the client ahead of the SYN+ACK, as captures of two directions have it', () => {
    const { frames } = new Conversation().open().send('client', GET);
    const [syn, synAck, ack, data, dataAck] = frames as [Frame, Frame, Frame, Frame, Frame];
    const sensed = sense([syn, ack, data, synAck, dataAck]);
    expect(onlyFlow(sensed).calls[0]).toBe('orig 0+18');
    expect(summary(sensed.events)).toContain('connection-established');
  });

  it('keeps the originator in a simultaneous open', () => {
    const talk = new Conversation().raw('client', { flags: 'S' }).raw('server', { flags: 'S' });
    talk.advance('client', 1).advance('server', 1);
    talk.raw('client', { flags: 'SA', seq: 1000 }).raw('server', { flags: 'SA', seq: 5000 });
    const sensed = sense(talk.send('client', GET).send('server', OK).frames);
    expect(attempts(sensed).map(({ flow }) => flow.orig)).toEqual([CLIENT]);
    expect(summary(sensed.events)).toContain('connection-established');
    expect(onlyFlow(sensed)).toMatchObject({ orig: GET, resp: OK });
  });

  it('keeps the originator in a split handshake, where roles seem to turn round', () => {
    const talk = new Conversation().raw('client', { flags: 'S' }).advance('client', 1);
    talk.raw('server', { flags: 'A', seq: 77 }).raw('server', { flags: 'S' }).advance('server', 1);
    talk.raw('client', { flags: 'SA', seq: 1000 }).raw('server', { flags: 'A' });
    const sensed = sense(talk.send('client', GET).send('server', OK).frames);
    expect(attempts(sensed).map(({ flow }) => flow.orig)).toEqual([CLIENT]);
    expect(onlyFlow(sensed)).toMatchObject({ orig: GET, resp: OK });
  });

  it('is not misled by data that a forger sends before the answer', () => {
    const talk = new Conversation().raw('client', { flags: 'S' }).advance('client', 1);
    const forged = { seq: 3_000_000_000, ack: 2_000_000_000, payload: new Uint8Array(10) };
    talk.raw('server', { flags: 'PA', ...forged }).raw('client', { flags: 'A', ack: 5001 });
    const sensed = sense(talk.advance('server', 1).send('client', GET).send('server', OK).frames);
    expect(onlyFlow(sensed)).toMatchObject({ orig: GET, resp: OK });
  });

  it('waits for the client to say which of two SYN+ACKs it took', () => {
    const talk = new Conversation().raw('client', { flags: 'S' }).advance('client', 1);
    talk.raw('server', { flags: 'SA', seq: 900_000_000 });
    talk.raw('server', { flags: 'SA' }).advance('server', 1).raw('client', { flags: 'A' });
    const sensed = sense(talk.send('client', GET).send('server', OK).frames);
    expect(onlyFlow(sensed)).toMatchObject({ orig: GET, resp: OK });
    expect(sensed.statistics.lostBytes).toBe(0);
  });
});

describe('a connection that was under way', () => {
  const data = (from: 'client' | 'server', text: string, hosts = {}): Frame[] =>
    new Conversation(hosts).send(from, text).frames;
  const orig = (frames: readonly Frame[], hints?: ReadonlyMap<string, 'http'>): unknown =>
    attempts(sense(frames, hints === undefined ? {} : { hints }))[0]?.flow;
  const odd = { client: { ip: '10.0.0.1', port: 7001 }, server: { ip: '10.0.0.2', port: 7000 } };

  it('is marked, and established when both sides were seen', () => {
    const sensed = sense(data('client', GET));
    expect(attempts(sensed)[0]?.flow.midstream).toBe(true);
    expect(summary(sensed.events)).toContain('connection-established');
    expect(summary(sense(data('client', GET).slice(0, 1)).events)).not.toContain('connection-established');
  });

  it('takes the side with the declared port for the responder, whatever is said', () => {
    const hints = new Map([['10.0.0.1:7001', 'http' as const]]);
    expect(orig(data('client', GET, odd), hints)).toMatchObject({ orig: odd.server });
  });

  it('takes the side that asks for the originator', () => {
    const swapped = { client: odd.server, server: odd.client };
    expect(orig(data('client', GET, swapped))).toMatchObject({ orig: swapped.client });
    expect(orig(data('server', OK, swapped))).toMatchObject({ orig: swapped.client });
  });

  it('takes the side with the well-known port for the responder, then that with the lower one', () => {
    const known = { client: { ip: '10.0.0.1', port: 30 }, server: { ip: '10.0.0.2', port: 5432 } };
    expect(orig(data('server', 'ZZZ', known))).toMatchObject({ resp: known.server });
    expect(orig(data('client', 'ZZZ', odd))).toMatchObject({ resp: odd.server });
    expect(orig(data('server', 'ZZZ', odd))).toMatchObject({ resp: odd.server });
  });

  it('is established before the message that shows it', () => {
    const { frames } = new Conversation().open().send('server', OK).send('client', GET);
    const sensed = sense([frames[3] as Frame, frames[5] as Frame], { lines: true });
    expect(summary(sensed.events).slice(0, 3)).toEqual([
      'connection-attempt',
      'connection-established',
      'http-request',
    ]);
  });

  it('loses no byte to a probe that came first', () => {
    const talk = new Conversation();
    talk.raw('client', { flags: 'A', seq: 999 }).raw('server', { flags: 'A' });
    const sensed = sense(talk.send('client', GET).frames);
    expect(onlyFlow(sensed).calls[0]).toBe('orig 0+18');
    expect(sensed.statistics.lostBytes).toBe(0);
  });

  it('does not begin with a reset', () => {
    const sensed = sense(new Conversation().raw('client', { flags: 'RA' }).frames);
    expect(summary(sensed.events)).toEqual(['source-end']);
    expect(sensed.statistics.ignored['tcp-stray']).toBe(1);
  });
});

describe('how a connection ends', () => {
  it('is over by time when idle for longer than the limit, and goes on midstream after that', () => {
    const talk = new Conversation().open().send('client', GET).wait(5_000_001).send('client', GET);
    const sensed = sense(talk.frames, { limits: { idle: 5_000_000 } });
    expect(summary(sensed.events)).toEqual([
      'connection-attempt',
      'connection-established',
      'connection-end timeout',
      'connection-attempt',
      'connection-established',
      'connection-end capture-end',
      'source-end',
    ]);
    expect(attempts(sensed).map(({ flow }) => flow.midstream)).toEqual([false, true]);
  });

  it('is not over while packets come, however slowly', () => {
    const talk = new Conversation({ step: 4_000_000 })
      .open()
      .send('client', GET)
      .send('server', OK)
      .send('client', GET);
    expect(attempts(sense(talk.frames, { limits: { idle: 5_000_000 } }))).toHaveLength(1);
  });

  it('gives up unanswered attempts first, then the least recently used connection, and says so', () => {
    const { sensor, result } = openSensor({ limits: { flows: 3 } });
    const host = (port: number) => ({ ip: '10.9.9.9', port });
    const open = (port: number): Frame[] =>
      new Conversation({ client: host(port) }).open().send('client', GET).frames;
    feed(sensor, open(1));
    feed(sensor, open(2));
    feed(sensor, [tcpFrame(host(3), SERVER, { seq: 1, flags: 'S' }, { ts: 1_700_000_000_000_000 })]);
    feed(sensor, open(4));
    feed(sensor, open(5));
    const ends = result().events.flatMap((event) =>
      event.kind === 'connection-end' ? [[event.flow.orig.port, event.how]] : [],
    );
    expect(ends).toEqual([
      [3, 'evicted'],
      [1, 'evicted'],
    ]);
    expect(result().statistics).toMatchObject({ openFlows: 3, lost: { evicted: 2 } });
  });

  it('forgets ended connections before it gives up open ones', () => {
    const { sensor, result } = openSensor({ limits: { flows: 2 } });
    const from = (port: number) => new Conversation({ client: { ip: '10.9.9.9', port } }).open();
    feed(sensor, from(1).frames);
    feed(sensor, from(2).close().frames);
    feed(sensor, from(3).frames);
    expect(result().statistics).toMatchObject({ openFlows: 2, lost: { evicted: 0 } });
  });

  it('keeps the same five-tuple on two VLANs apart', () => {
    const one = new Conversation({ vlans: [1] }).open().send('client', GET).frames;
    const two = new Conversation({ vlans: [2], clientIsn: 77 }).open().send('client', OK).frames;
    const sensed = sense(one.flatMap((frame, index) => [frame, two[index] as Frame]));
    expect(attempts(sensed).map(({ flow }) => flow.vlans)).toEqual([[1], [2]]);
    expect(sensed.flows.map(({ orig }) => orig)).toEqual([GET]);
  });

  it('names no packets where the source keeps none', () => {
    const sensed = sense(new Conversation().open().frames, { capture: null });
    expect(attempts(sensed)[0]).toMatchObject({
      at: { capture: null, packets: [] },
      flow: { seenAt: 'test' },
    });
  });
});
