// What is to be sent and was not yet, bounded. Enters: frames; leaves: frames in order.
import { BrokerError } from './failure.ts';
import type { Frame } from './message.ts';

/** Bounds of what may wait for a connection or for credit. */
export interface OutboxLimits {
  readonly frames: number;
  readonly bytes: number;
}

/** Survives a connection: what waits goes to the next one. */
export class Outbox {
  readonly #limits: OutboxLimits;
  readonly #waiting: Frame[] = [];
  #bytes = 0;

  constructor(limits: OutboxLimits) {
    this.#limits = limits;
  }

  get length(): number {
    return this.#waiting.length;
  }

  /** At or below half of the limits. */
  get low(): boolean {
    return this.#waiting.length * 2 <= this.#limits.frames && this.#bytes * 2 <= this.#limits.bytes;
  }

  /** @throws BrokerError `broker-outbox-full` */
  add(frame: Frame): void {
    const { frames, bytes } = this.#limits;
    if (this.#waiting.length >= frames || this.#bytes + frame.bytes.length > bytes)
      throw new BrokerError('broker-outbox-full', 'too many events wait to be sent to Zeek');
    this.#bytes += frame.bytes.length;
    this.#waiting.push(frame);
  }

  next(): Frame | null {
    const frame = this.#waiting.shift();
    if (frame === undefined) return null;
    this.#bytes -= frame.bytes.length;
    return frame;
  }
}
