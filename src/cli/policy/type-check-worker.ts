// Checks the types of policy modules in a thread of its own, which the compiler fills for seconds. Enters: paths; leaves: the first error, or null.
import { parentPort, workerData } from 'node:worker_threads';
import { InputError } from '../../errors.ts';
import type { TypeCheckReply } from './messages.ts';
import { typeCheck } from './type-check.ts';

async function check(files: readonly string[]): Promise<TypeCheckReply> {
  try {
    await typeCheck(files);
    return null;
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    const { place, problem, remedy } = error;
    return { place, problem, remedy };
  }
}

parentPort?.postMessage(await check(workerData as readonly string[]));
