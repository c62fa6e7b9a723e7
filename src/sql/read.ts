// SQL texts with their bound values as what they do. Enters: dialect, text, values; leaves: a reading, or why there is none.
import type { SqlDialect, SqlValue } from '../events/sql.ts';
import { type CacheCounts, WeightedCache } from './cache.ts';
import { prepareMysql } from './mysql/read.ts';
import { plainTemplate } from './plain.ts';
import { loadPostgresGrammar } from './postgres/grammar.ts';
import { readPostgres } from './postgres/read.ts';
import type { SqlReading } from './reading.ts';
import { hiddenShape } from './shape.ts';
import { cutPlain } from './skeleton.ts';
import { SkeletonTree } from './skeleton-tree.ts';
import { bindStatement, type Template } from './template.ts';
import { MAX_TEXT } from './token.ts';

/**
 * UTF-16 units of all keys of one cache. A template takes up to some 50 bytes for each unit of its text, so that the two
 * together stay below 100 MB whatever a peer sends, and hold thousands of honest statements.
 */
const CACHE_CAPACITY = 1 << 20;

/** What an entry costs besides its key, and what each of its literals costs. */
const ENTRY_WEIGHT = 256;
const SLOT_WEIGHT = 4;

interface Entry {
  readonly template: Template;
  readonly slots: readonly (SqlValue | null)[];
}

/** By the text as it came: what a driver sends with bound values. */
const texts = {
  postgres: new WeightedCache<Entry>(CACHE_CAPACITY / 2),
  mysql: new WeightedCache<Entry>(CACHE_CAPACITY / 2),
} satisfies { readonly [dialect in SqlDialect]: WeightedCache<Entry> };

/** By the text without its literals, as MySQL's lexer cuts it, with comments and escapes. */
const shapes = new WeightedCache<Template>(CACHE_CAPACITY / 2);

/** By the skeleton of plain texts: what a driver sends that writes its values into the text. Null: it has no template. */
const plain = {
  postgres: new SkeletonTree<Template | null>(CACHE_CAPACITY / 4),
  mysql: new SkeletonTree<Template | null>(CACHE_CAPACITY / 4),
} satisfies { readonly [dialect in SqlDialect]: SkeletonTree<Template | null> };

let asked = 0;
let parsed = 0;

/** Loads what parses asynchronously; await it once before the first `readSql`. Rejects without WebAssembly. */
export async function loadSqlParsers(): Promise<void> {
  await loadPostgresGrammar();
}

/**
 * Reads a text. It never throws: what is too long, malformed, or not surely understood is `unparsable`. Without any bound
 * values the placeholders keep the value null; any other number of values than the text needs is `unparsable`.
 */
export function readSql(dialect: SqlDialect, text: string, parameters: readonly SqlValue[]): SqlReading {
  if (text.length > MAX_TEXT) return { kind: 'unparsable', reason: 'too long', shape: hiddenShape(text) };
  try {
    const { template, slots } = entryOf(dialect, text, parameters.length > 0);
    if (template.kind === 'unparsable') return template;
    const { statements, shape } = template;
    if (parameters.length !== template.parameters && parameters.length > 0) {
      const reason = `it takes ${template.parameters} values and ${parameters.length} are bound`;
      return { kind: 'unparsable', reason, shape };
    }
    const values = { parameters, slots };
    return { kind: 'read', statements: statements.map((each) => bindStatement(each, values)), shape };
  } catch {
    // A tree deeper than the bounds foresee must not take the engine with it.
    return { kind: 'unparsable', reason: 'it could not be read', shape: hiddenShape(text) };
  }
}

/** `hits`: texts that were not parsed since they, or others of their shape, had been; `misses`: those that were. */
export function sqlCacheCounts(): CacheCounts {
  const [postgres, mysql] = [texts.postgres.counts(), texts.mysql.counts()];
  const all = [postgres, mysql, shapes.counts(), plain.postgres.counts(), plain.mysql.counts()];
  const sum = (of: 'evicted' | 'entries' | 'weight'): number =>
    all.reduce((total, counts) => total + counts[of], 0);
  return {
    hits: asked - parsed,
    misses: parsed,
    evicted: sum('evicted'),
    entries: sum('entries'),
    weight: sum('weight'),
  };
}

function refuseText(text: string): string | null {
  if (text.includes('\0')) return 'a NUL character ends the text for one reader and not for another';
  if (/[\uD800-\uDFFF]/u.test(text)) return 'a lone surrogate is no character';
  return null;
}

/** Where values are bound, the text itself comes again; where none are, its like does. */
function entryOf(dialect: SqlDialect, text: string, bound: boolean): Entry {
  asked += 1;
  const cache = texts[dialect];
  const known = bound ? cache.get(text) : undefined;
  if (known !== undefined) return known;
  const found = plain[dialect].find(text);
  if (found !== null && found.value !== null) return { template: found.value, slots: found.slots };
  return (bound ? undefined : cache.get(text)) ?? remember(dialect, text, found === null);
}

function remember(dialect: SqlDialect, text: string, first: boolean): Entry {
  const entry = makeEntry(dialect, text);
  const skeleton = first ? cutPlain(text) : null;
  if (skeleton !== null) {
    const made = plainTemplate(dialect, skeleton, entry.template, entry.slots);
    plain[dialect].set(skeleton.key, made, skeleton.key.length + ENTRY_WEIGHT);
    // The next of its kind will not be looked up by its text.
    if (made !== null) return entry;
  }
  texts[dialect].set(text, entry, text.length + ENTRY_WEIGHT + SLOT_WEIGHT * entry.slots.length);
  return entry;
}

function makeEntry(dialect: SqlDialect, text: string): Entry {
  const refused = refuseText(text);
  if (refused !== null) {
    const template: Template = { kind: 'unparsable', reason: refused, shape: hiddenShape(text) };
    return { template: parse(() => template), slots: [] };
  }
  return dialect === 'mysql' ? mysqlEntry(text) : { template: parse(() => readPostgres(text)), slots: [] };
}

function mysqlEntry(text: string): Entry {
  const prepared = prepareMysql(text);
  if (prepared.kind === 'unparsable') return { template: parse(() => prepared), slots: [] };
  const { key, slots } = prepared;
  const known = shapes.get(key);
  if (known !== undefined) return { template: known, slots };
  const template = parse(() => prepared.read());
  shapes.set(key, template, key.length + ENTRY_WEIGHT);
  return { template, slots };
}

function parse(read: () => Template): Template {
  parsed += 1;
  return read();
}
