// The server's own grammar, compiled to WebAssembly. Enters: a statement text; leaves: its syntax tree, or why there is none.
//
// The module that libpg-query exports keeps one instance for ever. An instance whose stack ran out in the middle of a
// parse has lost its memory contexts, so this file holds the instances itself and replaces one that threw.
import { createRequire } from 'node:module';
import { asNode, type Node } from '../node.ts';

interface Instance {
  readonly HEAPU8: Uint8Array;
  lengthBytesUTF8(text: string): number;
  stringToUTF8(text: string, pointer: number, length: number): void;
  UTF8ToString(pointer: number): string;
  getValue(pointer: number, type: 'i32'): number;
  _malloc(length: number): number;
  _free(pointer: number): void;
  _wasm_parse_query_raw(text: number): number;
  _wasm_free_parse_result(result: number): void;
}

export type Parsed =
  | { readonly kind: 'tree'; readonly statements: readonly Node[] }
  | { readonly kind: 'refused'; readonly reason: string };

/** Bytes of linear memory above which an instance is replaced; a fresh one has 128 MiB, of which little is touched. */
const MAX_MEMORY = 256 * 1024 * 1024;

/** Instances held ready, because making one is asynchronous and parsing is not. */
const SPARES = 2;

const create: unknown = createRequire(import.meta.url)('libpg-query/wasm/libpg-query.js');
const ready: Instance[] = [];
let making: Promise<void> | null = null;

/** Makes the instances ready; once is enough. Rejects when WebAssembly is not to be had. */
export function loadPostgresGrammar(): Promise<void> {
  if (ready.length > SPARES) return Promise.resolve();
  making ??= replenish().finally(() => {
    making = null;
  });
  return making;
}

async function replenish(): Promise<void> {
  if (typeof create !== 'function') throw new TypeError('libpg-query exports no module factory');
  while (ready.length <= SPARES) ready.push(await create({ print: discard, printErr: discard }));
}

function discard(): void {
  // An abort inside the module would print the text that caused it.
}

/** Parses a text that is free of NUL and of lone surrogates. Never throws; a parser that broke is replaced. */
export function parsePostgres(text: string): Parsed {
  // The module gives no tree at all for a text without any.
  if (/^[ \t\n\v\f\r]*$/.test(text)) return { kind: 'tree', statements: [] };
  const [instance] = ready;
  if (instance === undefined) return { kind: 'refused', reason: 'the parser is not loaded' };
  try {
    const parsed = parseIn(instance, text);
    if (instance.HEAPU8.length > MAX_MEMORY) replace();
    return parsed;
  } catch {
    replace();
    return { kind: 'refused', reason: 'the parser ran out of stack or memory' };
  }
}

function replace(): void {
  ready.shift();
  // A failure leaves `ready` empty, which the next parse reports.
  loadPostgresGrammar().catch(discard);
}

/** `PgQueryParseResult {char* tree; char* stderr; PgQueryError* error}`, `PgQueryError {char* message; ...}`. */
function parseIn(instance: Instance, text: string): Parsed {
  const length = instance.lengthBytesUTF8(text) + 1;
  const pointer = instance._malloc(length);
  instance.stringToUTF8(text, pointer, length);
  const result = instance._wasm_parse_query_raw(pointer);
  const tree = instance.getValue(result, 'i32');
  const error = instance.getValue(result + 8, 'i32');
  const message = error === 0 ? null : instance.UTF8ToString(instance.getValue(error, 'i32'));
  const json = message === null && tree !== 0 ? instance.UTF8ToString(tree) : null;
  instance._free(pointer);
  instance._wasm_free_parse_result(result);
  // The message quotes the text around the error, so that it may hold a literal.
  if (message !== null) return { kind: 'refused', reason: message.replace(/ at or near "[\s\S]*$/, '') };
  const root = json === null ? null : asNode(JSON.parse(json));
  if (root === null) return { kind: 'refused', reason: 'the parser gave no tree' };
  const statements: Node[] = [];
  for (const raw of Array.isArray(root.stmts) ? root.stmts : []) {
    const statement = asNode(asNode(raw)?.stmt);
    if (statement === null) return { kind: 'refused', reason: 'the parser gave a statement that is not one' };
    statements.push(statement);
  }
  return { kind: 'tree', statements };
}
