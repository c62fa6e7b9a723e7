// Compiles the grammars, once for each Zeek. Enters: Zeek, the grammars; leaves: the path of a module that Zeek loads.
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { InputError } from '../errors.ts';

const run = promisify(execFile);
/** A compilation that takes longer was ended without tidying up. */
const STALE_MS = 20 * 60_000;
const POLL_MS = 200;

export interface GrammarOptions {
  readonly zeek: string;
  /** The folder zeek-scripts. */
  readonly scripts: string;
  /** Where modules are kept; by default the user's cache folder (XDG Base Directory Specification). */
  readonly cache?: string;
  /** Told before a compilation, which takes minutes. */
  readonly onCompile?: () => void;
}

/** The files of the grammars, in the order in which the compiler takes them. */
function grammarFiles(scripts: string): readonly string[] {
  const folder = join(scripts, 'spicy');
  const files = readdirSync(folder).filter((name) => /\.(?:spicy|evt)$/.test(name));
  return files.sort().map((name) => join(folder, name));
}

/** A hash of the scripts and grammars, for recordings and caches. */
export function scriptsHash(scripts: string): string {
  const hash = createHash('sha256');
  const own = readdirSync(scripts).filter((name) => name.endsWith('.zeek'));
  for (const file of [...own.sort().map((name) => join(scripts, name)), ...grammarFiles(scripts)])
    hash.update(readFileSync(file)).update('\0');
  return hash.digest('hex');
}

/** What `zeek --version` says. @throws InputError when it does not run */
export async function zeekVersion(zeek: string): Promise<string> {
  try {
    const { stdout } = await run(zeek, ['--version'], { timeout: 30_000 });
    return stdout.trim();
  } catch (cause) {
    throw new InputError('usage', { file: zeek }, 'Zeek does not run', 'check ZEEK_BIN', { cause });
  }
}

/**
 * The compiled grammars, made when they are not there. Several processes may ask at once: one of them compiles.
 * @throws InputError when Zeek's compiler is missing or refuses them
 */
export async function compiledGrammars(options: GrammarOptions): Promise<string> {
  const { zeek, scripts } = options;
  const files = grammarFiles(scripts);
  const hash = createHash('sha256').update(await zeekVersion(zeek));
  for (const file of files) hash.update(readFileSync(file)).update('\0');
  const cache = options.cache ?? join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'flowtap');
  const module = join(cache, `flowtap-${hash.digest('hex').slice(0, 16)}.hlto`);
  if (existsSync(module)) return module;
  mkdirSync(cache, { recursive: true });
  const lock = `${module}.lock`;
  while (!takeLock(lock)) {
    await delay(POLL_MS);
    if (existsSync(module)) return module;
  }
  try {
    if (!existsSync(module)) await compile(options, files, module);
  } finally {
    rmSync(lock, { recursive: true, force: true });
  }
  return module;
}

function takeLock(lock: string): boolean {
  try {
    mkdirSync(lock);
    return true;
  } catch (error) {
    if ((error as { code?: string }).code !== 'EEXIST') throw error;
    const { mtimeMs } = statSync(lock, { throwIfNoEntry: false }) ?? { mtimeMs: Date.now() };
    if (Date.now() - mtimeMs > STALE_MS) rmSync(lock, { recursive: true, force: true });
    return false;
  }
}

async function compile(
  { zeek, onCompile }: GrammarOptions,
  files: readonly string[],
  module: string,
): Promise<void> {
  const spicyz = join(dirname(zeek), 'spicyz');
  if (!existsSync(spicyz))
    throw new InputError(
      'usage',
      { file: zeek },
      'it comes without spicyz, Zeek’s grammar compiler',
      'install a Zeek with Spicy, or name another with ZEEK_BIN',
    );
  onCompile?.();
  const made = `${module}.${process.pid}`;
  try {
    await run(spicyz, ['-o', made, ...files], { timeout: STALE_MS, maxBuffer: 1 << 24 });
  } catch (cause) {
    const said = (cause as { stderr?: string }).stderr?.trim().split('\n')[0] ?? '';
    rmSync(made, { force: true });
    throw new InputError('usage', { file: spicyz }, `the grammars do not compile: ${said}`, 'use Zeek 8.2', {
      cause,
    });
  }
  renameSync(made, module);
}
