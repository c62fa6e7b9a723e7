// A YAML or JSON text whose every value knows its place. Enters: text; leaves: sections and values, or an InputError with line and column.
import { isAlias, isMap, isScalar, isSeq, LineCounter, type Node, parseDocument, type YAMLMap } from 'yaml';
import { InputError, type Place } from '../errors.ts';
import { closest } from '../policy/check/problem.ts';

/** Where a document is from, and how its offsets become lines. */
interface Origin {
  readonly file: string;
  readonly lines: LineCounter;
}

/**
 * The one value of a text. YAML 1.2 (core schema), of which JSON is a part; one document, no duplicate keys, no aliases.
 * @throws InputError `config-invalid` for what is no YAML, at the first place where that shows
 */
export function readText(file: string, text: string): Value {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, strict: true });
  const origin = { file, lines };
  const fault = document.errors[0] ?? document.warnings[0];
  if (fault !== undefined) {
    const problem = fault.code === 'DUPLICATE_KEY' ? 'this key stands here twice' : firstLine(fault.message);
    throw invalid(placeOf(origin, fault.pos[0]), problem, 'correct it');
  }
  if (document.contents === null)
    throw invalid({ file }, 'the configuration is empty', 'name at least "policies" and "zeeks"');
  return new Value(origin, document.contents, 'the configuration');
}

/** One value and its place. */
export class Value {
  readonly #origin: Origin;
  readonly #node: Node | null;
  /** What it is called in messages: `zeeks[0].url`. */
  readonly name: string;
  /** Its own place, or for an empty value that of its key. */
  readonly place: Place;

  constructor(origin: Origin, node: Node | null, name: string, fallback?: Place) {
    this.#origin = origin;
    this.#node = node;
    this.name = name;
    this.place = node?.range == null ? (fallback ?? origin) : placeOf(origin, node.range[0]);
    if (isAlias(node)) throw this.wrong('an alias is not taken here', 'write the value itself');
  }

  /** An error at this place. */
  wrong(problem: string, remedy: string): InputError {
    return invalid(this.place, `${this.name}: ${problem}`, remedy);
  }

  get isSection(): boolean {
    return isMap(this.#node);
  }

  /** A mapping with known keys only; each may be absent. @throws InputError that names the nearest known key */
  section(known: readonly string[]): Section {
    const node = this.#node;
    if (!isMap(node)) throw this.wrong('a section of keys is expected', `give ${list(known)}`);
    return new Section(this, this.#entries(node, known));
  }

  /** @throws InputError for anything but a list of at least one */
  list(): readonly Value[] {
    const node = this.#node;
    if (!isSeq(node) || node.items.length === 0)
      throw this.wrong('a list is expected', 'write one "- ..." line for each');
    return node.items.map(
      (item, index) => new Value(this.#origin, item as Node | null, `${this.name}[${index}]`, this.place),
    );
  }

  /** Text that is not empty; a number is no text. */
  text(): string {
    const value = this.#scalar();
    if (typeof value !== 'string' || value === '') throw this.wrong('text is expected', 'put it in quotes');
    return value;
  }

  /** One of the words. */
  word<T extends string>(words: readonly T[]): T {
    const value = this.#scalar();
    const found = words.find((word) => word === value);
    if (found !== undefined) return found;
    const meant = closest(String(value), words);
    const remedy = meant === null ? `write ${alternatives(words)}` : `did you mean ${meant}?`;
    throw this.wrong(`${show(value)} is none of ${words.join(', ')}`, remedy);
  }

  flag(): boolean {
    const value = this.#scalar();
    if (typeof value !== 'boolean')
      throw this.wrong(`${show(value)} is no truth value`, 'write true or false');
    return value;
  }

  /** A whole number from `least` to `most`. */
  whole(least: number, most: number): number {
    const value = this.#scalar();
    if (typeof value !== 'number' || !Number.isInteger(value) || value < least || value > most)
      throw this.wrong(`${show(value)} is no whole number from ${least} to ${most}`, 'write such a number');
    return value;
  }

  /** Milliseconds, above zero, from `250ms`, `2s`, `5m` or `1h`. */
  duration(): number {
    const value = this.#scalar();
    const [, amount, unit] = /^(\d{1,9}(?:\.\d{1,3})?)(ms|s|m|h)$/.exec(String(value)) ?? [];
    const milliseconds = Number(amount) * (UNITS[unit ?? ''] ?? Number.NaN);
    // What is longer does not fit into a timer.
    if (!(milliseconds >= 1 && milliseconds <= 2_147_483_647))
      throw this.wrong(`${show(value)} is no duration`, 'write it as 250ms, 2s, 5m or 1h');
    return milliseconds;
  }

  /** Bytes, above zero: a number, or `64KiB`, `1MiB`, `2GiB`. */
  size(): number {
    const value = this.#scalar();
    const [, amount, unit] = /^(\d{1,15})(KiB|MiB|GiB)?$/.exec(String(value)) ?? [];
    const bytes = Number(amount) * (SIZES[unit ?? ''] ?? Number.NaN);
    if (!(bytes >= 1 && Number.isSafeInteger(bytes)))
      throw this.wrong(`${show(value)} is no size`, 'write bytes as a number, or 64KiB, 1MiB, 2GiB');
    return bytes;
  }

  #scalar(): unknown {
    return isScalar(this.#node) ? this.#node.value : this.#node === null ? null : undefined;
  }

  #entries(node: YAMLMap, known: readonly string[]): ReadonlyMap<string, Value> {
    const entries = new Map<string, Value>();
    for (const pair of node.items) {
      const key = pair.key as Node | null;
      const place = key?.range == null ? this.place : placeOf(this.#origin, key.range[0]);
      const name = isScalar(key) ? String(key.value) : '?';
      if (!known.includes(name)) {
        const meant = closest(name, known);
        throw invalid(
          place,
          `there is no key "${name}" in ${this.name}`,
          meant === null ? `the keys are ${list(known)}` : `did you mean "${meant}"?`,
        );
      }
      const inner = this.name === 'the configuration' ? name : `${this.name}.${name}`;
      entries.set(name, new Value(this.#origin, pair.value as Node | null, inner, place));
    }
    return entries;
  }
}

/** A mapping whose keys are all known. */
export class Section {
  readonly value: Value;
  readonly #entries: ReadonlyMap<string, Value>;

  constructor(value: Value, entries: ReadonlyMap<string, Value>) {
    this.value = value;
    this.#entries = entries;
  }

  /** The value of a key, or undefined when it is not there. */
  get(key: string): Value | undefined {
    return this.#entries.get(key);
  }

  /** @throws InputError when it is not there */
  need(key: string, remedy: string): Value {
    const value = this.#entries.get(key);
    if (value === undefined) throw this.value.wrong(`"${key}" is missing`, remedy);
    return value;
  }
}

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };
const SIZES: Readonly<Record<string, number>> = { '': 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 };

function placeOf({ file, lines }: Origin, offset: number): Place {
  const { line, col } = lines.linePos(offset);
  return { file, line: Math.max(line, 1), column: Math.max(col, 1) };
}

function invalid(place: Place, problem: string, remedy: string): InputError {
  return new InputError('config-invalid', { ...place }, problem, remedy);
}

function firstLine(text: string): string {
  return text.split('\n')[0] ?? text;
}

function list(words: readonly string[]): string {
  return words.map((word) => `"${word}"`).join(', ');
}

function alternatives(words: readonly string[]): string {
  return words.length === 1 ? String(words[0]) : `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`;
}

function show(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' ? `"${value}"` : 'this';
}
