// Reassembly. Enters: a conversation cut, doubled, reordered, lost or contradicted; leaves: the same streams, or what is wrong.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HOLE_PACKETS, HOLE_TIME } from '../../../src/sensor/tcp/flow.ts';
import { bytesOf, CLIENT, Conversation, type Frame, SERVER, snap, tcpFrame } from '../../support/packets.ts';
import { feed, onlyFlow, openSensor, type Sensed, sense, summary } from '../../support/sensing.ts';

const GET = 'GET / HTTP/1.1\r\n\r\n';
const LOST = '\u2205';

function gaps(sensed: Sensed): (readonly [string, number, number])[] {
  return sensed.events.flatMap((event) =>
    event.kind === 'analysis-lost' && event.cause === 'gap'
      ? [[event.at.side, event.at.start, event.at.end] as const]
      : [],
  );
}

/** A client's segment at a stream offset. */
function at(
  offset: number,
  text: string,
  fields: { flags?: string; urgent?: number; ts?: number } = {},
): Frame {
  const { ts = 1_700_000_000_100_000, ...rest } = fields;
  const payload = bytesOf(text);
  return tcpFrame(CLIENT, SERVER, { seq: 1001 + offset, ack: 5001, flags: 'PA', ...rest, payload }, { ts });
}

/** The server acknowledges up to a stream offset. */
function ack(offset: number, ts = 1_700_000_000_100_000): Frame {
  return tcpFrame(SERVER, CLIENT, { seq: 5001, ack: 1001 + offset, flags: 'A' }, { ts });
}

const OPEN = new Conversation().open().frames;

describe('streams', () => {
  it('are the same for any segmentation, doubling and reordering of a conversation, with any first number', () => {
    const side = fc.constantFrom('client' as const, 'server' as const);
    const message = fc.tuple(side, fc.string({ unit: 'binary-ascii', minLength: 1, maxLength: 60 }));
    const isn = fc.oneof(fc.nat({ max: 0xffffffff }), fc.integer({ min: 0xffffff00, max: 0xffffffff }));
    const script = fc.array(message, { minLength: 1, maxLength: 12 });
    const shuffle = fc.array(fc.nat({ max: 1000 }), { minLength: 200, maxLength: 200 });
    fc.assert(
      fc.property(script, fc.integer({ min: 1, max: 40 }), isn, isn, shuffle, (messages, mss, a, b, keys) => {
        const talk = new Conversation({ mss, clientIsn: a, serverIsn: b, step: 10 }).open();
        talk.send('client', GET);
        for (const [from, text] of messages) talk.send(from, text);
        const handshake = talk.frames.slice(0, 3);
        const body = talk.frames.slice(3);
        const doubled = body.flatMap((frame, index) =>
          (keys[index % 200] ?? 0) % 3 === 0 ? [frame, frame] : [frame],
        );
        // Moved by up to a few dozen places, which is within the grace for acknowledged holes.
        const moved = doubled
          .map((frame, index) => ({ frame, key: index + (keys[index % 200] ?? 0) / 20 }))
          .sort((x, y) => x.key - y.key)
          .map(({ frame }) => frame);
        const sensed = sense([...handshake, ...moved]);
        const said = (from: 'client' | 'server'): string =>
          messages
            .filter(([who]) => who === from)
            .map(([, text]) => text)
            .join('');
        const heard = onlyFlow(sensed);
        expect(heard.orig).toBe(GET + said('client'));
        expect(heard.resp).toBe(said('server'));
        expect(sensed.statistics).toMatchObject({ lostBytes: 0, ambiguities: 0 });
        expect(sensed.statistics.lost.gap).toBe(0);
      }),
      { numRuns: 150 },
    );
  });

  it('go on over the end of the sequence numbers', () => {
    const text = 'x'.repeat(100_000);
    const sensed = sense(
      new Conversation({ clientIsn: 0xffffff00 }).open().send('client', GET).send('client', text).frames,
    );
    expect(onlyFlow(sensed).orig).toBe(GET + text);
  });

  it('are not disturbed by keep-alives, whatever their byte is, nor by closed windows', () => {
    const talk = new Conversation().open().send('client', GET);
    talk.raw('client', { flags: 'A', seq: 1000 + GET.length, payload: bytesOf('?') });
    talk.raw('client', { flags: 'A', seq: 1000 + GET.length }).raw('server', { flags: 'A', window: 0 });
    const sensed = sense(talk.send('client', 'more').frames);
    expect(onlyFlow(sensed).orig).toBe(`${GET}more`);
    expect(sensed.statistics.ambiguities).toBe(0);
  });

  it('count what is retransmitted', () => {
    const talk = new Conversation().open().send('client', GET);
    talk.raw('client', { flags: 'PA', seq: 1001, payload: bytesOf(GET) });
    expect(sense(talk.frames).statistics).toMatchObject({
      retransmittedBytes: GET.length,
      uncomparedBytes: 0,
    });
  });

  it('are not upset by numbers far outside of the window', () => {
    const sensed = sense([...OPEN, at(500_000_000, 'evil'), at(-500_000_000, 'evil'), at(0, GET)]);
    expect(onlyFlow(sensed).orig).toBe(GET);
    expect(sensed.statistics.ignored['tcp-stray']).toBe(2);
  });
});

describe('bytes that come twice and differ', () => {
  const line = 'GET /good HTTP/1.1\n';
  const evil = 'GET /evil HTTP/1.1\n';
  const codes = (sensed: Sensed): string[][] =>
    sensed.events.flatMap((event) =>
      event.kind === 'http-request' ? [event.ambiguities.map(({ code }) => code)] : [],
    );

  it('after they were delivered are an ambiguity with both packets, of the bytes that differ', () => {
    const sensed = sense([...OPEN, at(0, line), at(0, evil)], { lines: true });
    expect(sensed.events.find((event) => event.kind === 'ambiguity')).toMatchObject({
      code: 'tcp-overlap-conflict',
      at: { side: 'orig', start: 5, end: 9, packets: [4, 5] },
    });
    expect(onlyFlow(sensed).orig).toBe(line);
  });

  it('before they were delivered make each request that they touch ambiguous, and no other', () => {
    const frames = [at(line.length, line), at(line.length, evil), at(2 * line.length, line), at(0, line)];
    const sensed = sense([...OPEN, ...frames], { lines: true });
    expect(codes(sensed)).toEqual([[], ['tcp-overlap-conflict'], []]);
    expect(sensed.statistics).toMatchObject({ ambiguities: 1, ambiguousMessages: 1 });
  });

  it('are found in any overlap', () => {
    const text = 'abcdefghijklmnopqrst';
    const span = fc.tuple(fc.nat({ max: 15 }), fc.integer({ min: 1, max: 5 }));
    fc.assert(
      fc.property(fc.array(span, { minLength: 1, maxLength: 12 }), fc.nat({ max: 19 }), (spans, wrong) => {
        const { sensor, result } = openSensor({ hints: new Map([['*:8080', 'mysql']]) });
        feed(sensor, OPEN);
        const seen = new Set<number>();
        for (const [start, length] of spans) {
          feed(sensor, [at(start, text.slice(start, start + length))]);
          for (let byte = start; byte < start + length; byte += 1) seen.add(byte);
        }
        const changed = [...text].map((letter, index) => (index === wrong ? '!' : letter)).join('');
        feed(sensor, [at(0, changed)]);
        const found = result().events.filter((event) => event.kind === 'ambiguity');
        expect(found.map((event) => [event.at.start, event.at.end])).toEqual(
          seen.has(wrong) ? [[wrong, wrong + 1]] : [],
        );
      }),
      { numRuns: 1000, examples: [[[[0, 1]], 0]] },
    );
  });

  it('are told of a single byte too, as long as the receiver has not said which it has', () => {
    const again = [at(line.length - 1, '!'), at(line.length - 1, '!next')];
    for (const second of again) {
      expect(sense([...OPEN, at(0, line), second]).statistics.ambiguities).toBe(1);
    }
    expect(
      sense([...OPEN, at(0, line), ack(line.length), at(line.length - 1, '!')]).statistics.ambiguities,
    ).toBe(0);
    expect(
      sense([...OPEN, at(0, line), ack(line.length), at(line.length - 1, '!x')]).statistics.ambiguities,
    ).toBe(1);
  });

  it('cannot be told further back than what is kept, which is counted', () => {
    const talk = new Conversation().open().send('client', GET).send('client', 'x'.repeat(100_000));
    talk.raw('client', { flags: 'PA', seq: 1001, payload: bytesOf('POST') });
    const { statistics } = sense(talk.frames);
    expect(statistics).toMatchObject({ ambiguities: 0, retransmittedBytes: 4, uncomparedBytes: 4 });
  });

  it('just within what is kept are told', () => {
    const talk = new Conversation().open().send('client', GET).send('client', 'x'.repeat(100_000));
    const offset = GET.length + 100_000 - 65_536;
    talk.raw('client', { flags: 'PA', seq: 1001 + offset, payload: bytesOf('y') });
    expect(sense(talk.frames).events.find((event) => event.kind === 'ambiguity')).toMatchObject({
      at: { start: offset, end: offset + 1 },
    });
  });
});

describe('urgent data', () => {
  it('is kept in the stream, announced, and makes the request with it ambiguous', () => {
    const sensed = sense([...OPEN, at(0, 'GET /a!b\n', { flags: 'PAU', urgent: 8 }), at(9, 'next\n')], {
      lines: true,
    });
    expect(sensed.events.find((event) => event.kind === 'ambiguity')).toMatchObject({
      code: 'tcp-urgent-data',
      at: { start: 7, end: 9, packets: [4] },
    });
    const requests = sensed.events.filter((event) => event.kind === 'http-request');
    expect(requests.map(({ ambiguities }) => ambiguities.length)).toEqual([1, 0]);
    expect(onlyFlow(sensed).orig).toBe('GET /a!b\nnext\n');
  });
});

describe('bytes that are missing', () => {
  const rest = 'x'.repeat(20);

  it('are lost once they were acknowledged and their grace in time is over, even if the flow falls silent', () => {
    const start = 1_700_000_000_100_000;
    const { sensor, result } = openSensor();
    feed(sensor, [...OPEN, at(0, GET), at(GET.length + 10, rest), ack(GET.length + 30, start)]);
    const other = (ts: number): Frame =>
      tcpFrame({ ...CLIENT, port: 2 }, SERVER, { seq: 1, flags: 'S' }, { ts });
    feed(sensor, [other(start + HOLE_TIME - 1)]);
    expect(gaps(result())).toEqual([]);
    feed(sensor, [other(start + HOLE_TIME)]);
    expect(gaps(result())).toEqual([['orig', GET.length, GET.length + 10]]);
    expect(onlyFlow(result()).orig).toBe(GET + LOST.repeat(10) + rest);
  });

  it('are lost once they were acknowledged and enough packets of the flow have passed', () => {
    const { sensor, result } = openSensor();
    feed(sensor, [...OPEN, at(0, GET), at(GET.length + 10, rest), ack(GET.length + 30)]);
    for (let packets = 1; packets < HOLE_PACKETS; packets += 1) feed(sensor, [ack(GET.length + 30)]);
    expect(gaps(result())).toEqual([]);
    feed(sensor, [ack(GET.length + 30)]);
    expect(gaps(result())).toEqual([['orig', GET.length, GET.length + 10]]);
  });

  it('may follow their acknowledgement within the grace', () => {
    const sensed = sense([
      ...OPEN,
      at(0, GET),
      at(GET.length + 10, rest),
      ack(GET.length + 30),
      at(GET.length, 'y'.repeat(10)),
    ]);
    expect(gaps(sensed)).toEqual([]);
    expect(onlyFlow(sensed).orig).toBe(GET + 'y'.repeat(10) + rest);
  });

  it('are waited for as long as nobody acknowledged them, up to the end', () => {
    const late = 1_700_000_060_000_000;
    const frames = [...OPEN, at(0, GET), at(GET.length + 10, rest), ack(GET.length, late)];
    expect(onlyFlow(sense([...frames, at(GET.length, 'y'.repeat(10), { ts: late })])).orig).toBe(
      GET + 'y'.repeat(10) + rest,
    );
    expect(gaps(sense(frames))).toEqual([['orig', GET.length, GET.length + 10]]);
  });

  it('are lost when too much waits for them, however small its pieces are', () => {
    const waiting = Array.from({ length: 400 }, (_, index) => at(GET.length + 10 + 2 * index, 'z'));
    const sensed = sense([...OPEN, at(0, GET), ...waiting], { limits: { reassembly: 50_000 } });
    const first = sensed.events.findIndex((event) => event.kind === 'analysis-lost');
    expect(gaps(sensed)[0]).toEqual(['orig', GET.length, GET.length + 10]);
    expect(sensed.events[first]).toMatchObject({ ts: 1_700_000_000_100_000 });
    expect(sensed.statistics.lost.gap).toBeGreaterThan(200);
  });

  it('before a FIN are lost, then the side ends', () => {
    const fin = at(GET.length + 10, '', { flags: 'FA' });
    const sensed = sense([...OPEN, at(0, GET), fin, ack(GET.length + 11)]);
    expect(onlyFlow(sensed).calls).toEqual([
      'orig 0+18',
      'orig lost 18+10',
      'orig end fin',
      'resp end capture-end',
    ]);
  });

  it('at the beginning leave a port that is known to its parser, and any other to what comes', () => {
    const sensed = sense([...OPEN, at(10, `...\r\n\r\n${GET}`), ack(40)]);
    expect(onlyFlow(sensed)).toMatchObject({ protocol: 'http' });
    expect(onlyFlow(sensed).calls[0]).toBe('orig lost 0+10');
  });

  it('that the snap length cut are lost at their place', () => {
    const whole = at(0, `${GET}${rest}`);
    const sensed = sense([...OPEN, snap(whole, whole.bytes.length - 5), at(GET.length + 20, 'after')]);
    expect(onlyFlow(sensed).orig).toBe(`${GET}${'x'.repeat(15)}${LOST.repeat(5)}after`);
    expect(sensed.statistics.lostBytes).toBe(5);
  });

  it('that the snap length cut from a waiting packet may still be filled', () => {
    const whole = at(GET.length, rest);
    const cut = snap(whole, whole.bytes.length - 10);
    const sensed = sense([...OPEN, cut, at(GET.length + 12, 'FILLED'), at(0, GET)]);
    expect(onlyFlow(sensed).orig).toBe(`${GET}${'x'.repeat(10)}${LOST.repeat(2)}FILLED${LOST.repeat(2)}`);
  });

  it('are lost with the header where the snap length cut even its options', () => {
    const whole = tcpFrame(CLIENT, SERVER, {
      seq: 1001,
      ack: 5001,
      flags: 'PA',
      options: new Uint8Array(12).fill(1),
      payload: bytesOf(GET),
    });
    expect(gaps(sense([...OPEN, snap(whole, 14 + 20 + 24)]))).toEqual([['orig', 0, GET.length]]);
  });
});

describe('data in a SYN', () => {
  const time = { ts: 1_700_000_000_000_000 };
  const syn = (text: string): Frame =>
    tcpFrame(CLIENT, SERVER, { seq: 1000, flags: 'S', payload: bytesOf(text) }, time);
  const synAck = (taken: number): Frame =>
    tcpFrame(SERVER, CLIENT, { seq: 5000, ack: 1001 + taken, flags: 'SA' }, time);

  it('is read when the server takes it', () => {
    const sensed = sense([syn('GET / '), synAck(6), at(6, 'HTTP/1.1\r\n\r\n')]);
    expect(onlyFlow(sensed).orig).toBe(GET);
    expect(sensed.statistics.ambiguities).toBe(0);
  });

  it('is read from the SYN+ACK too', () => {
    const payload = bytesOf('HTTP/1.1 ');
    const greeting = tcpFrame(SERVER, CLIENT, { seq: 5000, ack: 1001, flags: 'SA', payload }, time);
    const answer = tcpFrame(CLIENT, SERVER, { seq: 1001, ack: 5010, flags: 'A' }, time);
    expect(onlyFlow(sense([syn(''), greeting, answer])).resp).toBe('HTTP/1.1 ');
  });

  it('is no matter when the server does not take it and it is sent again', () => {
    const sensed = sense([syn('GET / '), synAck(0), at(0, GET)]);
    expect(onlyFlow(sensed).orig).toBe(GET);
    expect(sensed.statistics.ambiguities).toBe(0);
  });

  it('is read when only the sender is heard and goes on behind it', () => {
    expect(onlyFlow(sense([syn('GET / '), at(6, 'HTTP/1.1\r\n\r\n')])).orig).toBe(GET);
  });

  it('is an ambiguity when other data comes in its place', () => {
    const sensed = sense([syn('GET /evil\n'), synAck(0), at(0, 'GET /good HTTP/1.1\n')], { lines: true });
    expect(onlyFlow(sensed).orig).toBe('GET /good HTTP/1.1\n');
    expect(sensed.events.find((event) => event.kind === 'ambiguity')).toMatchObject({
      code: 'tcp-data-in-syn',
      at: { start: 0, end: 10, packets: [1, 3] },
    });
    expect(sensed.events.find((event) => event.kind === 'http-request')?.ambiguities).toHaveLength(1);
  });

  it.each([
    ['the number of its first byte', 1001],
    ['a higher number', 1109],
    ['a lower number', 900],
  ])('is read although a FIN with %s came before: nobody heeds a FIN before the SYN', (_, seq) => {
    const fin = tcpFrame(CLIENT, SERVER, { seq, ack: 5001, flags: 'FA' }, time);
    const sensed = sense([fin, syn('GET / '), synAck(6), at(6, 'HTTP/1.1\r\n\r\n')]);
    expect(onlyFlow(sensed).orig).toBe(GET);
    expect(sensed.statistics).toMatchObject({ ambiguities: 0, lostBytes: 0 });
  });

  it('is read although a FIN in the midst of it came after, when the server takes it', () => {
    const fin = tcpFrame(CLIENT, SERVER, { seq: 1003, flags: 'F' }, time);
    const sensed = sense([syn('GET / '), fin, synAck(6), at(6, 'HTTP/1.1\r\n\r\n')]);
    expect(onlyFlow(sensed).orig).toBe(GET);
  });

  it('is read when it comes with a second SYN behind a FIN, and the server takes it', () => {
    const fin = tcpFrame(CLIENT, SERVER, { seq: 1001, flags: 'F' }, time);
    const sensed = sense([syn(''), fin, syn('GET / '), synAck(6), at(6, 'HTTP/1.1\r\n\r\n')]);
    expect(onlyFlow(sensed).orig).toBe(GET);
  });

  it('is read as ambiguous when nobody ever acknowledged it', () => {
    const sensed = sense([syn('GET / HTTP/1.1\n'), synAck(0)], { lines: true });
    expect(summary(sensed.events)).toContain('ambiguity tcp-data-in-syn');
    expect(sensed.events.find((event) => event.kind === 'http-request')?.ambiguities).toHaveLength(1);
  });
});
