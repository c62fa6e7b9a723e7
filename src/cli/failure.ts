// What a person reads when a command fails. Enters: an error; leaves: text for standard error, and an exit code.
import { relative } from 'node:path';
import { CommanderError } from 'commander';
import { FlowTapError, formatPlace, InputError, type Place } from '../errors.ts';
import { EXIT, type ExitCode } from './exit-codes.ts';
import { safe } from './report/safe.ts';

/** One line for what the user can mend; the whole stack for what only we can. */
export function describeFailure(
  error: unknown,
  folder: string,
): { readonly text: string; readonly code: ExitCode } {
  if (error instanceof InputError) {
    const { place, problem, remedy } = error;
    const where = place === null ? '' : `${showPlace(place, folder)}: `;
    return { text: `flowtap: ${safe(`${where}${problem}; ${remedy}`)}\n`, code: EXIT.unusable };
  }
  if (error instanceof FlowTapError && error.code === 'service-failed')
    return { text: `flowtap: ${safe(error.message)}\n`, code: EXIT.failed };
  if (error instanceof CommanderError) {
    const problem = error.message.replace(/^error: /, '').replaceAll('\n', ' ');
    return { text: `flowtap: ${safe(problem)}; see "flowtap --help"\n`, code: EXIT.unusable };
  }
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return {
    text: `${stack}\nflowtap: this is a fault of ours; please report it with the lines above\n`,
    code: EXIT.fault,
  };
}

/** A place as the user would type it: relative when that is shorter and does not climb. */
export function showPlace(place: Place, folder: string): string {
  const near = relative(folder, place.file);
  return formatPlace(near === '' || near.startsWith('..') ? place : { ...place, file: near });
}
