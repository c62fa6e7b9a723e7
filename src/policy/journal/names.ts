// Which events of a flow belong together. Enters: events of one flow in order; leaves: whose answer or context each is.
import type { AmqpEvent } from '../../events/amqp.ts';
import type { FlowEvent } from '../../events/event.ts';
import type { Entry, Said } from './entry.ts';

/** An event that becomes an entry when it is needed. */
export interface Draft {
  readonly event: FlowEvent;
  readonly sequence: number;
  entry: Entry | null;
  /** What was said of it before it became an entry. */
  said: readonly Said[];
  /** Earlier events that it means nothing without. */
  needs: readonly Draft[];
}

/** What the journal does with an event, besides what it is told of it. */
export interface Ties {
  /** Entries that it answers or ends. */
  readonly leaders: readonly Entry[];
  /** True when later events of the flow mean nothing without it. */
  readonly context: boolean;
  /** Earlier events that it means nothing without. */
  readonly needs: readonly Draft[];
}

const NONE: Ties = { leaders: [], context: false, needs: [] };

/** Consumers of one connection whose deliveries are kept with what made them; of more, the oldest is given up. */
const MOST_CONSUMERS = 1024;

/** A transaction that is open on a connection. */
interface Transaction {
  readonly begin: Entry;
  readonly members: Set<Entry>;
}

/** Requests of one flow that are kept, by the names by which answers refer to them. */
export class Names {
  readonly #requests = new Map<string, Entry>();
  /** Unsettled deliveries by channel. */
  readonly #deliveries = new Map<number, Map<bigint, Entry>>();
  #transaction: Transaction | null = null;
  /** Statements of the open transaction that are not answered: an error of any of them breaks it. */
  readonly #unanswered = new Map<number, Draft>();
  readonly #declared = new Map<number, Draft>();
  readonly #got = new Map<number, Draft>();
  /** What made each consumer, by channel and tag. */
  readonly #consumers = new Map<string, readonly Draft[]>();
  /** Consumers whose tag the broker has yet to say, by channel. */
  readonly #untagged = new Map<number, Draft[]>();

  /** The entry that begins a transaction; what is made within it means nothing without it. */
  begin(entry: Entry): void {
    this.#transaction ??= { begin: entry, members: new Set() };
    entry.context = true;
  }

  /** The entries of the open transaction that are kept, which ends now. */
  endTransaction(): readonly Entry[] {
    const transaction = this.#transaction;
    if (transaction === null) return [];
    this.#transaction = null;
    this.#unanswered.clear();
    transaction.begin.context = false;
    return [...transaction.members];
  }

  /** The beginning of the transaction that is open; null outside of any. */
  get transaction(): Transaction | null {
    return this.#transaction;
  }

  /** What this event has to do with earlier ones. */
  tie(draft: Draft): Ties {
    const { event } = draft;
    switch (event.kind) {
      case 'http-response':
        return answer(this.#requests.get(`http ${event.exchange}`));
      case 'sql-result': {
        if (event.request === null || !(event.last || event.outcome === 'error')) return NONE;
        const known = this.#requests.get(`sql ${event.request}`);
        const asked = this.#unanswered.get(event.request);
        this.#unanswered.delete(event.request);
        if (event.outcome === 'ok' || this.#transaction === null) return answer(known);
        const leaders = [...this.#transaction.members, ...(known === undefined ? [] : [known])];
        return { leaders, context: false, needs: asked === undefined ? [] : [asked] };
      }
      case 'sql-statement':
        if (this.#transaction !== null) this.#unanswered.set(event.request, draft);
        return NONE;
      case 'amqp-method':
        return this.#amqp(draft, event);
      case 'connection-end':
        return { ...NONE, leaders: [...this.#requests.values(), ...this.#unsettled()] };
      default:
        return NONE;
    }
  }

  /** Remembers an entry under its name, so that its answer is kept with it; gives what forgets it, if it has a name. */
  add(entry: Entry, event: FlowEvent): (() => void) | null {
    if (event.kind === 'http-request') return this.#remember(`http ${event.exchange}`, entry);
    if (event.kind === 'sql-statement' || event.kind === 'sql-command')
      return this.#remember(`sql ${event.request}`, entry);
    if (event.kind !== 'amqp-method' || !('deliveryTag' in event.method) || !isDelivery(event)) return null;
    const { deliveryTag } = event.method;
    const tags = this.#deliveries.get(event.channel) ?? new Map<bigint, Entry>();
    tags.set(deliveryTag, entry);
    this.#deliveries.set(event.channel, tags);
    return () => {
      if (tags.get(deliveryTag) === entry) tags.delete(deliveryTag);
    };
  }

  #remember(name: string, entry: Entry): () => void {
    this.#requests.set(name, entry);
    return () => {
      if (this.#requests.get(name) === entry) this.#requests.delete(name);
    };
  }

  #unsettled(): readonly Entry[] {
    return [...this.#deliveries.values()].flatMap((tags) => [...tags.values()]);
  }

  #amqp(draft: Draft, event: AmqpEvent): Ties {
    const { method, channel } = event;
    const before = [this.#declared.get(channel)].filter((each) => each !== undefined);
    switch (method.name) {
      case 'queue.declare-ok':
        this.#declared.set(channel, draft);
        return NONE;
      case 'basic.consume':
        if (method.consumerTag !== '') this.#consume(`${channel} ${method.consumerTag}`, [draft]);
        else
          this.#untagged.set(channel, [...(this.#untagged.get(channel) ?? []), draft].slice(-MOST_CONSUMERS));
        return { leaders: [], context: true, needs: method.queue === '' ? before : [] };
      case 'basic.consume-ok': {
        const made = this.#untagged.get(channel)?.shift();
        if (made !== undefined) this.#consume(`${channel} ${method.consumerTag}`, [made, draft]);
        return { ...NONE, context: true };
      }
      case 'basic.deliver':
        return { ...NONE, needs: this.#consumers.get(`${channel} ${method.consumerTag}`) ?? [] };
      case 'basic.get':
        this.#got.set(channel, draft);
        return { ...NONE, needs: method.queue === '' ? before : [] };
      case 'basic.get-ok':
        return { ...NONE, needs: [this.#got.get(channel)].filter((each) => each !== undefined) };
      case 'queue.bind':
      case 'queue.purge':
      case 'queue.delete':
        return { ...NONE, needs: method.queue === '' ? before : [] };
      case 'basic.ack':
      case 'basic.nack':
      case 'basic.reject': {
        if (event.at.side === 'resp') return NONE;
        const multiple = 'multiple' in method && method.multiple;
        return { ...NONE, leaders: this.#settle(channel, method.deliveryTag, multiple) };
      }
      case 'channel.close':
      case 'channel.close-ok': {
        const tags = this.#deliveries.get(channel);
        this.#deliveries.delete(channel);
        return { ...NONE, leaders: [...(tags?.values() ?? [])] };
      }
      default:
        return NONE;
    }
  }

  #consume(name: string, drafts: readonly Draft[]): void {
    this.#consumers.delete(name);
    this.#consumers.set(name, drafts);
    const oldest = this.#consumers.size > MOST_CONSUMERS ? this.#consumers.keys().next() : null;
    if (oldest?.done === false) this.#consumers.delete(oldest.value);
  }

  /** Tags rise, so that all up to one are the first ones (AMQP 0-9-1, basic.ack). */
  #settle(channel: number, tag: bigint, multiple: boolean): readonly Entry[] {
    const tags = this.#deliveries.get(channel);
    if (tags === undefined) return [];
    const settled: Entry[] = [];
    const take = (each: bigint): void => {
      const entry = tags.get(each);
      if (entry !== undefined) settled.push(entry);
      tags.delete(each);
    };
    if (!multiple) take(tag);
    else for (const each of [...tags.keys()]) if (tag === 0n || each <= tag) take(each);
    return settled;
  }
}

function answer(leader: Entry | undefined): Ties {
  return leader === undefined ? NONE : { ...NONE, leaders: [leader] };
}

function isDelivery({ method }: AmqpEvent): boolean {
  return method.name === 'basic.deliver' || method.name === 'basic.get-ok';
}
