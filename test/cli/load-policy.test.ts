// How policies are loaded from files of a user, outside of this repository. Enters: modules and documents; leaves: assertions on documents and errors.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { type LoadedPolicy, loadPolicies } from '../../src/cli/load-policy.ts';
import { InputError } from '../../src/errors.ts';

const folder = mkdtempSync(join(tmpdir(), 'flowtap-policy-'));
afterAll(() => rmSync(folder, { recursive: true }));

const GOOD = `import { application, chain, header, http } from 'flowtap/policy';

interface Unused {
  readonly a: string;
}

export default application('shop', ({ external, service }) => {
  const customer = external('customer');
  const shop = service('shop', { at: '10.0.0.1', http: 80 });
  const buy = http
    .post('/orders')
    .from(customer).to(shop).facts({ user: header('x-user') });

  return chain(buy);
});
`;

function write(name: string, text: string): string {
  const file = join(folder, name);
  writeFileSync(file, text);
  return file;
}

let printed = '';
async function load(
  file: string,
  given: { typecheck?: boolean; timeout?: number } = {},
): Promise<LoadedPolicy> {
  const print = (text: string): void => {
    printed += text;
  };
  const [policy] = await loadPolicies([file], { typecheck: false, timeout: 20_000, print, ...given });
  if (policy === undefined) throw new Error('nothing was loaded');
  return policy;
}

async function failure(
  file: string,
  given: { typecheck?: boolean; timeout?: number } = {},
): Promise<InputError> {
  const error: unknown = await load(file, given).catch((thrown: unknown) => thrown);
  if (!(error instanceof InputError)) throw new Error(`expected an InputError, got ${String(error)}`);
  return error;
}

describe('a policy module', () => {
  it('may take the keys of its tokens from a JSON file beside it', async () => {
    const keys = { keys: [{ kty: 'OKP', crv: 'Ed25519', x: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo' }] };
    write('keys.json', JSON.stringify(keys));
    const module = GOOD.replace("header('x-user')", "claim('sub')")
      .replace('header', 'claim, settings')
      .replace("'flowtap/policy';", "'flowtap/policy';\nimport keys from './keys.json';")
      .replace('chain(buy)', "[chain(buy), settings({ tokens: { keys, algorithms: ['Ed25519'] } })]");
    const { document, problems } = await load(write('tokens.ts', module), { typecheck: true });
    expect(problems.filter(({ severity }) => severity === 'error')).toEqual([]);
    expect(document.tokens?.keys).toEqual(keys.keys);
  });

  it('is type-checked and loaded from a folder without package.json', async () => {
    const { document, problems } = await load(write('good.ts', GOOD), { typecheck: true });
    expect(problems.map(({ severity, code }) => [severity, code])).toEqual([['warning', 'lonely-fact']]);
    expect(document).toMatchObject({ format: 1, application: 'shop' });
    expect(document.services.map(({ name }) => name)).toEqual(['customer', 'shop']);
  });

  it('gives a document that is frozen to its leaves', async () => {
    const { document } = await load(write('frozen.ts', GOOD));
    expect(Object.isFrozen(document)).toBe(true);
    expect(Object.isFrozen(document.services[0]?.ports)).toBe(true);
  });

  it('gives places of the author, line and column, although types stand before them', async () => {
    const file = write('places.ts', GOOD);
    const { document } = await load(file);
    expect(document.services.map(({ place }) => place)).toEqual([
      { file, line: 8, column: 20 },
      { file, line: 9, column: 16 },
    ]);
    expect(document.chains[0]?.place).toEqual({ file, line: 14, column: 10 });
  });

  it('may import a module beside it', async () => {
    write('names.ts', `export const NAME: string = 'beside';\n`);
    const file = write(
      'imports.ts',
      `import { NAME } from './names.ts';\n${GOOD.replace(`application('shop'`, 'application(NAME')}`,
    );
    expect((await load(file, { typecheck: true })).document.application).toBe('beside');
  });

  it('says the place of its first type error, in the words of the compiler', async () => {
    const error = await failure(write('typed.ts', GOOD.replace('http: 80', `http: 'eighty'`)), {
      typecheck: true,
    });
    expect(error.code).toBe('policy-type');
    expect(error.place).toEqual({ file: join(folder, 'typed.ts'), line: 9, column: 50 });
    expect(error.problem).toMatch(/not assignable .*TS2322/);
  });

  it('says a type error in a module that it imports', async () => {
    const beside = write('bad-names.ts', 'export const NAME: string = 5;\n');
    const file = write('imports-bad.ts', `import { NAME } from './bad-names.ts';\nvoid NAME;\n${GOOD}`);
    const error = await failure(file, { typecheck: true });
    expect(error).toMatchObject({ code: 'policy-type', place: { file: beside, line: 1, column: 14 } });
  });

  it('says a syntax error with its place, with and without the type check', async () => {
    const file = write('syntax.ts', 'export default application(;\n');
    expect(await failure(file, { typecheck: true })).toMatchObject({
      code: 'policy-type',
      place: { line: 1, column: 28 },
    });
    expect((await failure(file)).code).toBe('policy-crashed');
  });

  it('says the line at which the authoring words refused it', async () => {
    const error = await failure(write('refused.ts', GOOD.replace('10.0.0.1', '10.0.0.256')));
    expect(error).toMatchObject({
      code: 'policy-invalid',
      place: { file: join(folder, 'refused.ts'), line: 9 },
    });
    expect(error.problem).toContain('10.0.0.256');
  });

  it('says the line at which it threw', async () => {
    const error = await failure(
      write('throws.ts', `type A = string;\n\nconst a: A = 'x';\nthrow new Error('no ' + a);\n`),
    );
    expect(error).toMatchObject({ code: 'policy-crashed', place: { line: 4 } });
    expect(error.problem).toContain('Error: no x');
  });

  it('is ended when it loops, be it busy or waiting', async () => {
    const busy = await failure(write('busy.ts', 'for (;;) {}\n'), { timeout: 500 });
    expect(busy).toMatchObject({ code: 'policy-crashed' });
    expect(busy.problem).toContain('did not finish within 0.5 s');
    const waiting = await failure(write('waiting.ts', 'await new Promise(() => {});\nexport default 1;\n'), {
      timeout: 500,
    });
    expect(waiting.code).toBe('policy-crashed');
  });

  it('cannot end the process', async () => {
    const error = await failure(write('exits.ts', 'process.exit(0);\n'));
    expect(error.problem).toContain('ended the process');
  });

  it('cannot print among our records', async () => {
    printed = '';
    await load(write('prints.ts', `console.log('hello');\n${GOOD}`));
    expect(printed).toBe('hello\n');
  });

  it.each([
    ['no default export', 'export const a = 1;\n', 'no default export'],
    ['a number', 'export default 5;\n', 'not an object'],
    ['a function', 'export default () => 5;\n', 'it is a function'],
    ['a document of another format', 'export default { format: 2 };\n', 'format'],
    ['a cycle', 'const a: any = {}; a.a = a;\nexport default a;\n', 'circular'],
  ])('that exports %s is refused', async (name, text, problem) => {
    const error = await failure(write(`${name.replaceAll(' ', '-')}.ts`, text));
    expect(error.code).toBe('policy-invalid');
    expect(error.problem).toContain(problem);
  });
});

describe('a policy document in JSON', () => {
  it('is the same document as the module that it was made from', async () => {
    const { document } = await load(write('same.ts', GOOD));
    const file = write('same.json', JSON.stringify(document));
    expect((await load(file)).document).toEqual(document);
  });

  it('is refused with the path of the field that is wrong', async () => {
    const { document } = await load(write('shape.ts', GOOD));
    const bad = { ...document, services: [{ ...document.services[0], ports: { http: ['80'] } }] };
    const error = await failure(write('shape.json', JSON.stringify(bad)));
    expect(error.code).toBe('policy-invalid');
    expect(error.problem).toContain('services[0].ports.http[0]');
  });

  it('is refused when a field is misspelt, rather than ignored', async () => {
    const { document } = await load(write('misspelt.ts', GOOD));
    const error = await failure(write('misspelt.json', JSON.stringify({ ...document, mod: 'audit' })));
    expect(error.problem).toContain('mod');
  });

  it('that is no JSON is refused', async () => {
    expect((await failure(write('no.json', '{"format": 1,'))).code).toBe('policy-invalid');
  });
});

describe('a path', () => {
  it.each([
    ['that does not exist', join(folder, 'nowhere.ts'), 'no such file'],
    ['of a directory', folder, 'is a directory'],
    ['of another kind of file', write('policy.yaml', 'format: 1\n'), 'neither a TypeScript module'],
  ])('%s is refused', async (_, file, problem) => {
    const error = await failure(file);
    expect(error).toMatchObject({ code: 'policy-unreadable', place: { file } });
    expect(error.problem).toContain(problem);
  });
});
