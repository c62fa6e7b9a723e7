// How a policy says that requests are refused, and which bodies are not waited for. Enters: policies, events; leaves: assertions on verdicts.
import { describe, expect, it } from 'vitest';
import {
  application,
  body,
  header,
  http,
  outside,
  type Settings,
  settings,
} from '../../src/policy/author.ts';
import { checkPolicy } from '../../src/policy/check.ts';
import type { PolicyDocument } from '../../src/policy/document.ts';
import { judgedAnswers } from '../../src/policy/judged-answers.ts';
import { readDocument } from '../../src/policy/read-document.ts';
import { shopPolicy } from '../support/gate-policy.ts';
import { judge } from '../support/judge.ts';
import { Story } from '../support/story.ts';

function policy(given: Settings): PolicyDocument {
  return application('t', ({ external, service }) => {
    const user = external('user', { at: '10.0.0.1' });
    const shop = service('shop', { at: '10.0.0.2', http: 80 });
    const asked = (path: string) =>
      http
        .post(path)
        .from(user)
        .to(shop)
        .facts({ who: header('x-who') });
    return [
      settings({ reorder: '0ms', ...given }),
      outside(asked('/usual'), asked('/answered').refused('answer'), asked('/reset').refused('reset')),
    ];
  });
}

/** What is done with a request that lacks its fact, or that nobody declared. */
async function actions(document: PolicyDocument, containment: 'forward' | 'redirect'): Promise<string[]> {
  const story = new Story();
  const connection = story.connect('10.0.0.1', '10.0.0.2:80');
  for (const path of ['/usual', '/answered', '/reset', '/unknown']) connection.http('POST', path);
  const ambiguities = [{ code: 'http-bad-length', detail: 'a length' } as const];
  connection.http('POST', '/usual', { ambiguities });
  const { drops } = await judge(document, story.end(), containment);
  return drops.map(({ action }) => action);
}

describe('a denied request that is held', () => {
  it('is cut off where nothing else is said, or answered where its declaration says so', async () => {
    expect(await actions(policy({}), 'redirect')).toEqual(['block', 'refuse', 'block', 'block', 'block']);
  });

  it('is answered where the application says so, unless its bytes can be read in two ways', async () => {
    expect(await actions(policy({ refuse: 'answer' }), 'redirect')).toEqual([
      'refuse',
      'refuse',
      'block',
      'refuse',
      'block',
    ]);
  });

  it('that was only seen as a copy is cut off in any case', async () => {
    expect(await actions(policy({ refuse: 'answer' }), 'forward')).toEqual(Array(5).fill('block'));
  });

  it('is let through in audit mode', async () => {
    expect(await actions(policy({ refuse: 'answer', mode: 'audit' }), 'redirect')).toEqual(
      Array(5).fill('observe'),
    );
  });
});

describe('a policy document', () => {
  it('keeps what is said of refusals and streams', () => {
    const document = shopPolicy();
    expect(readDocument(JSON.parse(JSON.stringify(document)), 'a.json')).toEqual(document);
    expect(document.refuse).toBe('answer');
    expect(
      document.requests.filter((request) => request.protocol === 'http' && request.streams === true),
    ).toHaveLength(1);
  });

  it('does not read facts from a body that streams', () => {
    const wrong = application('t', ({ external, service }) => {
      const user = external('user');
      const shop = service('shop', { at: '10.0.0.2', http: 80 });
      return outside(
        http
          .put('/file')
          .from(user)
          .to(shop)
          .streams()
          .facts({ name: body('/name') }),
      );
    });
    expect(checkPolicy(wrong).map(({ problem }) => problem)).toContainEqual(
      '"PUT /file" streams its body, and fact "name" is read from it',
    );
  });

  it('says which answers can be denied', () => {
    expect([...judgedAnswers(shopPolicy())].sort()).toEqual(['GET /price', 'select stock']);
  });
});
