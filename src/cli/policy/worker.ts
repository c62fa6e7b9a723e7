// Runs one policy module in a thread of its own, so that a loop in it can be ended. Enters: its path; leaves: its document as JSON, or why not.
import { parentPort, workerData } from 'node:worker_threads';
import { createJiti } from 'jiti';
import { InputError, type Place } from '../../errors.ts';
import * as author from '../../policy/author.ts';
import type { PolicyReply, PolicyRequest } from './messages.ts';
import { Transpiler } from './transpile.ts';

const transpiler = new Transpiler();

async function load(file: string): Promise<PolicyReply> {
  const jiti = createJiti(file, {
    fsCache: false,
    moduleCache: false,
    tryNative: false,
    interopDefault: false,
    sourceMaps: true,
    // The words are this very module, not a second copy of it: its errors are then ours.
    virtualModules: { 'flowtap/policy': author },
    transform: (options) => transpiler.transform(options),
  });
  let exported: unknown;
  try {
    exported = (await jiti.import<{ default?: unknown }>(file)).default;
  } catch (error) {
    return failure(file, error);
  }
  if (exported === undefined) return { kind: 'exported', json: null };
  try {
    const json: string | undefined = JSON.stringify(exported, withOriginalPlaces);
    return json === undefined
      ? { kind: 'not-plain', why: `it is a ${typeof exported}` }
      : { kind: 'exported', json };
  } catch (error) {
    return {
      kind: 'not-plain',
      why: error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error),
    };
  }
}

function failure(file: string, error: unknown): PolicyReply {
  if (error instanceof InputError) {
    const { code, place, problem, remedy } = error;
    const at = place === null ? null : transpiler.original(place);
    return { kind: 'refused', code: code as Exclude<typeof code, 'fault'>, place: at, problem, remedy };
  }
  const message = error instanceof Error ? `${error.name}: ${error.message}` : `threw ${String(error)}`;
  return { kind: 'crashed', place: thrownAt(file, error), message };
}

const FRAME = /\(?(?:file:\/\/)?(\/[^()]+?):(\d+):(\d+)\)?$/;

/** The innermost frame in the author's own file. */
function thrownAt(file: string, error: unknown): Place | null {
  const stack = error instanceof Error ? (error.stack ?? '') : '';
  for (const line of stack.split('\n')) {
    const [, path, row, column] = FRAME.exec(line.trim()) ?? [];
    if (path !== file) continue;
    return transpiler.original({ file, line: Number(row), column: Number(column) });
  }
  return { file };
}

function withOriginalPlaces(key: string, value: unknown): unknown {
  if (typeof value === 'function' || typeof value === 'symbol')
    throw new Error(`${key === '' ? 'it' : `"${key}"`} is a ${typeof value}`);
  return key === 'place' && isPlace(value) ? transpiler.original(value) : value;
}

function isPlace(value: unknown): value is Place {
  return typeof value === 'object' && value !== null && 'file' in value && typeof value.file === 'string';
}

const { file } = workerData as PolicyRequest;
parentPort?.postMessage(await load(file));
