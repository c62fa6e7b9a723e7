// Which deliveries of a connection are to be acknowledged. Enters: AMQP methods; leaves: whether one is.
import type { AmqpMethod } from '../../events/amqp.ts';

/** Consumers remembered for one connection; without one, a delivery is taken as acknowledged. */
const MOST = 65_536;

export class Consumers {
  readonly #noAck = new Set<string>();
  /** Consumers whose tag the broker chooses, by channel, in order. */
  readonly #unnamed = new Map<number, boolean[]>();
  readonly #gets = new Map<number, boolean>();

  see(channel: number, method: AmqpMethod): void {
    if (method.name === 'basic.get') this.#gets.set(channel, method.noAck);
    if (method.name === 'basic.consume' && method.consumerTag !== '')
      this.#name(channel, method.consumerTag, method.noAck);
    if (method.name === 'basic.consume' && method.consumerTag === '')
      this.#unnamed.set(channel, [...(this.#unnamed.get(channel) ?? []), method.noAck].slice(-MOST));
    if (method.name !== 'basic.consume-ok') return;
    const noAck = this.#unnamed.get(channel)?.shift();
    if (noAck !== undefined) this.#name(channel, method.consumerTag, noAck);
  }

  acknowledges(
    channel: number,
    method: AmqpMethod & { readonly name: 'basic.deliver' | 'basic.get-ok' },
  ): boolean {
    if (method.name === 'basic.get-ok') return this.#gets.get(channel) !== true;
    return !this.#noAck.has(`${channel} ${method.consumerTag}`);
  }

  #name(channel: number, tag: string, noAck: boolean): void {
    if (this.#noAck.size >= MOST) this.#noAck.clear();
    if (noAck) this.#noAck.add(`${channel} ${tag}`);
    else this.#noAck.delete(`${channel} ${tag}`);
  }
}
