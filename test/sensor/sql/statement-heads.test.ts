// The first words of statements. Enters: SQL texts; leaves: tokens, also where quotes and comments try to hide them.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { statementHeads } from '../../../src/sensor/sql/statement-heads.ts';

const heads = (text: string, dialect: 'postgres' | 'mysql'): string[] =>
  statementHeads(text, dialect).heads.map((head) => head.map((token) => token.text).join(' '));

describe('statement heads', () => {
  it.each([
    ["select ';' ; DISCARD all", ['select ;', 'discard all']],
    ['-- x;\nselect 1', ['select 1']],
    ['/* a /* b */ ; */ select 1', ['select 1']],
    ['select $a$ ; $b$ $a$; x', ['select ', 'x']],
    ["select E'\\'; y'; z", ["select e \\'; y", 'z']],
    ["select '\\'; z", ['select \\', 'z']],
    ['deallocate "a""B"', ['deallocate a"B']],
    [';;', []],
  ])('of PostgreSQL: %s', (text, expected) => {
    expect(heads(text, 'postgres')).toEqual(expected);
  });

  it.each([
    ["select '\\'; z'; USE x", ["select \\'; z", 'use x']],
    ['# x;\nselect 1', ['select 1']],
    ['select 1--2; x', ['select 1 - - 2', 'x']],
    ['/* ; */ use `a``B`', ['use a`B']],
    ['/*!40101 set names gbk */; /*M!100100 use x */', ['set names gbk', 'use x']],
  ])('of MySQL: %s', (text, expected) => {
    expect(heads(text, 'mysql')).toEqual(expected);
  });

  it('say when a quote or comment does not end, or when there are too many', () => {
    for (const text of ["select '", 'select "x', '/* x', 'select $a$ x']) {
      expect(statementHeads(text, 'postgres').whole).toBe(false);
    }
    expect(statementHeads('x;'.repeat(300), 'mysql').whole).toBe(false);
  });

  it('are found in any text', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'\'"`$a-/*#\\;! \n') }), (text) => {
        for (const dialect of ['postgres', 'mysql'] as const)
          expect(statementHeads(text, dialect)).toBeDefined();
      }),
    );
  });
});
