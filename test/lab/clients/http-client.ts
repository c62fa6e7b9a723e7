// Whoever asks from outside the application (customers, the monitor). Enters: requests over IPC; leaves: HTTP, and the answers over IPC.
import { Agent, request } from 'node:http';
import { createServer } from 'node:net';
import type { ClientRequest, FromClient, ToClient } from '../messages.ts';
import { OUTSIDE } from '../topology.ts';

/** A browser keeps its connections: one agent for each customer's address. */
const agents = new Map<string, Agent>();
const tell = (message: FromClient): void => {
  process.send?.(message);
};

function agentOf({ from }: ClientRequest): Agent | false {
  // The monitor probes on a fresh connection each time.
  if (from === null) return false;
  const agent = agents.get(from) ?? new Agent({ keepAlive: true, maxSockets: 1 });
  agents.set(from, agent);
  return agent;
}

function ask(asked: ClientRequest): void {
  const { id, from, to, port, method, path } = asked;
  const body = asked.body === null ? null : JSON.stringify(asked.body);
  const headers = {
    ...asked.headers,
    ...(body === null
      ? {}
      : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }),
  };
  const local = from === null ? {} : { localAddress: from };
  const options = { host: to, port, method, path, headers, agent: agentOf(asked), ...local, timeout: 30_000 };
  const outgoing = request(options, (response) => {
    let received = '';
    response.on('data', (chunk: Buffer) => {
      received += chunk.toString();
    });
    response.on('end', () => {
      tell({ kind: 'answer', id, status: response.statusCode ?? 0, body: JSON.parse(received) });
    });
  });
  outgoing.on('timeout', () => outgoing.destroy(new Error('no answer within 30 s')));
  outgoing.on('error', (error) => tell({ kind: 'failed', id, error: `${method} ${path}: ${error.message}` }));
  outgoing.end(body ?? undefined);
}

process.on('disconnect', () => process.exit(0));
process.on('message', (message: ToClient) => {
  if (message.kind === 'request') {
    ask(message.request);
    return;
  }
  for (const agent of agents.values()) agent.destroy();
  agents.clear();
  tell({ kind: 'closed' });
});

if (process.env.OUTSIDE === undefined) tell({ kind: 'ready' });
else {
  // The attacker's drop on the internet: takes what it is given.
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.resume();
  });
  server.listen(OUTSIDE.port, OUTSIDE.address, () => tell({ kind: 'ready' }));
}
