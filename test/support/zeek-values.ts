// Values of Zeek's data model. Enters: nothing; leaves: examples with their JSON, and an arbitrary of all of them.
import fc from 'fast-check';
import {
  isWellFormed,
  MAX_COUNT,
  MAX_INTEGER,
  MIN_INTEGER,
  none,
  string,
  type Value,
} from '../../src/broker/value/value.ts';

const text = (content: string): Value => ({ kind: 'string', text: content });
const s = (seconds: bigint): bigint => seconds * 1_000_000_000n;

/** What Zeek writes for a type (and what its parser takes), and the value of it. */
export const VECTORS: readonly (readonly [type: string, data: string, value: Value])[] = [
  ['none', '{}', none],
  ['boolean', 'true', { kind: 'boolean', value: true }],
  ['boolean', 'false', { kind: 'boolean', value: false }],
  ['count', '0', { kind: 'count', value: 0n }],
  ['count', '9007199254740993', { kind: 'count', value: 9_007_199_254_740_993n }],
  ['count', '18446744073709551615', { kind: 'count', value: MAX_COUNT }],
  ['integer', '-7', { kind: 'integer', value: -7n }],
  ['integer', '-9223372036854775808', { kind: 'integer', value: MIN_INTEGER }],
  ['integer', '9223372036854775807', { kind: 'integer', value: MAX_INTEGER }],
  ['real', '0.000000', { kind: 'real', value: 0 }],
  ['real', '-1.500000', { kind: 'real', value: -1.5 }],
  ['real', '1e3', { kind: 'real', value: 1000 }],
  ['real', 'nan', { kind: 'real', value: Number.NaN }],
  ['real', '-nan', { kind: 'real', value: Number.NaN }],
  ['real', 'inf', { kind: 'real', value: Number.POSITIVE_INFINITY }],
  ['real', '-inf', { kind: 'real', value: Number.NEGATIVE_INFINITY }],
  ['real', `${'9'.repeat(300)}.000000`, { kind: 'real', value: 1e300 }],
  ['timespan', '"0s"', { kind: 'timespan', nanoseconds: 0n }],
  ['timespan', '"289999999ns"', { kind: 'timespan', nanoseconds: 289_999_999n }],
  ['timespan', '"-5us"', { kind: 'timespan', nanoseconds: -5000n }],
  ['timespan', '"1500ms"', { kind: 'timespan', nanoseconds: 1_500_000_000n }],
  ['timespan', '"3s"', { kind: 'timespan', nanoseconds: s(3n) }],
  ['timespan', '"2min"', { kind: 'timespan', nanoseconds: s(120n) }],
  ['timespan', '"2h"', { kind: 'timespan', nanoseconds: s(7200n) }],
  ['timestamp', '"1970-01-01T00:00:01.000"', { kind: 'timestamp', nanoseconds: s(1n) }],
  ['timestamp', '"2014-07-09T10:16:44.123"', { kind: 'timestamp', nanoseconds: 1_404_901_004_123_000_000n }],
  [
    'timestamp',
    '"2014-07-09T10:16:44.123456789Z"',
    { kind: 'timestamp', nanoseconds: 1_404_901_004_123_456_789n },
  ],
  ['timestamp', '"2014-07-09T12:16:44+02:00"', { kind: 'timestamp', nanoseconds: s(1_404_901_004n) }],
  ['timestamp', '"1969-12-31T23:59:59.500"', { kind: 'timestamp', nanoseconds: -500_000_000n }],
  ['string', '""', text('')],
  ['string', '"\\b\\f\\n\\r\\t\\v\\"\\\\\\/"', text('\b\f\n\r\t\v"\\/')],
  ['string', '"\\u00e9\\ud83d\\ude00"', text('é😀')],
  ['string', '"\ufeffx"', text('\ufeffx')],
  ['string', '"\\ud83d"', { kind: 'bytes', bytes: Uint8Array.of(0xed, 0xa0, 0xbd) }],
  ['string', '"\\udc00\\ud83d"', { kind: 'bytes', bytes: Uint8Array.of(0xed, 0xb0, 0x80, 0xed, 0xa0, 0xbd) }],
  ['enum-value', '"Notice::LOG"', { kind: 'enum', name: 'Notice::LOG' }],
  ['enum-value', '"<unknown enum>"', { kind: 'enum', name: '<unknown enum>' }],
  ['address', '"2001:db8::"', { kind: 'address', address: '2001:db8::' }],
  ['subnet', '"192.0.2.0/24"', { kind: 'subnet', subnet: '192.0.2.0/24' }],
  ['subnet', '"::/0"', { kind: 'subnet', subnet: '::/0' }],
  ['port', '"80/tcp"', { kind: 'port', number: 80, protocol: 'tcp' }],
  ['port', '"8/icmp"', { kind: 'port', number: 8, protocol: 'icmp' }],
  ['port', '"0/?"', { kind: 'port', number: 0, protocol: 'unknown' }],
  ['vector', '[]', { kind: 'vector', items: [] }],
  ['set', '[{"@data-type":"count","data":1}]', { kind: 'set', items: [{ kind: 'count', value: 1n }] }],
  [
    'table',
    '[{"key":{"@data-type":"vector","data":[{"@data-type":"address","data":"::1"},{"@data-type":"port","data":"1/udp"}]},"value":{"@data-type":"none","data":{}}}]',
    {
      kind: 'table',
      entries: [
        {
          key: {
            kind: 'vector',
            items: [
              { kind: 'address', address: '::1' },
              { kind: 'port', number: 1, protocol: 'udp' },
            ],
          },
          value: none,
        },
      ],
    },
  ],
];

const IDENTIFIER = fc.stringMatching(/^[A-Za-z_]\w{0,8}(?:::[A-Za-z_]\w{0,8})?$/);
const INT64 = fc.bigInt({ min: MIN_INTEGER, max: MAX_INTEGER });
/** Any value that can be sent. */
export const VALUE: fc.Arbitrary<Value> = fc.letrec<{ value: Value; leaf: Value }>((tie) => ({
  leaf: fc.oneof(
    fc.constant(none),
    fc.boolean().map((value): Value => ({ kind: 'boolean', value })),
    fc.bigInt({ min: 0n, max: MAX_COUNT }).map((value): Value => ({ kind: 'count', value })),
    INT64.map((value): Value => ({ kind: 'integer', value })),
    fc
      .double()
      .filter((n) => Number.isNaN(n) || Number.isFinite(n))
      .map((value): Value => ({ kind: 'real', value })),
    INT64.map((nanoseconds): Value => ({ kind: 'timespan', nanoseconds })),
    INT64.map((nanoseconds): Value => ({ kind: 'timestamp', nanoseconds })),
    fc.string({ unit: 'binary' }).filter(isWellFormed).map(text),
    fc.uint8Array({ maxLength: 40 }).map((bytes): Value => string(bytes)),
    IDENTIFIER.map((name): Value => ({ kind: 'enum', name })),
    fc.oneof(fc.ipV4(), fc.ipV6()).map((address): Value => ({ kind: 'address', address })),
    fc
      .tuple(fc.ipV4(), fc.nat(32))
      .map(([address, length]): Value => ({ kind: 'subnet', subnet: `${address}/${length}` })),
    fc
      .tuple(
        fc.nat(65_535),
        fc.constantFrom('tcp' as const, 'udp' as const, 'icmp' as const, 'unknown' as const),
      )
      .map(([number, protocol]): Value => ({ kind: 'port', number, protocol })),
  ),
  value: fc.oneof(
    { maxDepth: 4 },
    tie('leaf'),
    fc.array(tie('value'), { maxLength: 5 }).map((items): Value => ({ kind: 'vector', items })),
    fc.array(tie('value'), { maxLength: 5 }).map((items): Value => ({ kind: 'set', items })),
    fc
      .array(fc.record({ key: tie('value'), value: tie('value') }), { maxLength: 4 })
      .map((entries): Value => ({ kind: 'table', entries })),
  ),
})).value;
