// The parser for MySQL's queries. Enters: a canonical statement text; leaves: its syntax tree, or why there is none.
//
// Chosen from what npm has (measured over 295 statements against MariaDB 10.11's own verdict): sqlparser-rs in WebAssembly
// (@guanmingchiu/sqlparser-ts, Apache-2.0, 3.6 MB) agrees on 228, node-sql-parser 5.4 (89 MB) on 215 and its `mariadb`
// build, which refuses plain SELECTs with a column named `status`, on 213. dt-sql-parser 4.5 (20 MB) agrees on 263 but
// knows no `?`, takes a hundred times as long, and does not load in Node without a bundler. sql-parser-cst is GPL.
// sqlparser-rs is the only one whose tree is typed throughout and carries the place of every name and literal. It is lax:
// it takes reserved words for names, drops none but accepts other dialects, and its lexer is not the server's. Hence our own
// lexer in front of it (lexer.ts, canonical.ts) and a tree reader that refuses every node it does not know and every word
// that the tree does not account for (account.ts).
//
// A panic inside the module leaves it unusable for ever, so that instances are held here and one that threw is replaced.
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { asNode, type Node } from '../node.ts';

interface Instance {
  parse_sql_to_json_string(dialect: string, text: string): string;
}

export type Parsed =
  | { readonly kind: 'tree'; readonly root: Node }
  | { readonly kind: 'refused'; readonly reason: string };

/** Instances held ready, because making one is asynchronous and parsing is not. */
const SPARES = 1;

/** Parses after which an instance is replaced, so that what it does not free stays bounded. */
const MAX_PARSES = 100_000;

const ready: Instance[] = [];
let made = 0;
let parses = 0;
let making: Promise<void> | null = null;

/** Makes the instances ready; once is enough. Rejects when WebAssembly is not to be had. */
export function loadMysqlGrammar(): Promise<void> {
  if (ready.length > SPARES) return Promise.resolve();
  making ??= replenish().finally(() => {
    making = null;
  });
  return making;
}

async function replenish(): Promise<void> {
  const entry = pathToFileURL(createRequire(import.meta.url).resolve('@guanmingchiu/sqlparser-ts'));
  const bytes = await readFile(new URL('../wasm/sqlparser_rs_wasm_bg.wasm', entry));
  while (ready.length <= SPARES) {
    made += 1;
    // The glue holds its instance in a module variable: another query makes it another module.
    const glue: unknown = await import(
      `${new URL('../wasm/sqlparser_rs_wasm.js', entry).href}?instance=${made}`
    );
    if (!isGlue(glue)) throw new TypeError('@guanmingchiu/sqlparser-ts has no parser where it was');
    glue.initSync({ module: bytes });
    ready.push(glue);
  }
}

function isGlue(value: unknown): value is Instance & { initSync(options: { module: Uint8Array }): unknown } {
  return (
    typeof value === 'object' &&
    value !== null &&
    'parse_sql_to_json_string' in value &&
    typeof value.parse_sql_to_json_string === 'function' &&
    'initSync' in value &&
    typeof value.initSync === 'function'
  );
}

/** Parses one statement. Never throws; a parser that broke is replaced. */
export function parseMysql(text: string): Parsed {
  const [instance] = ready;
  if (instance === undefined) return { kind: 'refused', reason: 'the parser is not loaded' };
  try {
    parses += 1;
    const parsed: unknown = JSON.parse(instance.parse_sql_to_json_string('mysql', text));
    if (parses > MAX_PARSES && ready.length > 1) replace();
    const root = Array.isArray(parsed) && parsed.length === 1 ? asNode(parsed[0]) : null;
    return root === null ? { kind: 'refused', reason: 'not one statement' } : { kind: 'tree', root };
  } catch (error) {
    // What the grammar refuses is thrown as a plain object or text; an Error is the module's own end.
    if (!(error instanceof Error) || error instanceof SyntaxError)
      return { kind: 'refused', reason: 'syntax error' };
    replace();
    return { kind: 'refused', reason: 'the parser ran out of stack or memory' };
  }
}

function replace(): void {
  ready.shift();
  parses = 0;
  loadMysqlGrammar().catch(() => {
    // `ready` stays empty, which the next parse reports.
  });
}
