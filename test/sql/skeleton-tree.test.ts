// The tree of skeletons against cutting each text. Enters: plain and other texts; leaves: an entry exactly for its own skeleton, within bounds.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cutPlain } from '../../src/sql/skeleton.ts';
import { SkeletonTree } from '../../src/sql/skeleton-tree.ts';

/** Few pieces, so that skeletons share beginnings; marks of skeletons and characters that no plain text has among them. */
const piece = fc.constantFrom(
  ..."SELECT |a|ab|b1|t.c|_x|=|= |(|,|)| |\n|-|+|.|*|<|> |1|12|0|007|1.5|10.25|1.|.5|1234567890|'x'|'y z'|''|'it''s'|'\\'|'é'|'|\"|#|$|$1|?|--|/*|*/|;|\0|\t|é|\ud800|like |LIKE |and |N|e1".split(
    '|',
  ),
);
const text = fc.array(piece, { minLength: 1, maxLength: 9 }).map((pieces) => pieces.join(''));

describe('a tree of skeletons', () => {
  it('finds what was kept for the skeleton of a text, with its literals, and nothing for any other', () => {
    fc.assert(
      fc.property(fc.array(text, { maxLength: 40 }), fc.array(text, { maxLength: 40 }), (kept, asked) => {
        const tree = new SkeletonTree<string>(1 << 20);
        const keys = new Set<string>();
        for (const each of kept) {
          const skeleton = cutPlain(each);
          if (skeleton === null) continue;
          tree.set(skeleton.key, skeleton.key, 1);
          keys.add(skeleton.key);
        }
        for (const each of [...kept, ...asked]) {
          const skeleton = cutPlain(each);
          const expected =
            skeleton !== null && keys.has(skeleton.key)
              ? { value: skeleton.key, slots: skeleton.slots }
              : null;
          expect(tree.find(each), JSON.stringify(each)).toEqual(expected);
        }
        expect(tree.counts().entries).toBe(keys.size);
      }),
      // Where skeletons part at a digit within a name.
      { numRuns: 2_000, examples: [[["_x1<'x'", "_x,'x'"], []]] },
    );
  });

  it('takes no mark that a text holds itself for a literal', () => {
    const tree = new SkeletonTree<number>(100);
    for (const [i, plain] of ['a = 1', 'a = 1.5', "a = 'x'"].entries())
      tree.set(cutPlain(plain)?.key ?? '', i, 1);
    expect(tree.find('a = 7')).toEqual({ value: 0, slots: [{ type: 'number', text: '7' }] });
    expect(tree.find('a = 7.5')?.value).toBe(1);
    expect(tree.find("a = 'y'")?.value).toBe(2);
    for (const other of ['a = #', 'a = $', "a = '", "a = ''' ", 'a = 7 ', 'a = ', 'a = 7.', '', 'a = \u0127'])
      expect(tree.find(other)).toBeNull();
  });

  it('is emptied when the weights would exceed its capacity, and counts what was lost', () => {
    const tree = new SkeletonTree<number>(80);
    for (let i = 0; i < 8; i += 1) tree.set(`a${i} = #`, i, 10);
    expect(tree.counts()).toMatchObject({ entries: 8, weight: 80, evicted: 0 });
    tree.set('b = #', 9, 10);
    expect(tree.counts()).toMatchObject({ entries: 1, weight: 10, evicted: 8 });
    expect(tree.find('a0 = 5')).toBeNull();
    expect(tree.find('b = 5')?.value).toBe(9);
    expect(tree.counts()).toMatchObject({ hits: 1, misses: 1 });
  });

  it('keeps nothing that would push out most others', () => {
    const tree = new SkeletonTree<number>(80);
    tree.set('a = #', 1, 11);
    expect(tree.counts()).toMatchObject({ entries: 0, weight: 0 });
  });
});
