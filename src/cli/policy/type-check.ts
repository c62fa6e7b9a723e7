// Checks the types of policy modules without the author's own build. Enters: paths; leaves: nothing, or the first error.
import { existsSync } from 'node:fs';
import { dirname, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import type { Diagnostic } from 'typescript';
import { InputError, type Place } from '../../errors.ts';
import type { TypeCheckReply } from './messages.ts';

/** In the sources there is no built worker: the thread then reads TypeScript as the tests do. */
const FROM_SOURCE = import.meta.url.endsWith('.ts');
const WORKER = new URL(FROM_SOURCE ? './type-check-worker.ts' : './type-check-worker.js', import.meta.url);
const EXEC_ARGV = FROM_SOURCE ? ['--import', import.meta.resolve('jiti/register')] : [];
const POLICY_FOLDER = new URL('../../policy/', import.meta.url);

/**
 * The authoring words as the compiler sees them: the declarations in a built package, the sources in a checkout. The
 * author needs neither a package.json nor node_modules.
 */
function words(): string {
  const built = fileURLToPath(new URL('author.d.ts', POLICY_FOLDER));
  return existsSync(built) ? built : fileURLToPath(new URL('author.ts', POLICY_FOLDER));
}

/**
 * Checks modules as strictly as this project is checked itself. Loads the compiler only when it is called: it is large.
 * @throws InputError `policy-type` with the compiler's first message.
 */
export async function typeCheck(files: readonly string[]): Promise<void> {
  const { default: ts } = await import('typescript');
  const program = ts.createProgram(files, {
    strict: true,
    noUncheckedIndexedAccess: true,
    exactOptionalPropertyTypes: true,
    noEmit: true,
    skipLibCheck: true,
    skipDefaultLibCheck: true,
    types: [],
    lib: ['lib.es2023.d.ts'],
    target: ts.ScriptTarget.ES2022,
    module: ts.ModuleKind.ESNext,
    moduleResolution: ts.ModuleResolutionKind.Bundler,
    moduleDetection: ts.ModuleDetectionKind.Force,
    allowImportingTsExtensions: true,
    resolveJsonModule: true,
    isolatedModules: true,
    paths: { 'flowtap/policy': [words()] },
  });
  const ours = dirname(fileURLToPath(POLICY_FOLDER)) + sep;
  for (const source of program.getSourceFiles()) {
    if (program.isSourceFileDefaultLibrary(source) || program.isSourceFileFromExternalLibrary(source))
      continue;
    if (source.isDeclarationFile || source.fileName.startsWith(ours)) continue;
    const first = [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)][0];
    if (first === undefined) continue;
    const message = ts.flattenDiagnosticMessageText(first.messageText, '\n').split('\n')[0] ?? '';
    throw new InputError(
      'policy-type',
      placeOf(first, source.fileName),
      `${message.replace(/\.$/, '')} (TS${first.code})`,
      'correct it in the module',
    );
  }
}

/** The same in a thread of its own, for whoever has to go on meanwhile. */
export async function typeCheckApart(files: readonly string[]): Promise<void> {
  const worker = new Worker(WORKER, { workerData: files, execArgv: EXEC_ARGV });
  try {
    const reply = await new Promise<TypeCheckReply>((resolve, reject) => {
      worker.once('message', resolve);
      worker.once('error', reject);
    });
    if (reply !== null) throw new InputError('policy-type', reply.place, reply.problem, reply.remedy);
  } finally {
    await worker.terminate();
  }
}

function placeOf({ file, start }: Diagnostic, fileName: string): Place {
  if (file === undefined || start === undefined) return { file: fileName };
  const { line, character } = file.getLineAndCharacterOfPosition(start);
  return { file: fileName, line: line + 1, column: character + 1 };
}
