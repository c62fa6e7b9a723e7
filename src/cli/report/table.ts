// Tables on a terminal. Enters: a heading and rows; leaves: text.
import Table from 'cli-table3';
import type { Colours } from '../terminal.ts';

/** Columns from `numbers` on are numbers, and stand to the right. Colours of cells are the caller's. */
export function drawTable(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  { dim }: Colours,
  numbers = head.length,
): string {
  const table = new Table({
    head: head.map((cell) => dim(cell)),
    colAligns: head.map((_, index) => (index < numbers ? 'left' : 'right')),
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 2 },
    chars: NO_LINES,
  });
  table.push(...rows.map((row) => [...row]));
  return `${table
    .toString()
    .split('\n')
    .map((line) => `  ${line.trimEnd()}`)
    .join('\n')}\n`;
}

const NO_LINES = Object.fromEntries(
  [
    'top',
    'top-mid',
    'top-left',
    'top-right',
    'bottom',
    'bottom-mid',
    'bottom-left',
    'bottom-right',
    'left',
    'left-mid',
    'mid',
    'mid-mid',
    'right',
    'right-mid',
    'middle',
  ].map((name) => [name, '']),
);
