// The cache of readings. Enters: texts, again and again; leaves: hits, and a size that stays within its bound.
import { beforeAll, describe, expect, it } from 'vitest';
import { WeightedCache } from '../../src/sql/cache.ts';
import { loadSqlParsers, readSql, sqlCacheCounts } from '../../src/sql/read.ts';

beforeAll(loadSqlParsers);

describe('the weighted cache', () => {
  it('gives back what was put in and counts', () => {
    const cache = new WeightedCache<number>(100);
    cache.set('a', 1, 10);
    expect(cache.get('a')).toBe(1);
    expect(cache.get('b')).toBeUndefined();
    expect(cache.counts()).toEqual({ hits: 1, misses: 1, evicted: 0, entries: 1, weight: 10 });
  });

  it('drops what was used least recently when the weights exceed its capacity', () => {
    const cache = new WeightedCache<number>(80);
    for (let i = 0; i < 8; i += 1) cache.set(`k${i}`, i, 10);
    cache.get('k0');
    cache.set('new', 9, 10);
    expect(cache.get('k1')).toBeUndefined();
    expect(cache.get('k0')).toBe(0);
    expect(cache.counts()).toMatchObject({ evicted: 1, entries: 8, weight: 80 });
  });

  it('does not keep an entry that would push out most others', () => {
    const cache = new WeightedCache<number>(80);
    cache.set('big', 1, 11);
    expect(cache.counts()).toMatchObject({ entries: 0, weight: 0 });
  });
});

describe('the cache of readings', () => {
  it('knows a text again whatever its values', () => {
    const sql = 'SELECT a FROM cached WHERE b = $1';
    readSql('postgres', sql, [{ type: 'text', text: 'x' }]);
    const before = sqlCacheCounts();
    const reading = readSql('postgres', sql, [{ type: 'text', text: 'y' }]);
    expect(sqlCacheCounts().hits).toBe(before.hits + 1);
    expect(reading).toMatchObject({
      statements: [{ where: { predicates: [{ values: [{ value: { text: 'y' } }] }] } }],
    });
  });

  it('knows a MySQL text again whatever its literals, comments and spaces', () => {
    readSql('mysql', "SELECT a FROM cached WHERE b = 'x' AND c = 1", []);
    const before = sqlCacheCounts();
    const reading = readSql('mysql', "SELECT a\nFROM cached /* k */ WHERE b = 'it\\'s' AND c = 2.5 -- z", []);
    expect(sqlCacheCounts()).toMatchObject({ hits: before.hits + 1, misses: before.misses });
    expect(reading).toMatchObject({
      statements: [
        {
          where: {
            predicates: [{ values: [{ value: { text: "it's" } }] }, { values: [{ value: { text: '2.5' } }] }],
          },
        },
      ],
    });
  });

  it('tells the dialects apart', () => {
    const sql = 'SELECT "a" FROM t WHERE b = 1';
    expect(readSql('postgres', sql, [])).toMatchObject({ statements: [{ columns: ['a'], features: [] }] });
    expect(readSql('mysql', sql, [])).toMatchObject({
      statements: [{ columns: ['?'], features: ['modifier'] }],
    });
  });

  it('stays within its capacity when every text is another one', () => {
    const padding = 'x'.repeat(20_000);
    for (let i = 0; i < 600; i += 1) readSql('postgres', `SELECT a${i} /* ${padding} */`, []);
    const { weight, evicted } = sqlCacheCounts();
    expect(weight).toBeLessThanOrEqual(2 << 20);
    expect(evicted).toBeGreaterThan(0);
  });
});
