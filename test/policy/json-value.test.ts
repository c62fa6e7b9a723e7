// JSON bodies that an attacker wrote. Enters: bytes; leaves: the one value that every reader sees, or why there is none.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readJson, scalarAt } from '../../src/policy/json-value.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

function at(text: string, pointer: string): string | null {
  const read = readJson(bytes(text));
  return read.kind === 'json' ? (scalarAt(read.value, pointer)?.text ?? null) : null;
}

describe('readJson', () => {
  test.each([
    ['{"user":"alice"}', '/user', 'alice'],
    ['{"us\\u0065r":"alice"}', '/user', 'alice'],
    ['{"amount":3.50}', '/amount', '3.50'],
    ['{"id":9007199254740993}', '/id', '9007199254740993'],
    ['{"a":{"b":[true,{"c/d":"x"}]}}', '/a/b/1/c~1d', 'x'],
    ['{"a":[1,2]}', '/a/0', '1'],
    ['"alone"', '', 'alone'],
  ])('%s has at %s the text %s', (text, pointer, value) => {
    expect(at(text, pointer)).toBe(value);
  });

  test.each([
    ['{"user":"alice"}', '/bob'],
    ['{"user":null}', '/user'],
    ['{"user":["alice"]}', '/user'],
    ['{"user":"alice"}', '/constructor'],
    ['{"a":[1]}', '/a/00'],
    ['{"a":[1]}', '/a/length'],
  ])('%s has no scalar at %s', (text, pointer) => {
    expect(at(text, pointer)).toBeNull();
  });

  test.each([
    '{"user":"alice","user":"bob"}',
    '{"user":"alice","us\\u0065r":"bob"}',
    '{"a":{"user":"alice","user":"bob"}}',
    "{'user':'alice'}",
    '{"user":"alice",}',
    '{"user":"alice"} {"user":"bob"}',
    '{"user":NaN}',
    '\ufeff{"user":"alice"}',
    '{"user":"alice"}//',
    '',
  ])('does not read %j, which parsers disagree on', (text) => {
    expect(readJson(bytes(text)).kind).toBe('unreadable');
  });

  test('survives nesting that overflows the stack, and bytes that are no UTF-8', () => {
    expect(readJson(bytes('['.repeat(1_000_000))).kind).toBe('unreadable');
    expect(readJson(Uint8Array.of(0x22, 0xff, 0x22)).kind).toBe('unreadable');
  });

  test('reads every JSON text as JSON.parse does, and never throws on others', () => {
    fc.assert(
      fc.property(fc.json(), fc.string(), (json, junk) => {
        const read = readJson(bytes(json));
        expect(read.kind).toBe('json');
        expect(['json', 'unreadable']).toContain(readJson(bytes(junk)).kind);
      }),
    );
  });
});
