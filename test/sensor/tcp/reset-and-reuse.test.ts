// Resets, forged and real, and port pairs that are used again. Enters: conversations; leaves: which flow what belongs to.
import { describe, expect, it } from 'vitest';
import { Conversation, type Frame } from '../../support/packets.ts';
import { onlyFlow, type Sensed, sense, summary } from '../../support/sensing.ts';

const GET = 'GET / HTTP/1.1\r\n\r\n';
const OK = 'HTTP/1.1 200 OK\r\n\r\n';

function talk(): Conversation {
  return new Conversation().open().send('client', GET).send('server', OK);
}

function ends(sensed: Sensed): string[] {
  return summary(sensed.events).filter((line) => line.startsWith('connection-end'));
}

describe('a reset', () => {
  it('with the number that the receiver expects ends the connection', () => {
    const sensed = sense(talk().raw('server', { flags: 'R' }).frames);
    expect(ends(sensed)).toEqual(['connection-end rst']);
    expect(sensed.flows[0]?.calls.slice(-2)).toEqual(['orig end rst', 'resp end rst']);
  });

  it('may carry a diagnostic text, which is not part of the stream', () => {
    const sensed = sense(talk().raw('server', { flags: 'RA', payload: new Uint8Array(9) }).frames);
    expect(sensed.flows[0]?.resp).toBe(OK);
  });

  it('refuses a SYN only when it acknowledges it', () => {
    const syn = new Conversation().raw('client', { flags: 'S' });
    const refused = new Conversation().raw('client', { flags: 'S' }).advance('client', 1);
    expect(ends(sense(refused.raw('server', { flags: 'RA', seq: 0 }).frames))).toEqual([
      'connection-end rst',
    ]);
    const forged = syn.raw('server', { flags: 'RA', seq: 0, ack: 4 });
    expect(ends(sense(forged.frames))).toEqual(['connection-end capture-end']);
  });

  it('that is forged blindly changes nothing', () => {
    for (const seq of [1, 700_000_000, 3_000_000_000]) {
      const sensed = sense(
        talk().raw('server', { flags: 'R', seq }).send('client', GET).send('server', OK).frames,
      );
      expect(ends(sensed)).toEqual(['connection-end capture-end']);
      expect(sensed.flows[0]).toMatchObject({ orig: GET + GET, resp: OK + OK });
      expect(sensed.statistics.ignored['tcp-stray']).toBe(1);
    }
  });

  it('in the window but not exact has its way only when nothing comes after it', () => {
    const ahead = (): Conversation => talk().raw('server', { flags: 'R', seq: 5001 + OK.length + 500 });
    expect(ends(sense(ahead().frames))).toEqual(['connection-end rst']);
    const lives = ahead().send('client', GET).send('server', OK);
    expect(ends(sense(lives.frames))).toEqual(['connection-end capture-end']);
  });

  it('leaves what was in flight to its receiver as leftovers', () => {
    const sensed = sense(
      talk()
        .raw('client', { flags: 'R' })
        .raw('server', { flags: 'PA', payload: new Uint8Array(50) }).frames,
    );
    expect(sensed.statistics).toMatchObject({ flows: 1, ignored: { 'tcp-after-end': 1 } });
  });

  it('that its own sender does not heed was forged: the connection is read on, midstream', () => {
    const sensed = sense(talk().raw('client', { flags: 'R' }).send('client', GET).send('server', OK).frames);
    expect(sensed.flows.map(({ orig, resp }) => [orig, resp])).toEqual([
      [GET, OK],
      [GET, OK],
    ]);
    expect(
      sensed.events
        .filter((event) => event.kind === 'connection-attempt')
        .map(({ flow }) => [flow.orig.port, flow.midstream]),
    ).toEqual([
      [40000, false],
      [40000, true],
    ]);
  });

  it('that the alleged sender does not know of was forged: what it acknowledges is read', () => {
    const sensed = sense(talk().raw('server', { flags: 'R' }).send('client', GET).send('server', OK).frames);
    expect(sensed.flows.map(({ orig, resp }) => [orig, resp])).toEqual([
      [GET, OK],
      [GET, OK],
    ]);
  });
});

describe('a FIN', () => {
  it('that only we believed does not hide what follows', () => {
    const both = talk().raw('client', { flags: 'FA' }).raw('server', { flags: 'FA' });
    const sensed = sense(both.send('client', GET).send('server', OK).frames);
    expect(sensed.flows.map(({ orig }) => orig)).toEqual([GET, GET]);
  });

  it.each(['F', 'FA'])(
    'of one side (%s) that its receiver did not take hides nothing of what it read',
    (flags) => {
      const forged = talk().raw('client', { flags });
      const sensed = sense(forged.send('client', GET).send('server', OK).frames);
      expect(sensed.flows.map(({ orig, resp }) => [orig, resp])).toEqual([
        [GET, OK],
        [GET, OK],
      ]);
      expect(sensed.statistics.lostBytes).toBe(0);
    },
  );

  it('right after the handshake, or before its answer, hides no request in several segments', () => {
    for (const after of [1, 3]) {
      const frames = new Conversation({ mss: 5 }).open().send('client', GET).send('server', OK).frames;
      const fin = new Conversation().advance('client', 1).raw('client', { flags: 'F' }).frames;
      const sensed = sense([...frames.slice(0, after), ...fin, ...frames.slice(after)]);
      expect(sensed.flows.map(({ orig, resp }) => [orig, resp]).at(-1)).toEqual([GET, OK]);
    }
  });

  it('in the midst of a request hides nothing of it', () => {
    const forged = new Conversation().open().raw('client', { flags: 'F', seq: 1006 });
    const sensed = sense(forged.send('client', GET).send('server', OK).frames);
    expect(sensed.flows.at(-1)).toMatchObject({ orig: GET, resp: OK });
  });

  it('does not let a decoy behind it push the request aside: the two make it ambiguous', () => {
    const forged = talk()
      .raw('client', { flags: 'F' })
      .raw('client', { flags: 'PA', payload: Buffer.from('X') });
    const sensed = sense(forged.send('client', GET).send('server', OK).frames);
    expect(sensed.flows.at(-1)?.orig).toBe(`X${GET.slice(1)}`);
    expect(sensed.events.find(({ kind }) => kind === 'ambiguity')).toMatchObject({
      code: 'tcp-overlap-conflict',
    });
  });

  it('that its receiver took ends its side: data behind it is read by nobody', () => {
    const half = talk().raw('client', { flags: 'FA' }).advance('client', 1).raw('server', { flags: 'A' });
    half.raw('client', { flags: 'PA', payload: Buffer.from(GET) });
    const sensed = sense(half.send('server', OK).frames);
    expect(sensed.flows.map(({ orig }) => orig)).toEqual([GET]);
    expect(sensed.statistics).toMatchObject({ flows: 1, lostBytes: 0, ambiguities: 0 });
  });

  it('that was not taken is a gap up to what was captured behind it', () => {
    const forged = talk().raw('client', { flags: 'F' }).advance('client', 7).send('client', GET);
    const sensed = sense(forged.send('server', OK).frames);
    const gap = sensed.events.find(({ kind }) => kind === 'analysis-lost');
    expect(gap).toMatchObject({ cause: 'gap', at: { side: 'orig', start: 18, end: 25 } });
    expect(sensed.flows.at(-1)).toMatchObject({ orig: GET, resp: OK });
  });

  it('that an acknowledgement alone denies is a gap, and the flow goes on', () => {
    const half = talk().raw('client', { flags: 'FA' }).advance('client', 9);
    const sensed = sense(half.send('server', OK).send('server', OK).frames);
    expect(sensed.events.filter(({ kind }) => kind === 'analysis-lost')).toMatchObject([
      { cause: 'gap', at: { side: 'orig', start: 18, end: 27 } },
    ]);
    expect(onlyFlow(sensed)).toMatchObject({ orig: GET, resp: OK + OK + OK });
  });

  it('with more behind it than is held is a lost message, not one that nobody hears of', () => {
    const forged = talk().raw('client', { flags: 'F' }).send('client', 'x'.repeat(3000)).send('server', OK);
    const sensed = sense(forged.frames, { limits: { reassembly: 1000 } });
    expect(sensed.events.find(({ kind }) => kind === 'analysis-lost')).toMatchObject({ cause: 'limit' });
  });

  it('of the server before its SYN does not end the server', () => {
    const forged = { flags: 'FA', seq: 900 };
    const opened = new Conversation()
      .raw('client', { flags: 'S' })
      .advance('client', 1)
      .raw('server', forged);
    opened.raw('server', { flags: 'SA' }).advance('server', 1).raw('client', { flags: 'A' });
    const sensed = sense(opened.send('client', GET).send('server', OK).frames);
    expect(onlyFlow(sensed)).toMatchObject({ orig: GET, resp: OK });
    expect(sensed.statistics.lostBytes).toBe(0);
  });

  it('of the server from before the connection does not end the server', () => {
    const old = new Conversation().raw('server', { flags: 'FA', seq: 5001, ack: 1001 }).frames;
    const sensed = sense([...old, ...talk().frames]);
    expect(onlyFlow(sensed)).toMatchObject({ orig: GET, resp: OK });
  });

  it('of one side leaves the other side open', () => {
    const half = talk().raw('client', { flags: 'FA' }).advance('client', 1).raw('server', { flags: 'A' });
    const sensed = sense(half.send('server', OK).raw('server', { flags: 'FA' }).frames);
    expect(ends(sensed)).toEqual(['connection-end fin']);
    expect(sensed.flows[0]?.calls).toEqual([
      'orig 0+18',
      'resp 0+19',
      'orig end fin',
      'resp 19+19',
      'resp end fin',
    ]);
  });

  it('waits for the bytes before it', () => {
    const frames = new Conversation().open().send('client', GET).close().frames;
    const [data] = frames.splice(3, 1) as [Frame];
    frames.splice(5, 0, data);
    const sensed = sense(frames);
    expect(sensed.flows[0]?.calls).toEqual(['orig 0+18', 'orig end fin', 'resp end fin']);
    expect(sensed.statistics.lostBytes).toBe(0);
  });

  it('may come again, and alone after its data', () => {
    const again = talk().raw('client', { flags: 'FA' }).raw('client', { flags: 'FA' });
    again.raw('client', { flags: 'FPA', seq: 1001, payload: Buffer.from(GET) });
    const sensed = sense(again.advance('client', 1).raw('server', { flags: 'FA' }).frames);
    expect(ends(sensed)).toEqual(['connection-end fin']);
    expect(sensed.statistics.ignored['tcp-stray']).toBe(0);
  });
});

describe('a port pair that is used again', () => {
  const again = (isn: number): Frame[] =>
    new Conversation({ clientIsn: isn, serverIsn: isn + 7, start: 1_700_000_001_000_000 })
      .open()
      .send('client', GET)
      .send('server', OK)
      .close().frames;

  it('after the end is another flow', () => {
    const sensed = sense([...talk().close().frames, ...again(90_000)]);
    expect(ends(sensed)).toEqual(['connection-end fin', 'connection-end fin']);
    expect(sensed.flows.map(({ orig }) => orig)).toEqual([GET, GET]);
  });

  it('after an end that was not seen is another flow once the SYN is answered', () => {
    const sensed = sense([...talk().frames, ...again(3_000_000_000)]);
    expect(ends(sensed)).toEqual(['connection-end timeout', 'connection-end fin']);
    expect(sensed.flows.map(({ orig }) => orig)).toEqual([GET, GET]);
  });

  it('is no other flow while the SYN is not answered', () => {
    const live = talk().raw('client', { flags: 'S', seq: 3_000_000_000 });
    const sensed = sense(live.send('client', GET).send('server', OK).frames);
    expect(ends(sensed)).toEqual(['connection-end capture-end']);
    expect(sensed.flows[0]).toMatchObject({ orig: GET + GET, resp: OK + OK });
  });

  it('is another flow when only the SYN+ACK was not captured', () => {
    const frames = again(3_000_000_000).filter((_, index) => index !== 1);
    const sensed = sense([...talk().frames, ...frames]);
    expect(sensed.flows.map(({ orig }) => orig)).toEqual([GET, GET]);
  });

  it('is another flow, midstream, when its handshake was not captured but both ends agree', () => {
    const sensed = sense([...talk().frames, ...again(3_000_000_000).slice(3)]);
    expect(sensed.flows.map(({ orig, resp }) => [orig, resp])).toEqual([
      [GET, OK],
      [GET, OK],
    ]);
  });

  it('does not mistake a late copy of the old SYN for a new connection', () => {
    const old = talk().close();
    const sensed = sense([...old.frames, ...old.frames.slice(0, 2)]);
    expect(sensed.statistics).toMatchObject({ flows: 1, ignored: { 'tcp-after-end': 2 } });
  });

  it('does not give the data of an older connection to an unanswered SYN', () => {
    const syn = new Conversation().raw('client', { flags: 'S' });
    const sensed = sense(
      syn.raw('server', { flags: 'PA', seq: 9, ack: 1500, payload: new Uint8Array(30) }).frames,
    );
    expect(sensed.flows).toEqual([]);
    expect(sensed.statistics.ignored['tcp-stray']).toBe(1);
  });
});
