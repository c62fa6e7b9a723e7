// A WebSocket client that does what ours never would. Enters: any bytes to send; leaves: what the server answers, frame by frame.
import { connect, type Socket } from 'node:net';

export interface RawFrame {
  readonly opcode: number;
  readonly payload: Buffer;
}

export interface RawOptions {
  readonly host?: string;
  readonly path?: string;
  /** Lines of the upgrade beyond those that it needs. */
  readonly headers?: readonly string[];
}

/** Of the head of an answer. */
const END = '\r\n\r\n';
const CLOSE = 8;
const PING = 9;
const PONG = 10;

export class RawWebSocket {
  /** Status line and headers of the answer. */
  readonly response: string;
  answersPings = true;
  readonly #socket: Socket;
  #bytes: Buffer;
  #parts: Buffer[] = [];
  readonly #frames: RawFrame[] = [];
  #waiting: (() => void) | null = null;
  #over = false;

  private constructor(socket: Socket, response: string, rest: Buffer) {
    this.#socket = socket;
    this.response = response;
    this.#bytes = rest;
    socket.on('data', (data: Buffer) => {
      this.#bytes = Buffer.concat([this.#bytes, data]);
      this.#cut();
    });
    socket.on('close', () => {
      this.#over = true;
      this.#wake();
    });
    this.#cut();
  }

  /** Connects and reads the answer to the upgrade, whatever it is; null when the server closed without one. */
  static async open(port: number, options: RawOptions = {}): Promise<RawWebSocket | null> {
    const socket = connect(port, options.host ?? '127.0.0.1');
    socket.on('error', () => {});
    const lines = [
      `GET ${options.path ?? '/v1/messages/json'} HTTP/1.1`,
      'Host: test',
      'Upgrade: websocket',
      'Connection: Upgrade',
      'Sec-WebSocket-Version: 13',
      'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==',
      ...(options.headers ?? []),
    ];
    socket.write(`${lines.join('\r\n')}\r\n\r\n`);
    const bytes = await new Promise<Buffer | null>((resolve) => {
      let received: Buffer = Buffer.alloc(0);
      const take = (data: Buffer): void => {
        received = Buffer.concat([received, data]);
        if (!received.includes(END)) return;
        socket.off('data', take);
        resolve(received);
      };
      socket.on('data', take);
      socket.on('close', () => resolve(null));
    });
    if (bytes === null) return null;
    const end = bytes.indexOf(END);
    const rest = Buffer.from(bytes.subarray(end + END.length));
    return new RawWebSocket(socket, bytes.subarray(0, end).toString('latin1'), rest);
  }

  /** One whole frame; its mask is zero, so that its bytes are on the wire as they are here. */
  send(content: string | Uint8Array, opcode = 1): void {
    const payload = Buffer.from(content);
    const { length } = payload;
    const head = Buffer.alloc(length < 126 ? 2 : length < 65_536 ? 4 : 10);
    head[0] = 0x80 | opcode;
    if (length < 126) head[1] = 0x80 | length;
    else if (length < 65_536) {
      head[1] = 0x80 | 126;
      head.writeUInt16BE(length, 2);
    } else {
      head[1] = 0x80 | 127;
      head.writeBigUInt64BE(BigInt(length), 2);
    }
    this.#socket.write(Buffer.concat([head, Buffer.alloc(4), payload]));
  }

  /** The next message or close; null when the socket ended. Pings are answered, or not, but never shown. */
  async next(): Promise<RawFrame | null> {
    for (;;) {
      const frame = this.#frames.shift();
      if (frame !== undefined) return frame;
      if (this.#over) return null;
      await new Promise<void>((resolve) => {
        this.#waiting = resolve;
      });
    }
  }

  /** The next message as JSON; a close as its code and reason. */
  async json(): Promise<unknown> {
    const frame = await this.next();
    if (frame === null) return null;
    if (frame.opcode !== CLOSE) return JSON.parse(frame.payload.toString()) as unknown;
    return { close: frame.payload.readUInt16BE(0), reason: frame.payload.subarray(2).toString() };
  }

  /** Closes with 1000 and waits for the end. */
  async close(): Promise<void> {
    this.send(Uint8Array.of(1000 >> 8, 1000 & 255), CLOSE);
    while ((await this.next()) !== null);
  }

  destroy(): void {
    this.#socket.destroy();
  }

  #cut(): void {
    for (;;) {
      const bytes = this.#bytes;
      if (bytes.length < 2) return;
      const short = bytes.readUInt8(1) & 127;
      const head = short === 126 ? 4 : short === 127 ? 10 : 2;
      if (bytes.length < head) return;
      const length =
        short === 126 ? bytes.readUInt16BE(2) : short === 127 ? Number(bytes.readBigUInt64BE(2)) : short;
      if (bytes.length < head + length) return;
      const payload = Buffer.from(bytes.subarray(head, head + length));
      this.#bytes = bytes.subarray(head + length);
      this.#frame(bytes.readUInt8(0), payload);
    }
  }

  #frame(first: number, payload: Buffer): void {
    const opcode = first & 15;
    if (opcode === PING) {
      if (this.answersPings) this.send(payload, PONG);
      return;
    }
    if (opcode === PONG) return;
    if (opcode === CLOSE) {
      this.#frames.push({ opcode, payload });
      this.send(payload, CLOSE);
      this.#wake();
      return;
    }
    this.#parts.push(payload);
    if ((first & 0x80) === 0) return;
    this.#frames.push({ opcode: 1, payload: Buffer.concat(this.#parts) });
    this.#parts = [];
    this.#wake();
  }

  #wake(): void {
    this.#waiting?.();
    this.#waiting = null;
  }
}
