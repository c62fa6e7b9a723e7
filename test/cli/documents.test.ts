// The policies that the documents show. Enters: README.md and docs/; leaves: assertions that each is typed and without problems.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { loadPolicies } from '../../src/cli/load-policy.ts';

const ROOT = new URL('../..', import.meta.url).pathname;
const folder = mkdtempSync(join(tmpdir(), 'flowtap-documents-'));
afterAll(() => rmSync(folder, { recursive: true }));

it.each(['README.md', 'docs/policy.md'])('the policy in %s is right', async (document) => {
  const text = readFileSync(join(ROOT, document), 'utf8');
  const policies = [...text.matchAll(/```ts\n([^`]*export default application[^`]*)```/g)].map(
    ([, code = '']) => code,
  );
  expect(policies.length).toBeGreaterThan(0);
  for (const [number, code] of policies.entries()) {
    const file = join(folder, `${document.replaceAll('/', '-')}-${number}.ts`);
    writeFileSync(file, code);
    const [policy] = await loadPolicies([file], { typecheck: true, timeout: 20_000, print: () => {} });
    expect(policy?.problems).toEqual([]);
  }
});
