// SQL texts with their bound values as what they do. Enters: dialect, text, values; leaves: a reading, or why there is none.
import type { SqlDialect, SqlValue } from '../events/sql.ts';
import { type CacheCounts, WeightedCache } from './cache.ts';
import { prepareMysql } from './mysql/read.ts';
import { loadPostgresGrammar } from './postgres/grammar.ts';
import { readPostgres } from './postgres/read.ts';
import type { SqlReading } from './reading.ts';
import { hiddenShape } from './shape.ts';
import { bindStatement, type Prepared, type Template } from './template.ts';
import { MAX_TEXT } from './token.ts';

/** UTF-16 units of all texts whose readings are kept; a reading takes some tens of bytes for each of them. */
const CACHE_CAPACITY = 1 << 22;

/** What an entry costs besides its text. */
const ENTRY_WEIGHT = 256;

const cache = new WeightedCache<Template>(CACHE_CAPACITY);

/** Loads what parses asynchronously; await it once before the first `readSql`. Rejects without WebAssembly. */
export async function loadSqlParsers(): Promise<void> {
  await loadPostgresGrammar();
}

/**
 * Reads a text. It never throws: what is too long, malformed, or not surely understood is `unparsable`. Without any bound
 * values the placeholders keep the value null; any other number of values than the text needs is `unparsable`.
 */
export function readSql(dialect: SqlDialect, text: string, parameters: readonly SqlValue[]): SqlReading {
  const refused = refuseText(text);
  if (refused !== null) return { kind: 'unparsable', reason: refused, shape: hiddenShape(text) };
  try {
    const prepared = prepare(dialect, text);
    if (prepared.kind === 'unparsable') return prepared;
    const template = templateOf(`${dialect} ${prepared.key}`, prepared);
    if (template.kind === 'unparsable') return template;
    const { statements, shape } = template;
    if (parameters.length !== template.parameters && parameters.length > 0) {
      const reason = `it takes ${template.parameters} values and ${parameters.length} are bound`;
      return { kind: 'unparsable', reason, shape };
    }
    const values = { parameters, slots: prepared.slots };
    return { kind: 'read', statements: statements.map((each) => bindStatement(each, values)), shape };
  } catch {
    // A tree deeper than the bounds foresee must not take the engine with it.
    return { kind: 'unparsable', reason: 'it could not be read', shape: hiddenShape(text) };
  }
}

/** How often a text was read from the cache, and what the cache holds. */
export function sqlCacheCounts(): CacheCounts {
  return cache.counts();
}

function refuseText(text: string): string | null {
  if (text.length > MAX_TEXT) return 'too long';
  if (text.includes('\0')) return 'a NUL character ends the text for one reader and not for another';
  if (/[\uD800-\uDFFF]/u.test(text)) return 'a lone surrogate is no character';
  return null;
}

function prepare(dialect: SqlDialect, text: string): Prepared {
  if (dialect === 'mysql') return prepareMysql(text);
  return { kind: 'prepared', key: text, slots: [], read: () => readPostgres(text) };
}

function templateOf(key: string, prepared: Prepared & { readonly kind: 'prepared' }): Template {
  const known = cache.get(key);
  if (known !== undefined) return known;
  const template = prepared.read();
  cache.set(key, template, key.length + ENTRY_WEIGHT);
  return template;
}
