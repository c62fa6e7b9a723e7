// `/healthz` and `/metrics` over HTTP, on loopback. Enters: requests; leaves: what the service says of itself, never of traffic.
import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import { exposition } from '../audit/metrics.ts';
import { InputError } from '../errors.ts';
import { healthOf, metricsOf, type Snapshot } from './status.ts';

export interface HealthServer {
  readonly port: number;
  close(): Promise<void>;
}

/**
 * Listens at an address of this machine. 200 for `ok` and `degraded`, 503 for `failed`.
 * @throws InputError when the port is taken, or the address is none of this machine
 */
export async function startHealth(
  { host, port }: { readonly host: string; readonly port: number },
  file: string,
  snapshot: () => Snapshot,
): Promise<HealthServer> {
  const server = createServer(
    { requestTimeout: 5000, headersTimeout: 5000, maxHeaderSize: 4096 },
    (request, response) => {
      if (request.method !== 'GET' && request.method !== 'HEAD') {
        answer(response, 405, 'text/plain', 'only GET and HEAD\n');
      } else if (request.url === '/healthz') {
        const health = healthOf(snapshot());
        const status = health.status === 'failed' ? 503 : 200;
        answer(response, status, 'application/json', `${JSON.stringify(health)}\n`);
      } else if (request.url === '/metrics') {
        answer(response, 200, 'text/plain; version=0.0.4', exposition(metricsOf(snapshot())));
      } else answer(response, 404, 'text/plain', 'there are /healthz and /metrics\n');
    },
  );
  server.maxConnections = 32;
  server.listen(port, host);
  try {
    await once(server, 'listening');
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown';
    throw new InputError(
      'config-invalid',
      { file },
      `health.listen: ${host}:${port} cannot be used (${code})`,
      'choose another port, or end what uses it',
      { cause },
    );
  }
  return { port: portOf(server), close: () => closeServer(server) };
}

function answer(response: ServerResponse, status: number, type: string, body: string): void {
  response.writeHead(status, {
    'content-type': type,
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
  });
  response.end(response.req.method === 'HEAD' ? undefined : body);
}

function portOf(server: Server): number {
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

async function closeServer(server: Server): Promise<void> {
  const closed = once(server, 'close');
  server.close();
  server.closeAllConnections();
  await closed;
}
