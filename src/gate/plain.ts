// A gate without any right of its own: listens on addresses, forwards each to a fixed target. Enters: a table; leaves: connections of a gate.
import { once } from 'node:events';
import { connect, createServer, isIPv6, type Server, type Socket } from 'node:net';
import type { Endpoint } from '../flow.ts';
import type { Gate } from './gate.ts';
import { join } from './socket-way.ts';

export interface Target {
  readonly listen: Endpoint;
  /** Where it goes, and what the policy knows it as. */
  readonly to: Endpoint;
}

export interface Doors {
  /** Where is listened, in the order of the table: ports that were 0 have a number. */
  readonly at: readonly Endpoint[];
  close(): Promise<void>;
}

export interface DoorOptions {
  readonly idleMs: number;
  readonly after: (ms: number, run: () => void) => () => void;
}

/**
 * Opens the doors of a gate. The client keeps its address towards the policy, not towards the server.
 * @throws the system's error (`code`, `address`, `port`) for an address that cannot be listened at; nothing stays open then
 */
export async function openDoors(
  gate: Gate,
  targets: readonly Target[],
  options: DoorOptions,
): Promise<Doors> {
  const servers: Server[] = [];
  const sockets = new Set<Socket>();
  const close = async (): Promise<void> => {
    for (const server of servers) server.close();
    gate.close();
    for (const socket of sockets) socket.destroy();
    await Promise.resolve();
  };
  try {
    for (const { listen, to } of targets) {
      const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (client) => {
        sockets.add(client);
        client.once('close', () => sockets.delete(client));
        const orig = endOf(client.remoteAddress, client.remotePort);
        if (orig === null) {
          client.destroy();
          return;
        }
        const reach = (): Socket => {
          const server = connect({ host: to.ip, port: to.port, allowHalfOpen: true });
          sockets.add(server);
          server.once('close', () => sockets.delete(server));
          return server;
        };
        join(gate, { client, orig, resp: to, reach, ...options });
      });
      servers.push(server);
      server.listen(listen.port, listen.ip);
      await once(server, 'listening');
    }
  } catch (error) {
    await close();
    throw error;
  }
  return { at: servers.map(addressOf), close };
}

/** One end of a connection; null when that is gone already. */
export function endOf(ip: string | undefined, port: number | undefined): Endpoint | null {
  return ip === undefined || port === undefined ? null : { ip: plainAddress(ip), port };
}

/** An IPv4 address as itself, also where the system maps it into IPv6 (RFC 4291 section 2.5.5.2). */
function plainAddress(ip: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(ip)?.[1];
  return mapped !== undefined && isIPv6(ip) ? mapped : ip;
}

function addressOf(server: Server): Endpoint {
  const address = server.address();
  if (typeof address !== 'object' || address === null) return { ip: '', port: 0 };
  return { ip: address.address, port: address.port };
}
