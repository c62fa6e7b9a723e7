// Text of the wire on a terminal. Enters: any text; leaves: one line that moves no cursor and rings no bell.
import { printable } from '../../policy/observe/observation.ts';

/** The text without control characters and direction marks; cut after `longest` characters. */
export function safe(text: string, longest = 2000): string {
  return printable(text, longest);
}
