// The keys by which a request claims its chain. Enters: headers and properties; leaves: keys, bounded.
import type { AmqpEvent } from '../../../src/events/amqp.ts';
import type { HttpRequest } from '../../../src/events/http.ts';
import type { Evidence, Flow, FlowId } from '../../../src/flow.ts';
import { DEFAULT_KEYS } from '../../../src/policy/defaults.ts';
import { keysOf } from '../../../src/policy/keys.ts';
import { MalformedFrame } from '../../../src/sensor/amqp/fields.ts';
import { readContentHeader } from '../../../src/sensor/amqp/properties.ts';
import * as b from '../../support/amqp-bytes.ts';
import { piece } from '../seeds.ts';
import { Mismatch, type Target } from '../target.ts';
import { weigh } from '../weigh.ts';

const FLOW: Flow = {
  id: 'f' as FlowId,
  orig: { ip: '192.0.2.1', port: 40_000 },
  resp: { ip: '192.0.2.2', port: 80 },
  vlans: [],
  seenAt: 'fuzz',
  midstream: false,
};
const AT: Evidence = { side: 'orig', start: 0, end: 1, flow: FLOW.id, ts: 1, capture: null, packets: [] };
const COMMON = { ts: 1, flow: FLOW, at: AT, ambiguities: [] };
const BODY = { state: 'complete', bytes: new Uint8Array(0), length: 0 } as const;
const LONGEST_KEY = 256;

function check(keys: ReadonlyMap<string, string>): number {
  for (const value of keys.values())
    if (value === '' || value.length > LONGEST_KEY) throw new Mismatch('a key of no or of any length');
  const trace = keys.get('trace');
  if (trace !== undefined && !/^[0-9a-f]{32}$/.test(trace)) throw new Mismatch('a trace id that is none');
  return weigh(keys);
}

export async function load(): Promise<Target> {
  const parent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
  const properties = Buffer.concat([
    b.short(60),
    b.short(0),
    b.longlong(0n),
    b.short(0x2480),
    b.table(['traceparent', 'S', b.longString(parent)], ['x-b3-traceid', 'S', b.longString('abc')]),
    b.shortString('c1'),
    b.shortString('m1'),
  ]);
  return {
    name: 'keys',
    covers: ['policy/keys'],
    tags: 2,
    longest: 32_768,
    expansion: 100,
    dictionary: [
      `traceparent: ${parent}\r\n`,
      parent,
      'x-request-id: r1\r\n',
      'X-B3-TraceId: abc\r\n',
      'b3: a-b-1-c\r\n',
      '-',
      'ff-',
      '\r\n',
      'traceparent',
      '\x0btraceparentS\0\0\0',
    ],
    seeds: [
      [piece(`traceparent: ${parent}\r\nx-request-id: r1\r\nx-b3-traceid: abc`, 0), piece(properties, 1)],
    ],
    run(input) {
      let made = 0;
      for (const { tag, bytes } of input) {
        if (tag === 0) {
          const headers = Buffer.from(bytes)
            .toString('latin1')
            .split('\r\n')
            .map((line) => ({
              name: line.split(':')[0] ?? '',
              value: line.slice(line.indexOf(':') + 1),
            }));
          const request: HttpRequest = {
            ...COMMON,
            kind: 'http-request',
            exchange: 1,
            method: 'GET',
            target: '/',
            version: '1.1',
            headers,
            trailers: [],
            body: BODY,
          };
          made += check(keysOf(DEFAULT_KEYS, request));
          continue;
        }
        try {
          const event: AmqpEvent = {
            ...COMMON,
            kind: 'amqp-method',
            channel: 1,
            user: null,
            vhost: null,
            method: {
              name: 'basic.publish',
              exchange: 'e',
              routingKey: 'k',
              mandatory: false,
              immediate: false,
            },
            content: { properties: readContentHeader(Buffer.from(bytes)).properties, body: BODY },
          };
          made += check(keysOf(DEFAULT_KEYS, event));
        } catch (error) {
          if (!(error instanceof MalformedFrame)) throw error;
        }
      }
      return made;
    },
  };
}
