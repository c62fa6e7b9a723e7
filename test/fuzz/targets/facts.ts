// Facts of HTTP and AMQP requests: targets, JSON, forms, cookies, headers, properties; and their normal forms. Enters: parts; leaves: facts.
import type { AmqpEvent } from '../../../src/events/amqp.ts';
import type { Header } from '../../../src/events/common.ts';
import type { HttpRequest, HttpResponse } from '../../../src/events/http.ts';
import type { Evidence, Flow, FlowId } from '../../../src/flow.ts';
import type { AmqpRequestDeclaration, HttpRequestDeclaration } from '../../../src/policy/document.ts';
import { type FactDeclaration, NORMALISERS, type Normaliser } from '../../../src/policy/fact.ts';
import { matchAmqp } from '../../../src/policy/match/amqp.ts';
import { matchHttp, readHttpResponse } from '../../../src/policy/match/http.ts';
import { MalformedFrame } from '../../../src/sensor/amqp/fields.ts';
import { readContentHeader } from '../../../src/sensor/amqp/properties.ts';
import * as b from '../../support/amqp-bytes.ts';
import type { Input } from '../input.ts';
import { piece } from '../seeds.ts';
import type { Target } from '../target.ts';
import { weigh } from '../weigh.ts';
import { checkJson, checkNormal, checkTarget } from './fact-checks.ts';

const FLOW: Flow = {
  id: 'f' as FlowId,
  orig: { ip: '192.0.2.1', port: 40_000 },
  resp: { ip: '192.0.2.2', port: 80 },
  vlans: [],
  seenAt: 'fuzz',
  midstream: false,
};
const AT: Evidence = { side: 'orig', start: 0, end: 1, flow: FLOW.id, ts: 1, capture: null, packets: [] };
/** Facts are named after what they are compared as. */
const COMPARED: ReadonlyMap<string, Normaliser> = new Map(NORMALISERS.map((each) => [each, each]));

function facts(...sources: readonly FactDeclaration['source'][]): FactDeclaration[] {
  return sources.map((source, index) => {
    const as = NORMALISERS[index % NORMALISERS.length] ?? 'text';
    return {
      fact: as,
      source,
      as,
      optional: index % 2 === 0,
      ...(index % 3 === 2 ? { trim: true, scale: -2 } : {}),
    };
  });
}

function declared(
  path: string,
  of: readonly FactDeclaration[],
  query: readonly string[] = [],
): HttpRequestDeclaration {
  return {
    protocol: 'http',
    overriding: null,
    id: path,
    from: 'a',
    to: 'b',
    place: null,
    method: 'POST',
    path,
    query,
    facts: of,
  };
}

/** One way of carrying facts a path, so that a fault in one does not hide the others. */
const HTTP: readonly HttpRequestDeclaration[] = [
  declared('/path/:a/:b', facts({ in: 'path', name: 'a' }, { in: 'path', name: 'b' })),
  declared('/query', facts({ in: 'query', name: 'a' }, { in: 'query', name: 'b' }), ['c']),
  declared(
    '/header',
    facts({ in: 'header', name: 'x-a' }, { in: 'cookie', name: 'a' }, { in: 'header', name: 'x-b' }),
  ),
  declared(
    '/json',
    facts(
      { in: 'body', pointer: '/a/0/b' },
      { in: 'body', pointer: '/c~1~0' },
      { in: 'body', pointer: '/__proto__' },
    ),
  ),
  declared(
    '/list',
    [...facts({ in: 'body', pointer: '/a/*/b' })].map((each) => ({ ...each, all: true as const })),
  ),
  declared('/multi', facts({ in: 'multipart', name: 'a' }, { in: 'multipart', name: 'b' })),
  declared('/cookie', facts({ in: 'response-cookie', name: 'a' }, { in: 'response-status' })),
  declared('/form', facts({ in: 'form', name: 'a' }, { in: 'form', name: 'b' })),
  declared('/answer', facts({ in: 'response-body', pointer: '' }, { in: 'response-header', name: 'x-a' })),
];
const PUBLISH = { kind: 'publish', exchange: 'e', routingKey: 'k' } as const;
const AMQP: readonly AmqpRequestDeclaration[] = [
  {
    protocol: 'amqp',
    allowing: [],
    copies: [],
    arguments: {},
    exchangeType: null,
    id: 'p',
    from: 'a',
    to: 'b',
    place: null,
    action: PUBLISH,
    facts: facts(
      { in: 'routing-key' },
      { in: 'property', name: 'correlation-id' },
      { in: 'header', name: 'a' },
      { in: 'body', pointer: '/a' },
    ),
  },
];

function headersOf(text: string): Header[] {
  return text.split('\r\n').flatMap((line) => {
    const colon = line.indexOf(':');
    return colon < 0 ? [] : [{ name: line.slice(0, colon), value: line.slice(colon + 1) }];
  });
}

function latin1({ bytes }: Input[number]): string {
  return Buffer.from(bytes).toString('latin1');
}

/** Pieces: a target, headers, a body, an AMQP content header, a value. */
function run(input: Input): number {
  const part = (tag: number): Input[number] =>
    input.find((each) => each.tag === tag) ?? { tag, bytes: new Uint8Array(0) };
  const target = latin1(part(0));
  const headers = headersOf(latin1(part(1)));
  const { bytes } = part(2);
  const body = { state: 'complete', bytes, length: bytes.length } as const;
  const message = { ts: 1, flow: FLOW, at: AT, version: '1.1', headers, trailers: [], body, ambiguities: [] };
  const request: HttpRequest = { ...message, kind: 'http-request', exchange: 1, method: 'POST', target };
  const response: HttpResponse = { ...message, kind: 'http-response', exchange: 1, status: 200 };
  let made = weigh(matchHttp(HTTP, COMPARED, request));
  for (const declaration of HTTP) made += weigh(readHttpResponse(declaration, COMPARED, response));
  made += checkTarget(target) + checkJson(bytes) + amqp(part(3).bytes, bytes);
  for (const kind of NORMALISERS) checkNormal(latin1(part(4)), kind);
  return made;
}

function amqp(header: Uint8Array, bytes: Uint8Array): number {
  try {
    const { properties } = readContentHeader(Buffer.from(header));
    const event: AmqpEvent = {
      kind: 'amqp-method',
      ts: 1,
      flow: FLOW,
      at: AT,
      channel: 1,
      user: null,
      vhost: null,
      ambiguities: [],
      method: { name: 'basic.publish', exchange: 'e', routingKey: 'k', mandatory: false, immediate: false },
      content: { properties, body: { state: 'complete', bytes, length: bytes.length } },
    };
    return weigh(properties) + weigh(matchAmqp(AMQP, COMPARED, event, null));
  } catch (error) {
    if (error instanceof MalformedFrame) return 0;
    throw error;
  }
}

export async function load(): Promise<Target> {
  const json =
    'Content-Type: application/json; charset=utf-8\r\nX-A: 1\r\nCookie: a=1; b=2; a=3\r\nX-B: caf\xc3\xa9';
  const form = 'content-type: application/x-www-form-urlencoded\r\nx-a: alice';
  const content = Buffer.concat([
    b.short(60),
    b.short(0),
    b.longlong(3n),
    b.short(0xfffc),
    b.shortString('application/json'),
    b.shortString('gzip'),
    b.table(['a', 'S', b.longString('x')], ['CC', 'A', b.longString(Buffer.from('S\0\0\0\x01q'))]),
    b.octet(2),
    b.octet(0),
    b.shortString('c'),
    b.shortString('r'),
    b.shortString('60'),
    b.shortString('m'),
    b.longlong(1n),
    b.shortString('t'),
    b.shortString('guest'),
    b.shortString('app'),
    b.shortString(''),
  ]);
  const few = Buffer.concat([
    b.short(60),
    b.short(0),
    b.longlong(3n),
    b.short(0x2400),
    b.table(['a', 'l', b.longlong(7n)]),
    b.shortString('c'),
  ]);
  const seed = (target: string, headers: string, body: string, value: string, header = few): Input => [
    piece(target, 0),
    piece(headers, 1),
    piece(body, 2),
    piece(header, 3),
    piece(value, 4),
  ];
  return {
    name: 'facts',
    covers: [
      'policy/match/amqp',
      'policy/match/http',
      'policy/match/target',
      'policy/match/match',
      'policy/json-value',
      'policy/normalise',
      'policy/match/multipart',
      'policy/match/set-cookie',
      'policy/match/headers',
      'policy/match/json',
      'sensor/amqp/properties',
    ],
    tags: 5,
    longest: 65_536,
    expansion: 200,
    dictionary: [
      '%2f',
      '%2e',
      '%00',
      '%C3%A9',
      '%c0%af',
      '%',
      '..',
      '/./',
      '//',
      ';',
      '?',
      '&',
      '=',
      '#',
      '\\',
      '+',
      '"a":',
      '"a":1e400',
      '"\\u0061":',
      '\\ud800',
      '{"a":',
      '[[[[',
      '\xef\xbb\xbf',
      '"__proto__":1,',
      '"constructor":',
      'true',
      'null',
      '-0',
      '1e-999',
      '0.10',
      'Cookie: a=1;a=2\r\n',
      'Cookie: ',
      'Content-Type: application/vnd.a+json\r\n',
      'Content-Type: application/json\r\n',
      '\r\n',
      ':',
      'BCC',
      'CC',
      '00',
      '\xc4\xb0',
      '\xdf',
    ],
    seeds: [
      seed('/path/alice/7', form, 'a=1&b=x%20y+z', '007'),
      seed('/query?a=1&b=2&c=%C3%A9', json, '{"a":"b"}', '-1.50e2'),
      seed('/header', json, '', '+0.0', content),
      seed('/json', json, '{"a":[{"b":"x","n":1.50}],"c/~":true,"__proto__":7}', 'ALICE'),
      seed('/form', form, 'a=1&b=2', '1e3', content),
      seed('/list', json, '{"a":[{"b":"x"},{"b":7}]}', '0190163d-8694-739b-aea5-966c26f8ad91'),
      seed(
        '/multi',
        'content-type: multipart/form-data; boundary="x"\r\nset-cookie: a=1; Path=/',
        '--x\r\nContent-Disposition: form-data; name="a"\r\n\r\nalice\r\n--x--\r\n',
        '2024-02-29T12:00:00.50+02:00',
      ),
      seed('/answer', json, '"x"', '\xc4\xb0'),
    ],
    run,
  };
}
