// Data that claims to be a policy document. Enters: documents, broken at random; leaves: the document, or one clear error.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import policy from '../../policies/dvd-rental.ts';
import { InputError } from '../../src/errors.ts';
import { checkPolicy } from '../../src/policy/check.ts';
import { compile } from '../../src/policy/compile.ts';
import { readDocument } from '../../src/policy/read-document.ts';

/** All paths to values inside a JSON value. */
function pathsOf(value: unknown, path: (string | number)[] = []): (string | number)[][] {
  if (typeof value !== 'object' || value === null) return [path];
  return [path, ...Object.entries(value).flatMap(([key, inner]) => pathsOf(inner, [...path, key]))];
}

function replaced(value: unknown, [key, ...rest]: readonly (string | number)[], by: unknown): unknown {
  if (key === undefined) return by;
  const copy = (Array.isArray(value) ? [...value] : { ...(value as object) }) as Record<
    string | number,
    unknown
  >;
  copy[key] = replaced(copy[key], rest, by);
  return copy;
}

const PLAIN = JSON.parse(JSON.stringify(policy)) as unknown;

describe('readDocument', () => {
  test('takes the worked example, also after a trip through JSON', () => {
    expect(readDocument(PLAIN, 'policy.json')).toEqual(policy);
  });

  test.each<[string, unknown, RegExp]>([
    ['nothing', undefined, /the document is not an object/],
    ['a list', [], /the document is not an object/],
    ['another format', replaced(PLAIN, ['format'], 2), /format is not one of 1/],
    [
      'a service without a name',
      replaced(PLAIN, ['services', 0, 'name'], null),
      /services\[0\]\.name is not a text/,
    ],
    [
      'a step of an unknown request',
      replaced(PLAIN, ['chains', 0, 'root', 'request'], 'nothing'),
      /names request "nothing"/,
    ],
    ['an unknown key', replaced(PLAIN, ['extra'], 1), /unknown key "extra"/],
  ])('refuses %s and says where', (_what, value, message) => {
    expect(() => readDocument(value, 'policy.json')).toThrowError(message);
  });

  test('whatever value is put wherever, it is refused or can be checked and compiled', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...pathsOf(PLAIN)),
        fc.oneof(fc.jsonValue(), fc.constant(undefined)),
        (path, by) => {
          let document: ReturnType<typeof readDocument>;
          try {
            document = readDocument(replaced(PLAIN, path, by), 'policy.json');
          } catch (error) {
            expect(error).toBeInstanceOf(InputError);
            return;
          }
          if (checkPolicy(document).some(({ severity }) => severity === 'error')) return;
          expect(compile(document).hash).toMatch(/^[0-9a-f]{16}$/);
        },
      ),
      { numRuns: 500 },
    );
  });
});
