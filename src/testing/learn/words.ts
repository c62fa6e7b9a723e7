// Pieces of TypeScript, laid out as a person would. Enters: words and values; leaves: texts.
import { printable } from '../../policy/observe/observation.ts';

/** Characters in a line, and in a comment. */
const WIDTH = 100;
const LONGEST = 1000;

/** A text between single quotes. */
export function quoted(text: string): string {
  const inner = JSON.stringify(text).slice(1, -1).replaceAll('\\"', '"').replaceAll("'", "\\'");
  return `'${inner}'`;
}

export function call(word: string, ...args: readonly string[]): string {
  return `${word}(${args.join(', ')})`;
}

/** An object of these pairs, on one line where it fits behind `before` characters. */
export function object(
  pairs: readonly (readonly [string, string])[],
  indent: string,
  before: number,
): string {
  const entries = pairs.map(([key, value]) => `${keyWord(key)}: ${value}`);
  const line = `{ ${entries.join(', ')} }`;
  if (before + line.length <= WIDTH) return line;
  return `{\n${entries.map((entry) => `${indent}  ${entry},\n`).join('')}${indent}}`;
}

/** As a plain key `__proto__` would be no property at all. */
function keyWord(key: string): string {
  if (key === '__proto__') return "['__proto__']";
  return /^[A-Za-z_$][\w$]*$/.test(key) ? key : quoted(key);
}

/** A call with these arguments, each on a line of its own where they do not fit on one. */
export function nested(word: string, args: readonly string[], indent: string): string {
  const line = call(word, ...args);
  if (!line.includes('\n') && indent.length + line.length <= WIDTH) return line;
  return `${word}(\n${args.map((arg) => `${indent}  ${arg},\n`).join('')}${indent})`;
}

/** A comment of whole lines. What comes from the wire cannot end it. */
export function comment(text: string, indent = ''): string {
  const lines: string[] = [];
  let line = '';
  for (const word of printable(text, LONGEST).split(' ')) {
    if (line !== '' && indent.length + line.length + word.length > WIDTH) {
      lines.push(line);
      line = '';
    }
    line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, line].map((each) => `${indent}// ${each}\n`).join('');
}

/** The words of `flowtap/policy` that a text uses, in the order of the alphabet. */
export function wordsIn(text: string, known: readonly string[]): readonly string[] {
  const code = text.replaceAll(/'(?:[^'\\]|\\.)*'|\/\/.*$/gm, '');
  return known.filter((word) => new RegExp(`(?<![.\\w])${word}\\s*[.(]`).test(code)).sort();
}
