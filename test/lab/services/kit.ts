// What every service of the rental has in common. Enters: routes and resources; leaves: an HTTP service that starts, answers and ends in order.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { address, port, type ServiceName } from '../topology.ts';
import { tell } from './compromised.ts';

export type Json = Record<string, unknown>;

export interface Call {
  /** What the route's groups matched, decoded. */
  readonly params: readonly string[];
  readonly body: Json;
  /** Authenticated by the gateway in front of the application. */
  readonly user: string;
  readonly traceparent: string | undefined;
  /** The caller has hung up. */
  readonly gone: () => boolean;
}

export interface Answer {
  readonly status: number;
  readonly body: Json;
}

export interface Route {
  readonly method: string;
  readonly path: RegExp;
  /** Null: nobody is there to answer. */
  readonly handle: (call: Call) => Promise<Answer | null>;
}

/** An answer that is not a success, thrown from wherever it became clear. */
export class Refusal extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

export function text(body: Json, name: string): string {
  const value = body[name];
  if (typeof value !== 'string' || value === '') throw new Refusal(400, `${name} must be a text`);
  return value;
}

export function integer(value: unknown, name: string): number {
  const number = typeof value === 'string' ? Number(value) : value;
  if (!Number.isSafeInteger(number)) throw new Refusal(400, `${name} must be a whole number`);
  return number as number;
}

const HEALTH: Route = {
  method: 'GET',
  path: /^\/health$/,
  handle: async () => ({ status: 200, body: { ok: true } }),
};

export interface Resources {
  readonly open?: () => Promise<void>;
  /** Called when nobody asks any more: end connections politely. */
  readonly close?: () => Promise<void>;
}

/** Runs the service until SIGTERM, or until the lab is gone. */
export async function serve(
  name: ServiceName,
  routes: readonly Route[],
  resources: Resources = {},
): Promise<void> {
  process.on('disconnect', () => process.exit(1));
  const all = [HEALTH, ...routes];
  const server = createServer((request, response) => {
    answer(all, request, response).catch((error: unknown) => {
      process.stderr.write(`${name}: ${String(error)}\n`);
      response.destroy();
    });
  });
  server.keepAliveTimeout = 60_000;
  process.once('SIGTERM', () => {
    server.close();
    server.closeAllConnections();
    (resources.close?.() ?? Promise.resolve()).then(
      () => process.exit(0),
      () => process.exit(1),
    );
  });
  await resources.open?.();
  server.listen(port(name), address(name), () => tell({ kind: 'ready' }));
}

async function answer(
  routes: readonly Route[],
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const result = await handled(routes, request, response, Buffer.concat(chunks));
  if (result === null) return;
  const body = JSON.stringify(result.body);
  response.sendDate = false;
  response.writeHead(result.status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
  });
  response.end(body);
}

async function handled(
  routes: readonly Route[],
  request: IncomingMessage,
  response: ServerResponse,
  bytes: Buffer,
): Promise<Answer | null> {
  const { method = '', url = '', headers } = request;
  for (const route of routes) {
    const match = route.method === method ? route.path.exec(url) : null;
    if (match === null) continue;
    try {
      return await route.handle({
        params: match.slice(1).map(decodeURIComponent),
        body: bytes.length === 0 ? {} : (JSON.parse(bytes.toString()) as Json),
        user: String(headers['x-user'] ?? ''),
        traceparent: headers.traceparent as string | undefined,
        gone: () => response.closed || request.socket.destroyed,
      });
    } catch (error) {
      if (error instanceof Refusal) return { status: error.status, body: { error: error.message } };
      throw error;
    }
  }
  return { status: 404, body: { error: 'no such resource' } };
}
