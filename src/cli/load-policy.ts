// Loads a policy as its author wrote it. Enters: the path of a TypeScript module or a JSON document; leaves: a checked, frozen document.
import { readFile, stat } from 'node:fs/promises';
import { extname, resolve } from 'node:path';
import { InputError } from '../errors.ts';
import { checkPolicy } from '../policy/check.ts';
import type { PolicyDocument } from '../policy/document.ts';
import type { PolicyProblem } from '../policy/problem.ts';
import { readDocument } from '../policy/read-document.ts';
import { runModule } from './policy/run-module.ts';
import { typeCheck, typeCheckApart } from './policy/type-check.ts';

export interface LoadOptions {
  readonly typecheck: boolean;
  /** Checks types in a thread of its own, so that this one goes on. */
  readonly apart?: boolean;
  /** Milliseconds that a module may take. */
  readonly timeout: number;
  /** Gets what a module prints. */
  readonly print: (text: string) => void;
}

export interface LoadedPolicy {
  readonly file: string;
  readonly document: PolicyDocument;
  /** Errors first. */
  readonly problems: readonly PolicyProblem[];
}

const TYPED = ['.ts', '.mts'];
const MODULES = [...TYPED, '.js', '.mjs'];

/** Loads policies in the order given. @throws InputError for the first that cannot be read, typed, run or understood. */
export async function loadPolicies(
  files: readonly string[],
  options: LoadOptions,
): Promise<readonly LoadedPolicy[]> {
  const paths = files.map((file) => ({ file, path: resolve(file) }));
  for (const { file, path } of paths) await requireFile(file, path);
  const typed = paths.filter(({ path }) => TYPED.includes(extname(path)));
  const check = options.apart === true ? typeCheckApart : typeCheck;
  if (options.typecheck && typed.length > 0) await check(typed.map(({ path }) => path));
  const loaded: LoadedPolicy[] = [];
  for (const { file, path } of paths) {
    const document = await load(file, path, options);
    loaded.push({ file, document, problems: checkPolicy(document) });
  }
  return loaded;
}

async function requireFile(file: string, path: string): Promise<void> {
  const unreadable = (problem: string, remedy: string): InputError =>
    new InputError('policy-unreadable', { file }, problem, remedy);
  const found = await stat(path).catch((cause: unknown) => {
    const missing = cause instanceof Error && 'code' in cause && cause.code === 'ENOENT';
    throw missing
      ? unreadable('there is no such file', 'check the path')
      : unreadable('it cannot be read', 'check its permissions');
  });
  if (found.isDirectory()) throw unreadable('is a directory', 'name the policy module in it');
  if (!MODULES.includes(extname(path)) && extname(path) !== '.json')
    throw unreadable('is neither a TypeScript module nor a JSON document', 'name a .ts or .json file');
}

async function load(file: string, path: string, options: LoadOptions): Promise<PolicyDocument> {
  const json = extname(path) === '.json' ? await readJson(file, path) : await runModule(path, options);
  if (json === null) {
    throw new InputError(
      'policy-invalid',
      { file },
      'it has no default export',
      'write "export default application(...)"',
    );
  }
  return freeze(readDocument(parse(file, json), file));
}

async function readJson(file: string, path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw new InputError('policy-unreadable', { file }, 'it cannot be read', 'check its permissions', {
      cause,
    });
  }
}

function parse(file: string, json: string): unknown {
  try {
    return JSON.parse(json);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new InputError('policy-invalid', { file }, `it is not JSON: ${why}`, 'correct it', { cause });
  }
}

function freeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const inner of Object.values(value)) freeze(inner);
  }
  return value;
}
