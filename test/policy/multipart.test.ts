// Fields of multipart/form-data bodies. Enters: bodies, honest and hostile; leaves: fields, or why readers may differ.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readMultipart } from '../../src/policy/match/multipart.ts';

const TYPE = 'multipart/form-data; boundary=xyz';

const read = (body: string, types: readonly string[] = [TYPE]) =>
  readMultipart(types, Buffer.from(body, 'utf8'));

/** A body of these parts, each given as its head and its value. */
function bodyOf(...parts: readonly (readonly [head: string, value: string])[]): string {
  return `${parts.map(([head, value]) => `--xyz\r\n${head}\r\n\r\n${value}\r\n`).join('')}--xyz--\r\n`;
}

const field = (name: string): string => `Content-Disposition: form-data; name="${name}"`;

describe('readMultipart', () => {
  test('reads every field with its value, line breaks and umlauts included', () => {
    const body = bodyOf(
      [field('user'), 'älice'],
      [`${field('note')}\r\nContent-Type: text/plain`, 'a\r\nb\n'],
    );
    expect(read(body)).toEqual({
      kind: 'multipart',
      fields: [
        { name: 'user', value: 'älice' },
        { name: 'note', value: 'a\r\nb\n' },
      ],
    });
  });

  test('takes a boundary in quotes, and a body that ends with its last boundary', () => {
    const body = bodyOf([field('a'), '1']).trimEnd();
    expect(read(body, ['multipart/form-data; boundary="xyz"'])).toMatchObject({
      fields: [{ name: 'a', value: '1' }],
    });
  });

  test('a file is there, but has no value', () => {
    const body = bodyOf([`${field('a')}; filename="a.txt"\r\nContent-Type: image/png`, 'PNG']);
    expect(read(body)).toEqual({
      kind: 'multipart',
      fields: [{ name: 'a', value: null, why: 'it is a file' }],
    });
  });

  test.each([
    ['another type', bodyOf([field('a'), '1']), ['text/plain; boundary=xyz']],
    ['a type that is stated twice', bodyOf([field('a'), '1']), [TYPE, TYPE]],
    ['two boundaries', bodyOf([field('a'), '1']), [`${TYPE}; boundary=abc`]],
    ['a parameter beside the boundary', bodyOf([field('a'), '1']), [`${TYPE}; charset=utf-7`]],
    ['no boundary', bodyOf([field('a'), '1']), ['multipart/form-data']],
    ['a preamble', `hello\r\n${bodyOf([field('a'), '1'])}`],
    ['an epilogue', `${bodyOf([field('a'), '1'])}--xyz\r\n${field('a')}\r\n\r\n2\r\n--xyz--`],
    ['no end', bodyOf([field('a'), '1']).replace('--xyz--', '--xyz')],
    ['a boundary that goes on', bodyOf([field('a'), '1\r\n--xyzz'])],
    ['a boundary after a bare line feed', bodyOf([field('a'), `1\n--xyz\r\n${field('b')}\r\n\r\n2`])],
    ['a boundary with white space after it', bodyOf([field('a'), '1']).replace('--xyz\r\n', '--xyz \r\n')],
    ['a part without a name', bodyOf(['Content-Disposition: form-data', '1'])],
    ['a part without a head', '--xyz\r\n1\r\n--xyz--'],
    ['a part with two names', bodyOf([`${field('a')}\r\n${field('b')}`, '1'])],
    ['a second spelling of a name', bodyOf([`${field('a')}; name*=utf-8''b`, '1'])],
    ['a second spelling of a file name', bodyOf([`${field('a')}; filename*=utf-8''b`, '1'])],
    ['an escape in a name', bodyOf([field('a\\"b'), '1'])],
    ['an encoded quote in a name', bodyOf([field('a%22b'), '1'])],
    ['a name without quotes', bodyOf(['Content-Disposition: form-data; name=a', '1'])],
    ['a transfer encoding', bodyOf([`${field('a')}\r\nContent-Transfer-Encoding: base64`, 'MQ=='])],
    ['a folded header', bodyOf([`Content-Disposition: form-data;\r\n name="a"`, '1'])],
    ['bare line feeds in a head', bodyOf([`X: y\n${field('a')}`, '1'])],
    ['a stated default encoding', bodyOf([field('_charset_'), 'utf-7'], [field('a'), '1'])],
    ['too many parts', bodyOf(...Array.from({ length: 257 }, (_, i) => [field(`f${i}`), ''] as const))],
    ['a head without end', bodyOf([`${field('a')}\r\nContent-Type: ${'x'.repeat(5000)}`, '1'])],
  ] as const)('refuses %s', (_, body, types = [TYPE] as never) => {
    expect(read(body, types)).toMatchObject({ kind: 'unreadable' });
  });

  test.each([
    ['another encoding', `${field('a')}\r\nContent-Type: text/plain; charset=utf-16`],
    ['another type', `${field('a')}\r\nContent-Type: application/json`],
  ])('a field of %s has no value', (_, head) => {
    expect(read(bodyOf([head, '1']))).toMatchObject({ fields: [{ name: 'a', value: null }] });
  });

  test('a value that is not UTF-8 has no text', () => {
    const body = Buffer.from(bodyOf([field('a'), '\xff']), 'latin1');
    expect(readMultipart([TYPE], body)).toMatchObject({ fields: [{ value: null, why: 'it is not UTF-8' }] });
  });

  test('property: what is written plainly is read as it was written', () => {
    const value = fc.string({ unit: 'grapheme' }).filter((text) => !text.includes('--xyz'));
    fc.assert(
      fc.property(fc.array(value, { maxLength: 5, minLength: 1 }), (values) => {
        const body = bodyOf(...values.map((text, i) => [field(`f${i}`), text] as const));
        const fields = values.map((text, i) => ({ name: `f${i}`, value: text }));
        expect(read(body)).toEqual({ kind: 'multipart', fields });
      }),
    );
  });

  test('property: whatever the bytes, it gives an answer', () => {
    const piece = fc.oneof(fc.constantFrom('--xyz', '\r\n', '--', '\n', field('a'), ';', '"'), fc.string());
    fc.assert(
      fc.property(fc.array(piece), (pieces) => {
        expect(['multipart', 'unreadable']).toContain(read(pieces.join('')).kind);
      }),
    );
  });
});
