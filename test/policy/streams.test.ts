// Uploads that are judged by their heads. Enters: policies, heads of requests; leaves: whether their bodies have to be held.
import { expect, test } from 'vitest';
import { createEngine, type Engine } from '../../src/engine.ts';
import type { Flow, FlowId } from '../../src/flow.ts';
import { application, body, form, http, outside } from '../../src/policy/author.ts';
import { checkPolicy } from '../../src/policy/check.ts';
import { Story } from '../support/story.ts';

const POLICY = application('files', ({ external, service }) => {
  const user = external('user');
  const files = service('files', { at: '10.0.0.1', http: 80 });
  const words = service('words', { at: '10.0.0.2', http: 80 });
  const to = <T>(request: { from(p: typeof user): { to(p: typeof files): T } }): T =>
    request.from(user).to(files);
  return outside(
    to(http.put('/files/:name')).query('part').streams(),
    to(http.post('/files/:name')).facts({ text: body('/text') }),
    to(http.put('/big/:name')).streams(),
    to(http.put('/:kind/small'))
      .overriding('PATCH')
      .facts({ text: form('text') }),
    to(http.put('/notes')).overriding('PATCH').streams(),
    to(http.put('/notes')).facts({ note: body('/note') }),
    http.get('/').from(user).to(words),
  );
});

/** Whether a request streams, on a connection that the engine has seen. */
async function asking(to = '10.0.0.1:80'): Promise<(method: string, target: string, flow?: Flow) => boolean> {
  const engine: Engine = await createEngine({ policies: [POLICY], containment: 'redirect' });
  const story = new Story();
  const connection = story.connect('192.0.2.1', to);
  for (const event of story.events) engine.handle(event);
  return (method, target, flow = connection.flow) => engine.streams({ flow, method, target });
}

test('an upload streams where its declaration says so, and no other request does', async () => {
  expect(checkPolicy(POLICY).filter(({ severity }) => severity === 'error')).toEqual([]);
  const streams = await asking();
  expect(streams('PUT', '/files/a.iso')).toBe(true);
  expect(streams('PUT', '/files/a.iso?part=2')).toBe(true);
  expect(streams('PUT', '/files/a.iso?admin=1')).toBe(false);
  expect(streams('POST', '/files/a.iso')).toBe(false);
  expect(streams('put', '/files/a.iso')).toBe(false);
  expect(streams('PUT', '/files')).toBe(false);
});

test('a target that servers read differently streams nothing', async () => {
  const streams = await asking();
  for (const target of ['/files/../admin', '/files/a%2fb', '/files//a', 'http://files/files/a'])
    expect(streams('PUT', target)).toBe(false);
});

test('what may be another request by an override does not stream, since the override may stand in its body', async () => {
  const streams = await asking();
  expect(streams('PUT', '/big/one')).toBe(true);
  expect(streams('PUT', '/big/small')).toBe(false);
  expect(streams('PUT', '/files/small')).toBe(false);
  expect(streams('PUT', '/notes')).toBe(false);
});

test('nothing streams on a connection that is denied, or that nobody has seen', async () => {
  expect((await asking('10.0.0.1:8080'))('PUT', '/files/a.iso')).toBe(false);
  const streams = await asking();
  const { flow } = new Story().connect('192.0.2.1', '10.0.0.1:80');
  expect(streams('PUT', '/files/a.iso', { ...flow, id: 'unseen' as FlowId })).toBe(false);
});
