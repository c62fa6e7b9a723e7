// A network between client and Zeek that can be cut. Enters: a port to forward to; leaves: a port of its own, cut and mended at will.
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';

/** While it is cut, nothing goes through and nothing is said about it, as with a cable that is pulled. */
export class TcpProxy {
  readonly port: number;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #cut = false;
  /** What was on its way when the cable was pulled. */
  readonly #held: (() => void)[] = [];

  private constructor(server: Server, port: number) {
    this.#server = server;
    this.port = port;
  }

  static async start(to: number): Promise<TcpProxy> {
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    const proxy = new TcpProxy(server, typeof address === 'object' && address !== null ? address.port : 0);
    server.on('connection', (near) => {
      const far = connect(to, '127.0.0.1');
      proxy.#forward(near, far);
      proxy.#forward(far, near);
    });
    return proxy;
  }

  cut(): void {
    this.#cut = true;
    for (const socket of this.#sockets) socket.pause();
  }

  mend(): void {
    this.#cut = false;
    for (const deliver of this.#held.splice(0)) deliver();
    for (const socket of this.#sockets) socket.resume();
  }

  #forward(from: Socket, to: Socket): void {
    this.#sockets.add(from);
    if (this.#cut) from.pause();
    from.on('data', (data) => {
      if (this.#cut) this.#held.push(() => to.write(data));
      else if (!to.write(data)) {
        from.pause();
        to.once('drain', () => {
          if (!this.#cut) from.resume();
        });
      }
    });
    from.on('error', () => to.destroy());
    from.on('close', () => {
      this.#sockets.delete(from);
      to.end();
    });
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }
}
