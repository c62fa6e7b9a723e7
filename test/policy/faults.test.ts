// What the types rule out, and orders of values. Enters: values of no declared kind; leaves: faults of ours, never a verdict.
import { describe, expect, test } from 'vitest';
import { FlowTapError } from '../../src/errors.ts';
import {
  amqp,
  application,
  atLeast,
  chain,
  claim,
  decimal,
  header,
  http,
  literal,
  outside,
  secret,
} from '../../src/policy/author.ts';
import { checkPolicy } from '../../src/policy/check.ts';
import { normalise } from '../../src/policy/normalise.ts';
import { factsOfRelation } from '../../src/policy/relation.ts';
import { judge as judgeRelation } from '../../src/policy/relations/judge.ts';
import { describeSource } from '../../src/policy/source.ts';
import { brief, judge } from '../support/judge.ts';
import { Story } from '../support/story.ts';

const wrong = (value: object): never => value as never;
const term = (value: string) => ({ kind: 'literal', value }) as const;

describe('what the types rule out', () => {
  test('is a fault of ours', () => {
    const compare = wrong({ kind: 'compare', fact: 'a', operator: '~', with: term('1') });
    for (const ruledOut of [
      () => normalise('1', 'roman' as never),
      () => describeSource(wrong({ in: 'mind' })),
      () => factsOfRelation(wrong({ kind: 'likes' })),
      () => judgeRelation(compare, '1', 'text', () => ({ kind: 'one', value: '1' })),
    ])
      expect(ruledOut).toThrow(FlowTapError);
  });
});

describe('a comparison', () => {
  test.each([
    ['=', [false, true, false]],
    ['<>', [true, false, true]],
    ['<', [true, false, false]],
    ['<=', [true, true, false]],
    ['>', [false, false, true]],
    ['>=', [false, true, true]],
  ] as const)('by %s holds for just the values that are in that order', (operator, expected) => {
    const relation = { kind: 'compare', fact: 'a', operator, with: term('10') } as const;
    const holds = ['9.5', '10', '10.5'].map(
      (own) => judgeRelation(relation, own, 'decimal', () => ({ kind: 'one', value: '10' })) === null,
    );
    expect(holds).toEqual(expected);
  });

  test('of two facts of the user request itself is made before its chain begins', async () => {
    const policy = application('own', ({ external, service }) => {
      const front = service('front', { at: '10.0.0.1', http: 80 });
      const ask = http.get('/').from(external('user')).to(front);
      return chain(
        ask
          .facts({ paid: decimal(header('x-paid')), price: decimal(header('x-price')) })
          .requires(atLeast('paid', 'price')),
      );
    });
    const asked = async (paid: string) => {
      const story = new Story();
      const headers = { 'x-paid': paid, 'x-price': '10' };
      story.connect('192.0.2.1', '10.0.0.1:80').http('GET', '/', { headers })(200);
      const { drops, chains } = await judge(policy, story.end());
      return { drops: brief(drops), chains: chains.length };
    };
    expect(await asked('10.00')).toEqual({ drops: [], chains: 1 });
    expect(await asked('9.99')).toEqual({ drops: ['relation-fails: GET / (user to front)'], chains: 0 });
  });
});

describe('a policy', () => {
  test('orders no secrets, and reads no claims from messages', () => {
    const texts = checkPolicy(
      application('test', ({ external, service }) => {
        const front = service('front', { at: '10.0.0.1', http: 80 });
        const queue = service('queue', { at: '10.0.0.2', amqp: 5672 });
        const ask = http.get('/').from(external('user')).to(front);
        return [
          chain(ask.facts({ token: secret(header('x-token')) }).requires(atLeast('token', literal('a')))),
          outside(
            amqp
              .publish('x', 'k')
              .from(front)
              .to(queue)
              .facts({ user: claim('sub') }),
          ),
        ];
      }),
    ).map(({ problem }) => problem);
    expect(texts.join('\n')).toContain('secrets are in no order');
    expect(texts.join('\n')).toContain('is a claim, but only HTTP requests show tokens');
  });
});
