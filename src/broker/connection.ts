// One WebSocket. Enters: an address and frames; leaves: frames as bytes, pongs, and one reason at the end.
import { createSecureContext } from 'node:tls';
import { WebSocket } from 'ws';
import { BrokerError } from './failure.ts';
import type { Loss } from './item.ts';
import type { Frame } from './message.ts';

/** TLS towards Zeek: PEM texts. Zeek checks the chain of the client's certificate only, so give it a CA of its own. */
export interface TlsOptions {
  readonly ca?: string | Uint8Array;
  readonly cert?: string | Uint8Array;
  readonly key?: string | Uint8Array;
  readonly passphrase?: string;
  /** The name that Zeek's certificate has to carry, when it is not the host of the address. */
  readonly servername?: string;
}

export interface ConnectionOptions {
  readonly url: URL;
  readonly tls: TlsOptions | null;
  readonly applicationName: string | null;
  readonly maxMessageBytes: number;
  readonly connectTimeoutMs: number;
}

export interface ConnectionHandler {
  opened(): void;
  frame(bytes: Uint8Array): void;
  pong(payload: string): void;
  /** Once, at the end, also of an attempt that failed. `clean`: a close frame came. */
  ended(loss: Loss): void;
}

/** The part of `ws` that Zeek needs; everything else is switched off. */
export class Connection {
  readonly #socket: WebSocket;
  readonly #handler: ConnectionHandler;
  #stream: { readonly bytesRead: number } | null = null;
  #error: Error | null = null;

  constructor(options: ConnectionOptions, handler: ConnectionHandler) {
    this.#handler = handler;
    const { tls, applicationName } = options;
    this.#socket = new WebSocket(options.url, {
      // Zeek writes strings as they were on the wire: the tokenizer decides what is text, not the frame layer.
      skipUTF8Validation: true,
      perMessageDeflate: false,
      maxPayload: options.maxMessageBytes,
      // Zeek sends what is larger in pieces of 32 KiB; the default would refuse many before their size does.
      maxFragments: Math.ceil(options.maxMessageBytes / 32_768) + 16_384,
      handshakeTimeout: options.connectTimeoutMs,
      headers: applicationName === null ? {} : { 'X-Application-Name': applicationName },
      ...(tls === null ? {} : { minVersion: 'TLSv1.2', ...tlsOptions(tls) }),
    });
    this.#socket.binaryType = 'nodebuffer';
    this.#listen();
  }

  /** Bytes that came from the peer so far; grows also in the middle of a frame. */
  get bytesRead(): number {
    return this.#stream?.bytesRead ?? 0;
  }

  /** Bytes that the kernel did not take yet. */
  get pending(): number {
    return this.#socket.bufferedAmount;
  }

  send(frame: Frame, taken: () => void): void {
    // An error ends the connection, which says so by itself.
    this.#socket.send(frame.bytes, { binary: frame.binary, compress: false }, () => taken());
  }

  ping(payload: string): void {
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.ping(payload);
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  /** Starts the closing handshake; frames that Zeek sent before its answer still arrive. */
  close(): void {
    this.#socket.close(1000);
  }

  /** Ends without a handshake. */
  terminate(): void {
    this.#socket.terminate();
  }

  #listen(): void {
    const handler = this.#handler;
    this.#socket.on('upgrade', (response) => {
      this.#stream = response.socket;
    });
    this.#socket.on('open', () => handler.opened());
    this.#socket.on('message', (data) => {
      if (Buffer.isBuffer(data)) handler.frame(data);
    });
    this.#socket.on('pong', (payload) => handler.pong(payload.toString('latin1')));
    this.#socket.on('error', (error) => {
      this.#error ??= error;
    });
    this.#socket.on('close', (code, reason) => handler.ended(this.#loss(code, reason)));
  }

  #loss(code: number, reason: Buffer): Loss {
    const error = this.#error;
    const closeCode = code === 1005 || code === 1006 ? null : code;
    if (error !== null && 'code' in error && error.code === 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH')
      return { code: 'broker-too-large', message: 'a message was larger than allowed', closeCode: null };
    if (error !== null) return { code: 'broker-transport', message: error.message, closeCode: null };
    const text = reason.toString('utf8');
    const message = closeCode === null ? 'the connection broke off' : `closed with ${code} ${text}`;
    return { code: code === 1008 ? 'broker-refused' : 'broker-transport', message, closeCode };
  }
}

/** @throws BrokerError `broker-usage` for a certificate or key that cannot be read: known before any I/O */
export function checkTls(tls: TlsOptions): void {
  try {
    createSecureContext(tlsOptions(tls));
  } catch (error) {
    throw new BrokerError('broker-usage', 'the certificate, key or CA cannot be read', null, {
      cause: error,
    });
  }
}

function tlsOptions(tls: TlsOptions): Record<string, unknown> {
  const pem = (text: string | Uint8Array): string | Buffer =>
    typeof text === 'string' ? text : Buffer.from(text);
  return {
    ...(tls.ca === undefined ? {} : { ca: pem(tls.ca) }),
    ...(tls.cert === undefined ? {} : { cert: pem(tls.cert) }),
    ...(tls.key === undefined ? {} : { key: pem(tls.key) }),
    ...(tls.passphrase === undefined ? {} : { passphrase: tls.passphrase }),
    ...(tls.servername === undefined ? {} : { servername: tls.servername }),
  };
}
