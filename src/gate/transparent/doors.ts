// A gate that nobody sees: both ends keep their addresses. Enters: what a switch redirects; leaves: connections of a gate.
import { once } from 'node:events';
import { createServer, type Server, Socket, type SocketConstructorOpts } from 'node:net';
import type { Endpoint } from '../../flow.ts';
import type { Gate } from '../gate.ts';
import { type DoorOptions, type Doors, endOf } from '../plain.ts';
import { join } from '../socket-way.ts';
import { clear, familiesOf, type KernelOptions, runSteps, setSteps } from './kernel.ts';
import { type TransparentSockets, transparentSockets } from './native.ts';

/**
 * Takes what comes in at an interface with the client's and the server's own addresses, and reaches the server from the
 * client's address.
 * @throws InputError when a right, a program or a package is missing; nothing is left behind then
 */
export async function openTransparent(
  gate: Gate,
  kernel: KernelOptions,
  options: DoorOptions,
): Promise<Doors> {
  const native = await transparentSockets(kernel.mark + 1);
  const servers: Server[] = [];
  const sockets = new Set<Socket>();
  const close = async (): Promise<void> => {
    await clear(kernel);
    for (const server of servers) server.close();
    gate.close();
    for (const socket of sockets) socket.destroy();
  };
  const keep = (socket: Socket): void => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  };
  try {
    await clear(kernel);
    const families = familiesOf(kernel.interface);
    for (const family of families) {
      const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (client) => {
        keep(client);
        const orig = endOf(client.remoteAddress, client.remotePort);
        const resp = endOf(client.localAddress, client.localPort);
        if (orig === null || resp === null) client.destroy();
        else join(gate, { client, orig, resp, reach: () => reach(native, orig, resp, keep), ...options });
      });
      servers.push(server);
      server.listen({ fd: native.listener(family, kernel.port) });
      await once(server, 'listening');
    }
    // Only now, so that nobody is handed to a door that is not there.
    await runSteps(setSteps(kernel, families));
  } catch (error) {
    await close();
    throw error;
  }
  return { at: [{ ip: '0.0.0.0', port: kernel.port }], close };
}

/** A connection to the server from the client's own address and port. */
function reach(
  native: TransparentSockets,
  from: Endpoint,
  to: Endpoint,
  keep: (socket: Socket) => void,
): Socket {
  let fd: number;
  try {
    fd = native.from(from);
  } catch (error) {
    const socket = new Socket();
    keep(socket);
    // As if it had failed later: whoever asked listens from now on.
    process.nextTick(() => socket.destroy(error instanceof Error ? error : new Error(String(error))));
    return socket;
  }
  // Not read before it is connected: that would be an error.
  const options: SocketConstructorOpts & { readonly manualStart: true } = {
    fd,
    allowHalfOpen: true,
    manualStart: true,
  };
  const socket = new Socket(options);
  keep(socket);
  socket.connect({ host: to.ip, port: to.port });
  return socket;
}
