// Which queue an AMQP method means, and which deliveries one settles. Enters: methods in order; leaves: names and tags.
import type { AmqpEvent } from '../../events/amqp.ts';

export class Queues {
  /** By flow, channel and consumer tag. */
  readonly #consumers = new Map<string, string>();
  /** Consumers whose tag the broker chooses, by flow and channel. */
  readonly #awaitingTag = new Map<string, string[]>();
  readonly #last = new Map<string, string>();
  readonly #gets = new Map<string, string>();
  readonly #unsettled = new Map<string, Set<bigint>>();

  /** The tags that a consumer settles with this method; null for any other method. */
  settled({ flow, channel, method, at }: AmqpEvent): readonly bigint[] | null {
    const settles = ['basic.ack', 'basic.nack', 'basic.reject'].includes(method.name);
    if (at.side !== 'orig' || !settles || !('deliveryTag' in method)) return null;
    const multiple = 'multiple' in method && method.multiple;
    const open = this.#unsettled.get(`${flow.id} ${channel}`) ?? new Set();
    const tags = [...open].filter(
      (tag) =>
        tag === method.deliveryTag || (multiple && (method.deliveryTag === 0n || tag < method.deliveryTag)),
    );
    for (const tag of tags) open.delete(tag);
    return tags;
  }

  /** The method with its queue's name written out, and the queue that a delivery comes from. */
  follow(event: AmqpEvent): { readonly event: AmqpEvent; readonly queue: string | null } {
    const { flow, channel, method } = event;
    const here = `${flow.id} ${channel}`;
    switch (method.name) {
      case 'queue.declare-ok':
        this.#last.set(here, method.queue);
        return { event, queue: null };
      case 'basic.consume': {
        const queue = this.#named(here, method.queue);
        if (method.consumerTag !== '') this.#consumers.set(`${here} ${method.consumerTag}`, queue);
        else this.#awaitingTag.set(here, [...(this.#awaitingTag.get(here) ?? []), queue]);
        return { event: { ...event, method: { ...method, queue } }, queue };
      }
      case 'basic.consume-ok': {
        const queue = this.#awaitingTag.get(here)?.shift();
        if (queue !== undefined) this.#consumers.set(`${here} ${method.consumerTag}`, queue);
        return { event, queue: null };
      }
      case 'basic.get': {
        const queue = this.#named(here, method.queue);
        this.#gets.set(here, queue);
        return { event: { ...event, method: { ...method, queue } }, queue };
      }
      case 'queue.bind':
      case 'queue.unbind': {
        const queue = this.#named(here, method.queue);
        return { event: { ...event, method: { ...method, queue } }, queue };
      }
      case 'queue.purge': {
        const queue = this.#named(here, method.queue);
        return { event: { ...event, method: { ...method, queue } }, queue };
      }
      case 'queue.delete': {
        const queue = this.#named(here, method.queue);
        return { event: { ...event, method: { ...method, queue } }, queue };
      }
      case 'basic.deliver':
      case 'basic.get-ok': {
        const open = this.#unsettled.get(here) ?? new Set();
        this.#unsettled.set(here, open.add(method.deliveryTag));
        const from =
          method.name === 'basic.get-ok'
            ? this.#gets.get(here)
            : this.#consumers.get(`${here} ${method.consumerTag}`);
        return { event, queue: from ?? null };
      }
      default:
        return { event, queue: null };
    }
  }

  /** An empty name means the last queue that was declared (amqp0-9-1.xml). */
  #named(here: string, queue: string): string {
    return queue === '' ? (this.#last.get(here) ?? '') : queue;
  }
}
