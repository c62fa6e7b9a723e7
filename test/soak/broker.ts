// The broker between Contract-Update and DVD-Update. Enters: published messages; leaves: deliveries, acknowledgements, redeliveries.

import { AT } from '../support/dvd-rental.ts';
import type { Rental, Said } from './rental.ts';
import type { Doing, Simulation, Task } from './simulation.ts';
import { HOUSE, type Network, type Sender, type Wire } from './wire.ts';

/** A message and what its consumer has done with it: a service does not ship twice because a message came twice. */
export interface Message {
  readonly rental: Rental;
  readonly said: Said;
  readonly trace: string | null;
  readonly id: number;
  shipped: boolean;
  marked: boolean;
  /** Under way at a consumer that has lost its connection since. */
  busy: Task | null;
  redelivered: boolean;
}

interface Consumer {
  wire: Wire;
  readonly channel: number;
  readonly tag: string;
  /** Acknowledges several at once. */
  readonly batch: boolean;
  next: bigint;
  /** In the order of their delivery; true when handled and not acknowledged yet. */
  readonly open: Map<bigint, { readonly message: Message; handled: boolean }>;
}

const PREFETCH = 20;
const RENTALS = 'rentals';
const KEY = 'rental.created';

type Handle = (message: Message, gone: () => boolean) => Doing<boolean>;

export class Broker {
  readonly #network: Network;
  readonly #simulation: Simulation;
  readonly #handle: Handle;
  readonly #publishers: Wire[];
  readonly #consumers: Consumer[];
  readonly #queue: Message[] = [];
  #messages = 0;

  constructor(network: Network, handle: Handle) {
    this.#network = network;
    this.#simulation = network.simulation;
    this.#handle = handle;
    this.#publishers = [1, 2].map(() => this.#open(AT.contracts, []));
    this.#consumers = [false, true, false].map((batch, i) => ({
      wire: this.#open(AT.dvds, [`consumer-${i}`]),
      channel: 1,
      tag: `consumer-${i}`,
      batch,
      next: 1n,
      open: new Map(),
    }));
  }

  /** One of the long-lived connections of Contract-Update (publishing) or DVD-Update (consuming). */
  wire(of: 'publisher' | 'consumer'): Wire {
    const wires = of === 'publisher' ? this.#publishers : this.#consumers.map(({ wire }) => wire);
    return wires[this.#simulation.below(wires.length)] as Wire;
  }

  /** Publishes and waits for the broker's confirmation. */
  publish(sender: Sender, { rental, said }: Pick<Message, 'rental' | 'said'>): Task {
    const message: Message = {
      rental,
      said,
      trace: said.trace,
      id: ++this.#messages,
      shipped: false,
      marked: false,
      busy: null,
      redelivered: false,
    };
    const wire = this.wire('publisher');
    const channel = 1 + this.#simulation.below(4);
    const method = {
      name: 'basic.publish',
      exchange: RENTALS,
      routingKey: KEY,
      mandatory: false,
      immediate: false,
    } as const;
    rental.begin('publish', this.#simulation.now);
    wire.amqp(sender, 'orig', channel, method, partsOf(message));
    this.#simulation.start(this.#route(message), this.#simulation.latency(200, 800));
    return this.#simulation.start(this.#confirm(wire, channel), this.#simulation.latency(300, 700));
  }

  /** Delivers a message that was delivered and acknowledged before. */
  replay(sender: Sender, message: Pick<Message, 'said' | 'trace' | 'id'>): void {
    const consumer = this.#consumers[0] as Consumer;
    const { wire, channel, tag } = consumer;
    const deliveryTag = consumer.next++;
    const method = {
      name: 'basic.deliver',
      consumerTag: tag,
      deliveryTag,
      redelivered: true,
      exchange: RENTALS,
      routingKey: KEY,
    } as const;
    wire.amqp(sender, 'resp', channel, method, partsOf(message));
  }

  *#confirm(wire: Wire, channel: number): Doing {
    wire.amqp(HOUSE, 'resp', channel, { name: 'basic.ack', deliveryTag: 1n, multiple: false });
    yield 0;
  }

  *#route(message: Message): Doing {
    this.#queue.push(message);
    this.#serve();
    yield 0;
  }

  /** To whoever has least to do. */
  #serve(): void {
    while (this.#queue.length > 0) {
      const ready = this.#consumers.filter(({ wire, open }) => wire.open && open.size < PREFETCH);
      const [idle] = ready.sort((a, b) => a.open.size - b.open.size);
      if (idle === undefined) return;
      const message = this.#queue.shift();
      if (message !== undefined) this.#deliver(idle, message);
    }
  }

  #deliver(consumer: Consumer, message: Message): void {
    const { wire, channel, tag } = consumer;
    const deliveryTag = consumer.next++;
    const { rental, redelivered } = message;
    const method = {
      name: 'basic.deliver',
      consumerTag: tag,
      deliveryTag,
      redelivered,
      exchange: RENTALS,
      routingKey: KEY,
    } as const;
    wire.amqp(rental, 'resp', channel, method, partsOf(message));
    const open = { message, handled: false };
    consumer.open.set(deliveryTag, open);
    const task = this.#simulation.start(
      this.#consume(consumer, wire, deliveryTag, open),
      this.#simulation.latency(50, 300),
    );
    message.busy = task;
    if (this.#simulation.chance(0.001))
      this.#simulation.start(this.#lose(consumer, wire), this.#simulation.latency(0, 4000));
  }

  *#consume(
    consumer: Consumer,
    wire: Wire,
    tag: bigint,
    open: { message: Message; handled: boolean },
  ): Doing {
    const { message } = open;
    const { rental } = message;
    const gone = (): boolean => !wire.open;
    if (gone()) return;
    const done = yield* this.#handle(message, gone);
    if (gone()) return;
    const { plot } = rental;
    const betrays = plot?.at === 'ack' && !plot.struck ? plot : null;
    if (!done) {
      consumer.open.delete(tag);
      wire.amqp(rental, 'orig', consumer.channel, {
        name: 'basic.nack',
        deliveryTag: tag,
        multiple: false,
        requeue: true,
      });
      message.redelivered = true;
      this.#simulation.start(this.#route(message), this.#simulation.latency(1000, 10_000));
    } else if (consumer.batch && betrays === null) {
      open.handled = true;
      yield 8000;
      if (!gone()) this.#settleBatch(consumer);
    } else {
      consumer.open.delete(tag);
      betrays?.alter?.(message.said);
      if (betrays !== null) betrays.struck = true;
      wire.amqp(betrays ?? rental, 'orig', consumer.channel, {
        name: 'basic.ack',
        deliveryTag: tag,
        multiple: false,
      });
      rental.ended = this.#simulation.now;
    }
    this.#serve();
  }

  /** One acknowledgement for all that are handled and have none before them that is not. */
  #settleBatch(consumer: Consumer): void {
    let last: bigint | null = null;
    let sender: Sender = HOUSE;
    for (const [tag, { handled, message }] of consumer.open) {
      if (!handled) break;
      last = tag;
      // One acknowledgement speaks for all of them; what was forged of one is the aftermath of its attack.
      if (!sender.name.startsWith('aftermath')) sender = message.rental;
      message.rental.ended = this.#simulation.now;
      consumer.open.delete(tag);
    }
    if (last !== null)
      consumer.wire.amqp(sender, 'orig', consumer.channel, {
        name: 'basic.ack',
        deliveryTag: last,
        multiple: true,
      });
  }

  /** The consumer's connection breaks; what it had not acknowledged is delivered again. */
  *#lose(consumer: Consumer, wire: Wire): Doing {
    if (!wire.open) return;
    wire.close(HOUSE, 'rst');
    const unsettled = [...consumer.open.values()].map(({ message }) => message);
    consumer.open.clear();
    yield this.#simulation.latency(20_000, 20_000);
    consumer.wire = this.#open(AT.dvds, [consumer.tag]);
    consumer.next = 1n;
    for (const message of unsettled) {
      // What was under way ends before the same message is begun again.
      if (message.busy !== null && !message.busy.done) yield message.busy;
      message.redelivered = true;
      this.#queue.unshift(message);
    }
    this.#serve();
  }

  #open(from: string, consumerTags: readonly string[]): Wire {
    const wire = this.#network.connect(from, AT.queue, 5672);
    const none = new Map<string, never>();
    const say = (method: Parameters<Wire['amqp']>[3]): void => wire.amqp(HOUSE, 'orig', 1, method);
    const kept = { passive: false, durable: true, autoDelete: false, arguments: none } as const;
    say({ name: 'exchange.declare', exchange: RENTALS, type: 'direct', internal: false, ...kept });
    if (consumerTags.length === 0) say({ name: 'confirm.select' });
    for (const consumerTag of consumerTags) {
      say({ name: 'queue.declare', queue: RENTALS, exclusive: false, ...kept });
      say({ name: 'queue.bind', queue: RENTALS, exchange: RENTALS, routingKey: KEY, arguments: none });
      say({ name: 'basic.qos', prefetchCount: PREFETCH, global: false });
      say({
        name: 'basic.consume',
        queue: RENTALS,
        consumerTag,
        noAck: false,
        exclusive: false,
        arguments: none,
      });
    }
    return wire;
  }
}

function partsOf({ said, trace, id }: Pick<Message, 'said' | 'trace' | 'id'>) {
  const { contract, user, dvd } = said;
  const parts = {
    body: { contract, user, dvd },
    properties: { correlationId: contract, messageId: `m-${id}` },
  };
  return trace === null ? parts : { ...parts, headers: { traceparent: `00-${trace}-00f067aa0ba902b7-01` } };
}
