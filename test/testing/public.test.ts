// What users of `flowtap/testing` rely on. Enters: docs, package.json, sources; leaves: that the example is the one that runs, and that vitest stays optional.
import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

const ROOT = new URL('../../', import.meta.url).pathname;
const read = (path: string): string => readFileSync(`${ROOT}${path}`, 'utf8');

test('the example of the document is the file that the tests run', () => {
  expect(read('docs/testing.md')).toContain(read('examples/shop/policy.test.ts'));
  expect(read('vitest.config.ts')).toContain("'examples/**/*.test.ts'");
});

test('nothing of ours loads vitest, which is an optional peer', () => {
  const { peerDependencies, peerDependenciesMeta, exports } = JSON.parse(read('package.json'));
  expect(peerDependencies).toEqual({ vitest: '>=3.2.0' });
  expect(peerDependenciesMeta).toEqual({ vitest: { optional: true } });
  expect(exports['./testing'].default).toBe('./dist/src/testing/public.js');
  const loading = readdirSync(`${ROOT}src`, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts'))
    .filter((path) => /^import (?!type ).*from 'vitest|import\('vitest/m.test(read(`src/${path}`)));
  expect(loading).toEqual([]);
});
