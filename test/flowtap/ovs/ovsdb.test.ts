// OVSDB without a database. Enters: streams of JSON, table updates; leaves: values, answers, ports where they are.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { JsonStream } from '../../../src/flowtap/ovs/ovsdb/json-stream.ts';
import { mapOf, PortView } from '../../../src/flowtap/ovs/ovsdb/ports.ts';
import { RpcSession } from '../../../src/flowtap/ovs/ovsdb/rpc.ts';

describe('a stream of JSON objects', () => {
  it('comes out whole, however it is cut', () => {
    const objects = fc.array(fc.dictionary(fc.string(), fc.jsonValue()), { maxLength: 5 });
    const sizes = fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1 });
    fc.assert(
      fc.property(objects, sizes, (sent, cuts) => {
        const bytes = Buffer.from(sent.map((each) => JSON.stringify(each)).join('\n'));
        const stream = new JsonStream();
        const found: unknown[] = [];
        for (let at = 0, i = 0; at < bytes.length; i++) {
          const size = cuts[i % cuts.length] ?? 1;
          const values = stream.push(bytes.subarray(at, at + size));
          expect(values).toBeInstanceOf(Array);
          found.push(...(values as readonly unknown[]));
          at += size;
        }
        expect(found).toEqual(JSON.parse(JSON.stringify(sent)));
      }),
    );
  });

  it('that is none ends with a reason, and nothing worse', () => {
    expect(new JsonStream().push(Buffer.from('[1]'))).toBe('what came is no JSON object');
    expect(new JsonStream().push(Buffer.from('{nonsense}'))).toBe('what came is no JSON');
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 40 })), (chunks) => {
        const stream = new JsonStream();
        for (const chunk of chunks) if (typeof stream.push(chunk) === 'string') return;
      }),
    );
  });
});

describe('a conversation', () => {
  it('answers the server’s echo, and tells answers from news', () => {
    const session = new RpcSession();
    const id = session.call('list_dbs', []);
    session.takeOutput();
    const say = (value: object) => session.receive(Buffer.from(JSON.stringify(value)));
    expect(say({ id: 'echo', method: 'echo', params: ['x'] })).toEqual([]);
    expect(JSON.parse(String(session.takeOutput()[0]))).toEqual({ id: 'echo', result: ['x'], error: null });
    expect(say({ id: null, method: 'update', params: ['m', {}] })).toEqual([
      { kind: 'news', method: 'update', params: ['m', {}] },
    ]);
    expect(say({ id, result: ['Open_vSwitch'], error: null })).toEqual([
      { kind: 'answer', id, result: ['Open_vSwitch'], error: null },
    ]);
    expect(session.receive(Buffer.from('x'))).toMatchObject([{ kind: 'closed' }]);
  });
});

describe('the ports of a bridge', () => {
  const row = (table: string, uuid: string, columns: object | null) => ({
    [table]: { [uuid]: columns === null ? {} : { new: columns } },
  });
  const ids = (entries: Readonly<Record<string, string>>) => ['map', Object.entries(entries)];

  function view(): PortView {
    const made = new PortView('br0');
    made.update(
      row('Bridge', 'b', {
        name: 'br0',
        ports: [
          'set',
          [
            ['uuid', 'p1'],
            ['uuid', 'p2'],
          ],
        ],
      }),
    );
    made.update(row('Bridge', 'other', { name: 'br1', ports: ['uuid', 'p3'] }));
    for (const number of [1, 2, 3])
      made.update(row('Port', `p${number}`, { interfaces: ['uuid', `i${number}`] }));
    const stable = ids({ 'iface-id': 'web', 'attached-mac': '02:00:00:00:00:0A' });
    made.update(row('Interface', 'i1', { name: 'tap1', ofport: 5, external_ids: stable }));
    made.update(row('Interface', 'i2', { name: 'tap2', ofport: 6, external_ids: ids({}) }));
    made.update(row('Interface', 'i3', { name: 'tap3', ofport: 7, external_ids: ids({}) }));
    return made;
  }

  it('are known by their stable names and by their interfaces’, on this bridge only', () => {
    expect(Object.fromEntries(view().places())).toEqual({
      web: { number: 5, mac: '02:00:00:00:00:0a' },
      tap1: { number: 5, mac: '02:00:00:00:00:0a' },
      tap2: { number: 6, mac: null },
    });
  });

  it('keep their names when they are plugged elsewhere, and go when they are unplugged', () => {
    const made = view();
    made.update(
      row('Interface', 'i1', { name: 'tap9', ofport: 50, external_ids: ids({ 'iface-id': 'web' }) }),
    );
    expect(made.places().get('web' as never)).toEqual({ number: 50, mac: null });
    made.update(
      row('Interface', 'i1', { name: 'tap9', ofport: -1, external_ids: ids({ 'iface-id': 'web' }) }),
    );
    expect(made.places().has('web' as never)).toBe(false);
    made.update(row('Bridge', 'b', null));
    expect(made.exists).toBe(false);
    expect(made.places().size).toBe(0);
  });

  it('are not taken from rows that look otherwise', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (any, other) => {
        const made = view();
        made.update(any);
        made.update({
          Interface: { i1: { new: { name: any, ofport: other, external_ids: any } } },
          Port: any,
        });
        expect(() => made.places()).not.toThrow();
        expect(() => mapOf(any)).not.toThrow();
      }),
    );
  });

  it('with a name that the orchestrator gave win over an interface that is called so', () => {
    const made = view();
    made.update(row('Interface', 'i2', { name: 'web', ofport: 6, external_ids: ids({}) }));
    expect(made.places().get('web' as never)?.number).toBe(5);
  });
});
