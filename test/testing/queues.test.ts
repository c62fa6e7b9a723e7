// Which queue a method means. Enters: methods of one connection; leaves: names and settled deliveries.
import { story } from 'flowtap/testing';
import { describe, expect, test } from 'vitest';
import type { AmqpEvent, AmqpMethod } from '../../src/events/amqp.ts';
import type { Side } from '../../src/flow.ts';
import { Queues } from '../../src/testing/learn/queues.ts';
import { warehouse } from './warehouse.ts';

const example = (() => {
  const told = story(warehouse);
  told.publish('orders', 'broker', 'x', 'y');
  return told.events.at(-1) as AmqpEvent;
})();

const event = (method: AmqpMethod, side: Side = 'orig', channel = 1): AmqpEvent => ({
  ...example,
  method,
  channel,
  at: { ...example.at, side },
});

const declared = (queue: string): AmqpEvent =>
  event({ name: 'queue.declare-ok', queue, messages: 0, consumers: 0 }, 'resp');
const consume = (queue: string, consumerTag: string): AmqpEvent =>
  event({ name: 'basic.consume', queue, consumerTag, noAck: false, exclusive: false, arguments: new Map() });
const deliver = (consumerTag: string, deliveryTag: bigint): AmqpEvent =>
  event(
    { name: 'basic.deliver', consumerTag, deliveryTag, redelivered: false, exchange: '', routingKey: '' },
    'resp',
  );

describe('queues', () => {
  test('are named by the last one declared where a method leaves the name out', () => {
    const queues = new Queues();
    queues.follow(declared('jobs'));
    const named: readonly AmqpMethod[] = [
      { name: 'queue.purge', queue: '' },
      { name: 'queue.delete', queue: '', ifUnused: false, ifEmpty: false },
      { name: 'queue.bind', queue: '', exchange: 'e', routingKey: 'r', arguments: new Map() },
      { name: 'basic.get', queue: '', noAck: false },
    ];
    for (const method of named) {
      const { event: whole, queue } = queues.follow(event(method));
      expect(queue).toBe('jobs');
      expect(whole.method).toEqual({ ...method, queue: 'jobs' });
    }
    // Another channel has declared nothing.
    expect(queues.follow(event({ name: 'queue.purge', queue: '' }, 'orig', 2)).queue).toBe('');
    expect(queues.follow(event({ name: 'queue.purge', queue: 'other' })).queue).toBe('other');
  });

  test('deliver to consumers by tags that either side chose, and to whoever gets', () => {
    const queues = new Queues();
    queues.follow(consume('jobs', 'mine'));
    queues.follow(consume('mail', ''));
    queues.follow(event({ name: 'basic.consume-ok', consumerTag: 'amq-1' }, 'resp'));
    expect(queues.follow(deliver('mine', 1n)).queue).toBe('jobs');
    expect(queues.follow(deliver('amq-1', 2n)).queue).toBe('mail');
    expect(queues.follow(deliver('unknown', 3n)).queue).toBeNull();
    queues.follow(event({ name: 'basic.get', queue: 'rest', noAck: false }));
    const got = event(
      {
        name: 'basic.get-ok',
        deliveryTag: 4n,
        redelivered: false,
        exchange: '',
        routingKey: '',
        messages: 0,
      },
      'resp',
    );
    expect(queues.follow(got).queue).toBe('rest');
  });

  test('are told which deliveries a consumer settles, each once', () => {
    const queues = new Queues();
    for (const tag of [1n, 2n, 3n, 4n]) queues.follow(deliver('c', tag));
    const ack = (deliveryTag: bigint, multiple: boolean, side: Side = 'orig') =>
      queues.settled(event({ name: 'basic.ack', deliveryTag, multiple }, side));
    expect(ack(9n, false, 'resp')).toBeNull();
    expect(queues.settled(declared('x'))).toBeNull();
    expect(ack(2n, true)).toEqual([1n, 2n]);
    expect(ack(2n, true)).toEqual([]);
    expect(queues.settled(event({ name: 'basic.reject', deliveryTag: 3n, requeue: true }))).toEqual([3n]);
    expect(ack(0n, true)).toEqual([4n]);
  });
});
