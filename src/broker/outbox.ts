// What is to be sent and was not yet, bounded. Enters: frames and their promises; leaves: frames in order, or their failure.
import { BrokerError } from './failure.ts';
import type { Frame } from './message.ts';

interface Waiting {
  readonly frame: Frame;
  readonly sent: () => void;
  readonly failed: (error: BrokerError) => void;
}

/** Bounds of what may wait for a connection or for credit. */
export interface OutboxLimits {
  readonly frames: number;
  readonly bytes: number;
}

export class Outbox {
  readonly #limits: OutboxLimits;
  readonly #waiting: Waiting[] = [];
  #bytes = 0;

  constructor(limits: OutboxLimits) {
    this.#limits = limits;
  }

  get length(): number {
    return this.#waiting.length;
  }

  /** Resolves when the frame went to the socket. Rejects with `broker-outbox-full`, or what `fail` gives. */
  add(frame: Frame): Promise<void> {
    const { frames, bytes } = this.#limits;
    if (this.#waiting.length >= frames || this.#bytes + frame.bytes.length > bytes)
      return Promise.reject(new BrokerError('broker-outbox-full', 'too many events wait to be sent to Zeek'));
    this.#bytes += frame.bytes.length;
    return new Promise((sent, failed) => {
      this.#waiting.push({ frame, sent, failed });
    });
  }

  /** The next frame, now regarded as sent. */
  next(): Frame | null {
    const waiting = this.#waiting.shift();
    if (waiting === undefined) return null;
    this.#bytes -= waiting.frame.bytes.length;
    waiting.sent();
    return waiting.frame;
  }

  /** Nothing of this will be sent any more. */
  fail(error: BrokerError): void {
    for (const waiting of this.#waiting.splice(0)) waiting.failed(error);
    this.#bytes = 0;
  }
}
