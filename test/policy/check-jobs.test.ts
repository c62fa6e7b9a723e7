// Who begins chains. Enters: policies; leaves: problems with their lines.
import { expect, test } from 'vitest';
import { application, chain, http, job } from '../../src/policy/author.ts';
import { checkPolicy } from '../../src/policy/check.ts';

const policy = (by: 'user' | 'front', how: 'chain' | 'job') =>
  application('test', ({ external, service }) => {
    const user = external('user', { at: '10.0.0.9' });
    const front = service('front', { at: '10.0.0.1', http: 80 });
    const back = service('back', { at: '10.0.0.2', http: 80 });
    const request = by === 'user' ? http.get('/').from(user).to(front) : http.get('/').from(front).to(back);
    return how === 'chain' ? chain(request) : job(request, { every: '1h' });
  });

test('a chain that a service begins is said to be a job, and a job that somebody else begins is refused', () => {
  const begins = (by: 'user' | 'front', how: 'chain' | 'job') =>
    checkPolicy(policy(by, how))
      .filter(({ code }) => code === 'service-begins')
      .map(({ severity, place, problem }) => [severity, place?.line, problem]);
  expect(begins('user', 'chain')).toEqual([]);
  expect(begins('front', 'job')).toEqual([]);
  expect(begins('front', 'chain')).toEqual([
    ['warning', 12, 'the chain of "GET /" is begun by "front", a service, as often as it likes'],
  ]);
  expect(begins('user', 'job')).toEqual([
    ['error', 12, 'the job of "GET /" is begun by "user", which is no service of the application'],
  ]);
});
