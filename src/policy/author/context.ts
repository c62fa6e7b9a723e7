// Collects what a policy module declares while it is built. Enters: declarations; leaves: them, with the lines they stand on.
import type { Place } from '../../errors.ts';
import { InputError } from '../../errors.ts';
import type { MemoryDeclaration, RequestDeclaration, ServiceDeclaration } from '../document.ts';

/** A request under construction; its name is settled when the document is made. */
export interface RequestDraft {
  /** Given by the author, or null for one made from the request itself. */
  name: string | null;
  /** What the request is, for a name: `POST /contracts`. */
  readonly label: string;
  /** Everything but the id, once `from` and `to` are said. */
  finish(id: string): RequestDeclaration;
  readonly from: () => string | null;
  readonly to: () => string | null;
  readonly place: Place | null;
}

/** What one call of `application` has collected so far. */
export interface Collector {
  readonly services: ServiceDeclaration[];
  readonly requests: RequestDraft[];
  readonly memories: MemoryDeclaration[];
}

let current: Collector | null = null;

/** Runs `define` with a fresh collector; declarations made inside belong to it. */
export function collect<T>(define: () => T): { result: T; collector: Collector } {
  if (current !== null) {
    throw invalid(callSite(), 'application() inside application()', 'declare one application a module');
  }
  const collector: Collector = { services: [], requests: [], memories: [] };
  current = collector;
  try {
    return { result: define(), collector };
  } finally {
    current = null;
  }
}

/** The collector of the application that is being built. */
export function collector(): Collector {
  if (current === null) {
    throw invalid(
      callSite(),
      'a request or service is declared outside application()',
      'move it into the function given to application()',
    );
  }
  return current;
}

/** A mistake of the author, with its line. */
export function invalid(place: Place | null, problem: string, remedy: string): InputError {
  return new InputError('policy-invalid', place, problem, remedy);
}

const OWN_FOLDER = new URL('.', import.meta.url).pathname;
/** A path, not the end of a name such as `node:internal/timers`. */
const FRAME = /[\s(](?:file:\/\/)?(\/[^()]+?):(\d+):(\d+)\)?$/;

/** Where in the policy module the author called us. */
export function callSite(): Place | null {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 30;
  const stack = new Error().stack ?? '';
  Error.stackTraceLimit = limit;
  for (const line of stack.split('\n').slice(1)) {
    const frame = FRAME.exec(line.trim());
    const file = frame?.[1];
    if (file === undefined || file.startsWith(OWN_FOLDER)) continue;
    return { file, line: Number(frame?.[2]), column: Number(frame?.[3]) };
  }
  return null;
}
