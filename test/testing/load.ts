// Loads the text of a policy module as the command line does. Enters: a text; leaves: its document.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadPolicies } from '../../src/cli/load-policy.ts';
import type { PolicyDocument } from '../../src/policy/document.ts';

/**
 * Type-checks it, unless it is told not to, and throws for any problem, warnings too. What no policy can say of a principal
 * is left out of a proposal, so that its request may be missing.
 */
export async function load(text: string, typecheck = true): Promise<PolicyDocument> {
  const folder = await mkdtemp(join(tmpdir(), 'flowtap-load-'));
  try {
    const file = join(folder, 'policy.ts');
    await writeFile(file, text);
    const [loaded] = await loadPolicies([file], { typecheck, timeout: 20_000, print: () => {} });
    if (loaded === undefined || loaded.problems.some(({ code }) => code !== 'unused-service'))
      throw new Error(`${JSON.stringify(loaded?.problems, null, 2)}\n${text}`);
    return loaded.document;
  } finally {
    await rm(folder, { recursive: true });
  }
}
