// What several tests tell of a queue: a front publishes what it is asked for, a worker consumes it and ships. Enters: items; leaves: declarations, a story.
import type { AmqpMethod } from '../../src/events/amqp.ts';
import { amqp, type application, body, http } from '../../src/policy/author.ts';
import { type Connection, Story } from './story.ts';

type Context = Parameters<Parameters<typeof application>[1]>[0];

/** The services, and the requests of one item. What is made is declared, so that what a policy may leave out is made when asked for. */
export function queueing({ external, service }: Context) {
  const user = external('user');
  const front = service('front', { at: '10.0.0.1', http: 80 });
  const queue = service('queue', { at: '10.0.0.2', amqp: 5672 });
  const worker = service('worker', { at: '10.0.0.3' });
  const shop = service('shop', { at: '10.0.0.4', http: 80 });
  const item = { item: body('/item') };
  return {
    queue,
    worker,
    ask: http.post('/').from(user).to(front).facts(item),
    publish: amqp.publish('x', 'k').from(front).to(queue).facts(item),
    deliver: () => amqp.deliver('q').from(queue).to(worker).facts(item),
    ship: () => http.post('/ship').from(worker).to(shop).facts(item),
  };
}

export const NONE = new Map();
export const CONSUME = {
  name: 'basic.consume',
  queue: 'q',
  consumerTag: 't',
  noAck: false,
  exclusive: false,
  arguments: NONE,
} as const satisfies AmqpMethod;

/** Its connections. */
export class QueueStory {
  readonly story = new Story();
  readonly front = this.story.connect('10.0.0.1', '10.0.0.2:5672');
  readonly worker: Connection = this.story.connect('10.0.0.3', '10.0.0.2:5672');
  readonly toShop = this.story.connect('10.0.0.3', '10.0.0.4:80');

  /** One item up to the queue, over a connection of the user's. */
  ask(item = 7): Connection {
    const customer = this.story.connect('192.0.2.1', '10.0.0.1:80');
    const answer = customer.http('POST', '/', { body: { item } });
    const publish = { exchange: 'x', routingKey: 'k', mandatory: false, immediate: false } as const;
    this.front.amqp('orig', { name: 'basic.publish', ...publish }, { item });
    answer(200);
    return customer;
  }

  ship(item = 7): void {
    this.toShop.http('POST', '/ship', { body: { item } })(200);
  }

  deliver(item = 7, consumerTag = 't'): bigint {
    return this.worker.deliver('x', 'k', consumerTag, { item });
  }
}
