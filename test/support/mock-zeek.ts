// A WebSocket server that does what a real Zeek does not do on demand. Enters: a script for each connection; leaves: bytes.
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type TlsOptions } from 'node:tls';

/** A frame that the client sent. */
export interface Received {
  readonly opcode: number;
  readonly payload: Buffer;
}

/** One connection, after the upgrade. Answers pings and closes unless told not to. */
export class MockPeer {
  readonly socket: Socket;
  /** Header lines of the upgrade. */
  readonly request: string;
  answersPings = true;
  answersClose = true;
  readonly pongs: Buffer[] = [];
  #buffer: Buffer = Buffer.alloc(0);
  readonly #frames: Received[] = [];
  #waiting: ((frame: Received | null) => void) | null = null;
  #over = false;

  constructor(socket: Socket, request: string, rest: Buffer) {
    this.socket = socket;
    this.request = request;
    socket.on('data', (data) => this.#take(Buffer.from(data)));
    socket.on('error', () => {});
    socket.on('close', () => {
      this.#over = true;
      this.#waiting?.(null);
    });
    this.#take(rest);
  }

  /** The next message or close of the client; null when the socket is gone. */
  next(): Promise<Received | null> {
    const frame = this.#frames.shift();
    if (frame !== undefined) return Promise.resolve(frame);
    if (this.#over) return Promise.resolve(null);
    return new Promise((resolve) => {
      this.#waiting = resolve;
    });
  }

  /** Takes the subscription and acknowledges it; gives its JSON. */
  async subscribe(endpoint = 'mock'): Promise<string> {
    const frame = await this.next();
    this.text(JSON.stringify({ type: 'ack', endpoint, version: '8.2.2' }));
    return frame?.payload.toString() ?? '';
  }

  /** A text frame, of whatever bytes; in pieces of `piece` bytes. */
  text(content: string | Uint8Array, piece = Number.POSITIVE_INFINITY): void {
    this.raw(frames(1, Buffer.from(content), piece));
  }

  ping(payload: string): void {
    this.raw(frames(9, Buffer.from(payload)));
  }

  pong(payload: Buffer): void {
    this.raw(frames(10, payload));
  }

  /** As Zeek does: the close frame, then the end of the stream. */
  close(code: number, reason: string): void {
    const payload = Buffer.concat([Buffer.from([code >> 8, code & 255]), Buffer.from(reason)]);
    this.raw(frames(8, payload));
    this.socket.end();
  }

  raw(bytes: Uint8Array): void {
    if (!this.socket.destroyed) this.socket.write(bytes);
  }

  /** RST, once what was written is out. */
  reset(): void {
    this.socket.write('', () => this.socket.resetAndDestroy());
  }

  #take(data: Buffer): void {
    this.#buffer = Buffer.concat([this.#buffer, data]);
    for (;;) {
      const frame = cut(this.#buffer);
      if (frame === null) return;
      this.#buffer = frame.rest;
      this.#frame(frame);
    }
  }

  #frame({ opcode, payload }: Received): void {
    if (opcode === 10) {
      this.pongs.push(payload);
      return;
    }
    if (opcode === 9) {
      if (this.answersPings) this.pong(payload);
      return;
    }
    if (opcode === 8 && this.answersClose) {
      this.raw(frames(8, payload));
      this.socket.end();
    }
    const waiting = this.#waiting;
    this.#waiting = null;
    if (waiting === null) this.#frames.push({ opcode, payload });
    else waiting({ opcode, payload });
  }
}

/** What a test does with each connection; `index` counts from 0. */
export type Script = (peer: MockPeer, index: number) => Promise<void> | void;

export class MockZeek {
  readonly url: string;
  /** Rejections of scripts, for the test to look at. */
  readonly failures: unknown[] = [];
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(server: Server, port: number, tls: boolean) {
    this.#server = server;
    this.url = `${tls ? 'wss' : 'ws'}://127.0.0.1:${port}`;
  }

  /** Listens on a port of the system's choice. `answer` null: the HTTP upgrade gets 101. */
  static async start(
    script: Script,
    tls: TlsOptions | null = null,
    answer: string | null = null,
  ): Promise<MockZeek> {
    let count = 0;
    const accept = (socket: Socket): void => {
      mock.#sockets.add(socket);
      socket.on('error', () => {});
      upgrade(socket, answer)
        .then(async (peer) => {
          if (peer === null) return;
          count += 1;
          await script(peer, count - 1);
        })
        .catch((error: unknown) => mock.failures.push(error));
    };
    const server = tls === null ? createServer(accept) : createTlsServer(tls, accept);
    server.on('tlsClientError', () => {});
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    const mock = new MockZeek(
      server,
      typeof address === 'object' && address !== null ? address.port : 0,
      tls !== null,
    );
    return mock;
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }
}

/** Unmasked frames of a message, the last one with FIN (RFC 6455 section 5.2). */
export function frames(opcode: number, payload: Buffer, piece = Number.POSITIVE_INFINITY): Buffer {
  const parts: Buffer[] = [];
  let at = 0;
  do {
    const part = payload.subarray(at, Math.min(payload.length, at + piece));
    const last = at + part.length >= payload.length;
    const length = part.length;
    const head = Buffer.alloc(length < 126 ? 2 : length < 65_536 ? 4 : 10);
    head[0] = (last ? 0x80 : 0) | (at === 0 ? opcode : 0);
    if (length < 126) head[1] = length;
    else if (length < 65_536) {
      head[1] = 126;
      head.writeUInt16BE(length, 2);
    } else {
      head[1] = 127;
      head.writeBigUInt64BE(BigInt(length), 2);
    }
    parts.push(head, part);
    at += length;
  } while (at < payload.length);
  return Buffer.concat(parts);
}

/** The first frame of a client's bytes, unmasked; null while it is not whole. */
function cut(bytes: Buffer): (Received & { readonly rest: Buffer }) | null {
  if (bytes.length < 6) return null;
  const short = bytes.readUInt8(1) & 127;
  const head = short === 126 ? 4 : short === 127 ? 10 : 2;
  if (bytes.length < head + 4) return null;
  const length =
    short === 126 ? bytes.readUInt16BE(2) : short === 127 ? Number(bytes.readBigUInt64BE(2)) : short;
  const start = head + 4;
  if (bytes.length < start + length) return null;
  const mask = bytes.subarray(head, start);
  const payload = Buffer.from(bytes.subarray(start, start + length));
  for (const [index, byte] of payload.entries()) payload[index] = byte ^ (mask[index % 4] ?? 0);
  return { opcode: bytes.readUInt8(0) & 15, payload, rest: bytes.subarray(start + length) };
}

async function upgrade(socket: Socket, answer: string | null): Promise<MockPeer | null> {
  let bytes: Buffer = Buffer.alloc(0);
  for (;;) {
    const [data] = (await once(socket, 'data')) as [Buffer];
    bytes = Buffer.concat([bytes, data]);
    const end = bytes.indexOf('\r\n\r\n');
    if (end < 0) continue;
    const request = bytes.subarray(0, end).toString('latin1');
    if (answer !== null) {
      socket.end(answer);
      return null;
    }
    const key = /sec-websocket-key: (\S+)/i.exec(request)?.[1] ?? '';
    const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
    const peer = new MockPeer(socket, request, bytes.subarray(end + 4));
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: ${accept}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n`,
    );
    return peer;
  }
}
