// What OVSDB and unixctl say in JSON-RPC. Enters: chunks of a stream; leaves: answers and ports, the same however it is cut.
import { isDeepStrictEqual } from 'node:util';
import { mapOf, PortView } from '../../../src/flowtap/ovs/ovsdb/ports.ts';
import { type RpcEvent, RpcSession } from '../../../src/flowtap/ovs/ovsdb/rpc.ts';
import type { Input } from '../input.ts';
import { piece } from '../seeds.ts';
import { Mismatch, type Target } from '../target.ts';
import { weigh } from '../weigh.ts';

function talk(input: Input, size: () => number): { events: RpcEvent[]; output: Buffer; places: unknown } {
  const session = new RpcSession();
  const view = new PortView('br0');
  const events: RpcEvent[] = [];
  for (const { bytes } of input) {
    for (let at = 0; at < bytes.length; ) {
      const chunk = Uint8Array.from(bytes.subarray(at, at + size()));
      at += chunk.length;
      for (const event of session.receive(chunk)) {
        if (event.kind === 'closed')
          return { events, output: Buffer.concat(session.takeOutput()), places: view.places() };
        events.push(event);
        if (event.kind === 'news') view.update(event.params[1]);
        else view.update(event.result);
      }
      chunk.fill(0xee);
    }
  }
  return { events, output: Buffer.concat(session.takeOutput()), places: view.places() };
}

export async function load(): Promise<Target> {
  const tables =
    '{"Bridge":{"b":{"new":{"name":"br0","ports":["set",[["uuid","p"],["uuid","q"]]]}}},"Port":{"p":{"new":{"interfaces":["uuid","i"]}}},"Interface":{"i":{"new":{"name":"eth0","ofport":3,"external_ids":["map",[["iface-id","vm1"],["attached-mac","02:00:00:00:00:01"]]]}}}}';
  const messages = [
    `{"id":1,"result":${tables},"error":null}`,
    `{"id":null,"method":"update","params":["m",${tables}]}`,
    '{"id":"echo","method":"echo","params":[]}',
    '{"id":2,"result":null,"error":"no such bridge"}',
    '{"id":null,"method":"update","params":["m",{"Bridge":{"b":{"old":{}}},"Interface":{"i":{"new":{"ofport":-1}}}}]}',
  ];
  return {
    name: 'ovsdb',
    covers: ['flowtap/ovs/ovsdb/'],
    tags: 1,
    longest: 65_536,
    expansion: 200,
    dictionary: [
      ...messages,
      '{',
      '}',
      '[',
      ']',
      '"',
      '\\"',
      ',',
      ':',
      ' ',
      '\n',
      '"__proto__"',
      '["set",',
      '["map",',
      '["uuid","p"]',
      'null',
      '1e999',
      '\\ud800',
      '"new":{',
    ],
    seeds: [messages.map((text) => piece(text)), ...messages.map((text) => [piece(text)])],
    run(input) {
      const whole = talk(input, () => 1 << 20);
      const cuts = [1, 9, 2, 100];
      let next = input.length;
      const cut = talk(input, () => cuts[next++ % cuts.length] ?? 1);
      // A chunk whose end breaks the stream gives nothing; cut otherwise, what was whole before it is given.
      if (!isDeepStrictEqual(cut.events.slice(0, whole.events.length), whole.events))
        throw new Mismatch('cut otherwise, it says another');
      for (const event of whole.events) mapOf(event.kind === 'answer' ? event.result : null);
      return weigh(whole);
    },
  };
}
