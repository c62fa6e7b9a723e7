// Starts the thread that runs a policy module, and ends it when it takes too long. Enters: a path; leaves: what it exported, or an error.
import { Worker } from 'node:worker_threads';
import { InputError } from '../../errors.ts';
import type { PolicyReply, PolicyRequest } from './messages.ts';

/** In the sources there is no built worker: the thread then reads TypeScript as the tests do. */
const FROM_SOURCE = import.meta.url.endsWith('.ts');
const WORKER = new URL(FROM_SOURCE ? './worker.ts' : './worker.js', import.meta.url);
const EXEC_ARGV = FROM_SOURCE ? ['--import', import.meta.resolve('jiti/register')] : [];
const MEMORY = 256;

export interface ModuleOptions {
  /** Milliseconds that a module may take to say what it exports. */
  readonly timeout: number;
  /** Gets what the module prints: it must not get between our records. */
  readonly print: (text: string) => void;
}

/**
 * Runs a module and gives its default export as JSON text, or null when it has none.
 * @throws InputError `policy-crashed` or what the authoring words threw.
 */
export async function runModule(file: string, { timeout, print }: ModuleOptions): Promise<string | null> {
  const reply = await ask(file, timeout, print);
  switch (reply.kind) {
    case 'exported':
      return reply.json;
    case 'refused':
      throw new InputError(reply.code, reply.place, reply.problem, reply.remedy);
    case 'not-plain':
      throw new InputError(
        'policy-invalid',
        { file },
        `its default export is no policy document (${reply.why})`,
        'write "export default application(...)"',
      );
    case 'crashed':
      throw new InputError(
        'policy-crashed',
        reply.place ?? { file },
        `the module failed while it was loaded: ${oneLine(reply.message)}`,
        'correct the module',
      );
  }
}

async function ask(file: string, timeout: number, print: (text: string) => void): Promise<PolicyReply> {
  const request: PolicyRequest = { file };
  const worker = new Worker(WORKER, {
    workerData: request,
    execArgv: EXEC_ARGV,
    stdout: true,
    stderr: true,
    resourceLimits: { maxOldGenerationSizeMb: MEMORY },
  });
  worker.stdout.on('data', (chunk: Buffer) => print(chunk.toString()));
  worker.stderr.on('data', (chunk: Buffer) => print(chunk.toString()));
  let timer: NodeJS.Timeout | undefined;
  try {
    return await new Promise<PolicyReply>((resolve) => {
      const crashed = (message: string): void => resolve({ kind: 'crashed', place: null, message });
      timer = setTimeout(() => crashed(`it did not finish within ${timeout / 1000} s`), timeout);
      worker.once('message', resolve);
      worker.once('error', (error) => crashed(error instanceof Error ? error.message : String(error)));
      worker.once('exit', (code) => crashed(`it ended the process (exit code ${code})`));
    });
  } finally {
    clearTimeout(timer);
    await worker.terminate();
  }
}

function oneLine(text: string): string {
  return (text.split('\n')[0] ?? '').slice(0, 300);
}
