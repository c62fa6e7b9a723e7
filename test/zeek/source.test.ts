// Zeek's reports as events. Enters: reports written by hand; leaves: assertions on events, notices, answers.
import { describe, expect, test } from 'vitest';
import { count } from '../../src/broker/value/value.ts';
import type { Protocol } from '../../src/events/common.ts';
import type { Event } from '../../src/events/event.ts';
import { type ZeekNotice, ZeekSource } from '../../src/zeek/source.ts';
import { ReportWriter } from '../support/zeek-reports.ts';

const GET = 'GET /a HTTP/1.1\r\nHost: b\r\n\r\n';

function open(hints: ReadonlyMap<string, Protocol> = new Map()) {
  const events: Event[] = [];
  const notices: ZeekNotice[] = [];
  const source = new ZeekSource({
    name: 'zeek',
    hints,
    onEvent: (event) => events.push(event),
    onNotice: (notice) => notices.push(notice),
  });
  return { source, events, notices };
}

const kinds = (events: readonly Event[]): readonly string[] => events.map(({ kind }) => kind);
const find = <K extends Event['kind']>(events: readonly Event[], kind: K) =>
  events.filter((event): event is Extract<Event, { kind: K }> => event.kind === kind);

describe('a connection', () => {
  test('begins, is answered, carries requests at their offsets and times, and ends', () => {
    const { source, events } = open();
    const zeek = new ReportWriter();
    source.take(zeek.begin('C1'));
    source.take(zeek.report('conn_established', 'C1'));
    source.take(zeek.data('C1', true, 0, GET, { reading: 'request', about: ['GET', '/a', 'HTTP/1.1'] }));
    source.take(zeek.data('C1', true, GET.length, GET));
    source.take(zeek.end('C1'));
    expect(kinds(events)).toEqual([
      'connection-attempt',
      'connection-established',
      'http-request',
      'http-request',
      'connection-end',
    ]);
    const [first, second] = find(events, 'http-request');
    expect(first).toMatchObject({ target: '/a', ts: 1_700_000_000_000_003, ambiguities: [] });
    expect(first?.at).toMatchObject({ side: 'orig', start: 0, end: GET.length, capture: null });
    expect(second?.at).toMatchObject({ start: GET.length, end: 2 * GET.length });
    expect(first?.flow).toMatchObject({
      orig: { ip: '10.1.0.9', port: 40_000 },
      resp: { ip: '10.1.0.11', port: 8080 },
      seenAt: 'zeek',
    });
  });

  test('that began in its middle is turned round when only Zeek’s originator is a service', () => {
    const { source, events } = open(new Map([['10.1.0.9:40000', 'http']]));
    const zeek = new ReportWriter();
    source.take(zeek.begin('C1', 50_000, 'other'));
    source.take(zeek.data('C1', false, 1000, GET));
    const [request] = find(events, 'http-request');
    expect(request?.flow).toMatchObject({ resp: { port: 40_000 }, midstream: true });
    expect(request?.at).toMatchObject({ side: 'orig', start: 1000 });
  });

  test('takes bytes that come twice once, and says which are missing', () => {
    const { source, events } = open();
    const zeek = new ReportWriter();
    source.take(zeek.begin('C1'));
    source.take(zeek.data('C1', true, 0, GET));
    source.take(zeek.data('C1', true, 0, GET));
    source.take(zeek.data('C1', true, GET.length - 5, `AAAAA${GET}`));
    source.take(zeek.lost('C1', true, 2 * GET.length + 3, 7));
    source.take(zeek.data('C1', true, 2 * GET.length + 10, GET));
    expect(find(events, 'http-request').map(({ at }) => at.start)).toEqual([
      0,
      GET.length,
      2 * GET.length + 10,
    ]);
    // From where the last message ended: what a grammar held back of the next one is lost with the gap.
    expect(find(events, 'analysis-lost').map(({ cause, at }) => [cause, at.start, at.end])).toEqual([
      ['gap', 2 * GET.length, 2 * GET.length + 10],
    ]);
  });

  test('is read on behind bytes of a body that were not handed on, with its length', () => {
    const { source, events } = open();
    const zeek = new ReportWriter();
    const head = 'POST /a HTTP/1.1\r\nHost: b\r\nContent-Length: 1000\r\n\r\n';
    source.take(zeek.begin('C1'));
    source.take(zeek.data('C1', true, 0, `${head}abc`, { length: head.length + 1000 }));
    source.take(zeek.data('C1', true, head.length + 1000, GET));
    const [post, get] = find(events, 'http-request');
    expect(post?.body).toMatchObject({ state: 'truncated', length: 1000 });
    expect(Buffer.from(post?.body.bytes ?? []).toString()).toBe('abc');
    expect(get).toMatchObject({ method: 'GET', ambiguities: [] });
  });
});

describe('two readers', () => {
  test('of the same request that disagree make it ambiguous', () => {
    const { source, events } = open();
    const zeek = new ReportWriter();
    source.take(zeek.begin('C1'));
    source.take(zeek.data('C1', true, 0, GET, { reading: 'request', about: ['GET', '/b', 'HTTP/1.1'] }));
    expect(find(events, 'http-request')[0]?.ambiguities).toEqual([
      { code: 'readers-disagree', detail: 'Zeek reads another target' },
    ]);
  });

  test('of the same publication that disagree make it ambiguous', () => {
    const { source, events } = open();
    const zeek = new ReportWriter();
    const publish = '\x01\x00\x01\x00\x00\x00\x0c\x00\x3c\x00\x28\x00\x00\x01x\x02qq\x00\xce';
    const header = '\x02\x00\x01\x00\x00\x00\x0e\x00\x3c\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xce';
    source.take(zeek.begin('C1', 5672));
    source.take(zeek.data('C1', true, 0, 'AMQP\0\0\x09\x01'));
    const about = ['exchange', 'x', 'routingKey', 'q'];
    source.take(zeek.data('C1', true, 8, publish, { reading: 'basic.publish', about }));
    source.take(zeek.data('C1', true, 8 + publish.length, header));
    expect(find(events, 'amqp-method')[0]).toMatchObject({
      method: { exchange: 'x', routingKey: 'qq' },
      ambiguities: [{ code: 'readers-disagree', detail: 'Zeek reads another routingKey' }],
    });
  });
});

describe('numbers', () => {
  test('that are missing are told from the first to the last, and nothing else is', () => {
    const { source, notices } = open();
    const zeek = new ReportWriter();
    source.take(zeek.begin('C1'));
    zeek.skip(3);
    source.take(zeek.begin('C2'));
    source.take(zeek.begin('C3'));
    expect(notices).toEqual([{ kind: 'skipped', from: 2n, to: 4n }]);
    expect(source.zeek).toMatchObject({ skipped: 3, late: 0 });
  });

  test('of a report that never came show as a loss in its connection', () => {
    const { source, events } = open();
    const zeek = new ReportWriter();
    source.take(zeek.begin('C1'));
    zeek.skip();
    source.take(zeek.data('C1', true, GET.length, GET));
    expect(find(events, 'analysis-lost')).toMatchObject([
      { cause: 'gap', at: { start: 0, end: GET.length } },
    ]);
    expect(find(events, 'http-request')).toHaveLength(1);
  });

  test('that came already are taken once', () => {
    const { source, events } = open();
    const zeek = new ReportWriter();
    const begin = zeek.begin('C1');
    source.take(begin);
    source.take(begin);
    expect(events).toHaveLength(1);
    expect(source.zeek.late).toBe(1);
  });

  test('of another epoch are those of a Zeek that was started anew, whose connections are others', () => {
    const { source, events, notices } = open();
    source.take(new ReportWriter('E1').begin('C1'));
    const again = new ReportWriter('E2');
    source.take(again.hello());
    source.take(again.begin('C1'));
    expect(kinds(events)).toEqual(['connection-attempt', 'connection-end', 'connection-attempt']);
    expect(notices).toMatchObject([{ kind: 'hello', epoch: 'E2', again: true }]);
  });
});

test('packets that Zeek lost and connections that it does not follow are told as they grow', () => {
  const { source, notices } = open();
  const zeek = new ReportWriter();
  for (const [dropped, unfollowed] of [
    [0, 0],
    [5, 2],
    [5, 2],
    [7, 6],
  ] as const)
    source.take(zeek.heartbeat(dropped, unfollowed));
  expect(notices).toEqual([
    { kind: 'dropped-packets', packets: 5 },
    { kind: 'unfollowed', connections: 2 },
    { kind: 'dropped-packets', packets: 2 },
    { kind: 'unfollowed', connections: 4 },
  ]);
});

describe('a Zeek that was away', () => {
  const lost = {
    kind: 'lost',
    loss: { code: 'broker-silent', message: 'gone', closeCode: null },
    unconfirmed: 0,
  } as const;

  test('tells its connections again; those that it does not tell have ended meanwhile', () => {
    const { source, events } = open();
    const zeek = new ReportWriter();
    source.take(zeek.begin('C1'));
    source.take(zeek.begin('C2'));
    source.take(lost);
    source.take(zeek.hello());
    source.take(zeek.begin('C2', 8080, 'other'));
    source.take(zeek.heartbeat());
    expect(find(events, 'connection-end')).toMatchObject([{ how: 'timeout' }]);
    source.take(zeek.data('C2', true, 0, GET));
    expect(find(events, 'http-request')).toHaveLength(1);
    expect(source.statistics.openFlows).toBe(1);
  });

  test('blinds every open flow when it is told to, and reading goes on', () => {
    const { source, events } = open();
    const zeek = new ReportWriter();
    source.take(zeek.begin('C1'));
    source.blind('Zeek was gone');
    source.take(zeek.data('C1', true, 0, GET));
    expect(find(events, 'analysis-lost')).toMatchObject([{ cause: 'unseen', lasting: false }]);
    expect(find(events, 'http-request')).toHaveLength(1);
  });
});

describe('answers to Zeek', () => {
  test('are the configuration, until Zeek says that it follows it', () => {
    const { source } = open(new Map([['10.1.0.11:9000', 'http']]));
    const zeek = new ReportWriter();
    const [configure, ...others] = source.take(zeek.hello());
    expect(others).toEqual([]);
    expect(configure).toMatchObject({ name: 'FlowTap::configure', topic: 'flowtap/control/' });
    const [id, services] = configure?.args ?? [];
    expect(services).toMatchObject({ items: [{ text: '9000/http' }] });
    const configuration = id?.kind === 'string' ? id.text : '';
    expect(source.take(zeek.hello({ configuration }))).toEqual([]);
    expect(source.take(zeek.hello({ configuration, replay: true }))).toMatchObject([
      { name: 'FlowTap::resume' },
    ]);
  });

  test('are none to a Zeek that another engine configures: it is told, and nobody goes on and on', () => {
    const { source, notices } = open(new Map([['10.1.0.11:9000', 'http']]));
    const zeek = new ReportWriter();
    const [configure] = source.take(zeek.hello());
    const [id] = configure?.args ?? [];
    const configuration = id?.kind === 'string' ? id.text : '';
    // A hello for another client that just came does not answer ours.
    expect(source.take(zeek.hello({ configuration: 'other' }))).toEqual([]);
    source.take(zeek.hello({ configuration }));
    expect(source.take(zeek.hello({ configuration: 'other' }))).toEqual([]);
    expect(notices.at(-1)).toMatchObject({ kind: 'refused', why: expect.stringContaining('another engine') });
    source.take({
      kind: 'lost',
      loss: { code: 'broker-silent', message: '', closeCode: null },
      unconfirmed: 0,
    });
    expect(source.take(zeek.hello({ configuration: 'other' }))).toHaveLength(1);
  });

  test('of a replay confirm what was taken, and let Zeek end when the capture has', () => {
    const { source, events } = open();
    const zeek = new ReportWriter();
    source.take(zeek.hello({ replay: true }));
    const answers = Array.from({ length: 2000 }, () => source.take(zeek.heartbeat())).flat();
    expect(answers.map(({ name, args }) => [name, args[0]])).toEqual([
      ['FlowTap::credit', count(1000)],
      ['FlowTap::credit', count(2000)],
    ]);
    const end = zeek.report('capture_end', '', {
      kind: 'string',
      text: Buffer.from('x.pcap').toString('base64'),
    });
    expect(source.take(end)).toMatchObject([{ name: 'FlowTap::finish' }]);
    expect(events.at(-1)).toMatchObject({ kind: 'source-end', source: 'zeek' });
  });

  test('are none to scripts of another version, and the notice says what to do', () => {
    const { source, events, notices } = open();
    const zeek = new ReportWriter();
    expect(source.take(zeek.hello({ schema: 2 }))).toEqual([]);
    source.take(zeek.begin('C1'));
    expect(events).toEqual([]);
    expect(notices[1]).toMatchObject({ kind: 'refused', why: expect.stringContaining('zeek-scripts') });
  });
});

describe('what cannot be read', () => {
  const head = (zeek: ReportWriter) => zeek.heartbeat();

  test.each([
    ['a wrong type', (zeek: ReportWriter) => zeek.report('conn_established', 'C1', count(1))],
    [
      'a text that is no base64',
      (zeek: ReportWriter) => zeek.report('capture_end', '', { kind: 'string', text: '*' }),
    ],
    ['an unknown end', (zeek: ReportWriter) => zeek.end('C1', 'x')],
    ['a position beyond all streams', (zeek: ReportWriter) => zeek.lost('C1', true, 2 ** 51, 1)],
    ['more bytes than their length', (zeek: ReportWriter) => zeek.data('C1', true, 0, 'abc', { length: 2 })],
  ])('is counted and told: %s', (_, make) => {
    const { source, notices, events } = open();
    const zeek = new ReportWriter();
    source.take(zeek.begin('C1'));
    source.take(make(zeek));
    source.take(head(zeek));
    expect(notices.map(({ kind }) => kind)).toEqual(['malformed']);
    expect(source.zeek.malformed).toBe(1);
    expect(events).toHaveLength(1);
  });

  test('of a connection that was never told of is counted', () => {
    const { source, events } = open();
    source.take(new ReportWriter().data('C9', true, 0, GET));
    expect(source.zeek.strangers).toBe(1);
    expect(events).toEqual([]);
  });
});
