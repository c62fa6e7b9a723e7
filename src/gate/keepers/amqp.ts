// AMQP 0-9-1 in the path. Enters: frames of both sides; leaves: methods with their content as groups, and refusals in AMQP.
import type { AmqpMethod } from '../../events/amqp.ts';
import type { EventDraft } from '../../events/event.ts';
import type { Side, Span } from '../../flow.ts';
import type { Verdict } from '../../verdict.ts';
import { Cutter, type Prefix } from '../cutter.ts';
import { Group, type Unit } from '../hold.ts';
import type { Hands, Keeper, Refusal } from '../keeper.ts';
import { channelClose, channelCloseOk, getEmpty, refuseChannel, rejectDelivery } from './amqp-frames.ts';
import { Consumers } from './consumers.ts';

const METHOD = 1;
const HEADER = 2;
const BODY = 3;
const CHANNEL_CLOSE = 0x0014_0028;
const CHANNEL_CLOSE_OK = 0x0014_0029;
/** basic.publish, return, deliver, get-ok. */
const WITH_CONTENT: ReadonlySet<number> = new Set([0x003c_0028, 0x003c_0032, 0x003c_003c, 0x003c_0047]);
const PROTOCOL_HEADER: Prefix = { length: 8, total: () => 8 };
const FRAME: Prefix = { length: 7, total: (first) => 8 + first.readUInt32BE(3) };
/** A frame header, class and number of a method, or up to the size of a content. */
const KEPT = 19;
const NOTHING = new Uint8Array(0);

class AmqpGroup extends Group {
  readonly side: Side;
  readonly channel: number;
  /** We made it. */
  readonly own: boolean;
  /** Class and number; 0 for what is no method. */
  method = 0;
  event: AmqpMethod | null = null;
  /** Body bytes to come; null before the content's header. */
  left: bigint | null = null;
  refused = false;

  constructor(side: Side, channel: number, open: boolean, own: boolean) {
    super(open);
    this.side = side;
    this.channel = channel;
    this.own = own;
  }
}

interface Frame extends Unit {
  readonly group: AmqpGroup;
  /** Nothing of its group follows. */
  last: boolean;
}

export class AmqpKeeper implements Keeper {
  readonly #hands: Hands;
  readonly #cutters: Readonly<Record<Side, Cutter>>;
  readonly #current: Record<Side, Frame | null> = { orig: null, resp: null };
  /** Methods whose content is coming, by channel. */
  readonly #contents: Readonly<Record<Side, Map<number, AmqpGroup>>> = { orig: new Map(), resp: new Map() };
  /** Channels whose closing we asked that side for, until it agrees. */
  readonly #closing: Readonly<Record<Side, Set<number>>> = { orig: new Set(), resp: new Set() };
  /** Channels that will be closed as soon as that can be said. */
  readonly #doomed = new Set<number>();
  /** Channels of which a content is half on its way in that direction, and what has to wait for its end. */
  readonly #half: Readonly<Record<Side, Set<number>>> = { orig: new Set(), resp: new Set() };
  readonly #later: Readonly<Record<Side, Map<number, Buffer[]>>> = { orig: new Map(), resp: new Map() };
  readonly #consumers = new Consumers();
  #begun = false;
  #own = false;

  constructor(hands: Hands) {
    this.#hands = hands;
    this.#cutters = { orig: this.#cutter('orig'), resp: this.#cutter('resp') };
  }

  read(side: Side, offset: number, bytes: Buffer): void {
    this.#cutters[side].read(offset, bytes);
  }

  groupOf(side: Side, { end }: Span, draft: EventDraft): Group | null {
    const group = this.#hands.groupAt(side, end);
    if (!(group instanceof AmqpGroup) || draft.kind !== 'amqp-method') return group;
    group.open = false;
    group.event = draft.method;
    this.#consumers.see(draft.channel, draft.method);
    return group;
  }

  /** On a channel that we close nothing counts any more. */
  admits(group: Group | null): boolean {
    if (!(group instanceof AmqpGroup) || group.own) return true;
    const { side, channel } = group;
    return !this.#closing[side].has(channel) && !(side === 'orig' && this.#doomed.has(channel));
  }

  judged(_draft: EventDraft, group: Group | null, verdict: Verdict | null): void {
    if (!(group instanceof AmqpGroup) || verdict === null || group.denial !== verdict) return;
    if (group.side === 'orig') this.#doomed.add(group.channel);
  }

  refuse(side: Side, unit: Frame): Refusal {
    const { group } = unit;
    if (group.refused) return 'drop';
    const how = side === 'orig' ? this.#refuseMethod(group) : this.#refuseDelivery(group);
    group.refused = how === 'drop';
    return how;
  }

  /** The channel is closed towards both ends (amqp0-9-1 section 1.5.2.5), so that they agree on what it is. */
  #refuseMethod({ channel, method }: AmqpGroup): Refusal {
    if (channel === 0) return 'reset';
    if (this.#closing.orig.has(channel)) return 'drop';
    if (!this.#cutters.resp.between || this.#contents.resp.has(channel)) return 'wait';
    this.#closing.orig.add(channel);
    this.#closing.resp.add(channel);
    this.#doomed.delete(channel);
    this.#say('orig', channel, channelClose(channel, 200, 'closed', 0, 0));
    this.#own = true;
    this.#hands.inject('resp', refuseChannel(channel, method >>> 16, method & 0xffff));
    this.#own = false;
    return 'drop';
  }

  /** The broker gets it back, not to be delivered again; the consumer never hears of it. */
  #refuseDelivery({ channel, event }: AmqpGroup): Refusal {
    if (event === null) return 'reset';
    switch (event.name) {
      case 'basic.deliver':
      case 'basic.get-ok':
        if (this.#consumers.acknowledges(channel, event))
          this.#say('orig', channel, rejectDelivery(channel, event.deliveryTag));
        if (event.name === 'basic.get-ok') this.#say('resp', channel, getEmpty(channel));
        return 'drop';
      case 'basic.return':
        return 'drop';
      default:
        return 'reset';
    }
  }

  instead(side: Side, unit: Frame): Uint8Array | null {
    const { channel, method, own } = unit.group;
    const closing = this.#closing[side];
    if (own || !closing.has(channel)) return null;
    if (method === CHANNEL_CLOSE_OK) closing.delete(channel);
    // Both ends may wish to close it at once: each then waits for an answer of its own.
    if (method === CHANNEL_CLOSE)
      this.#say(side === 'orig' ? 'resp' : 'orig', channel, channelCloseOk(channel));
    return NOTHING;
  }

  gone(side: Side, { group, last }: Frame): void {
    if (!WITH_CONTENT.has(group.method)) return;
    const { channel } = group;
    if (!last) {
      this.#half[side].add(channel);
      return;
    }
    this.#half[side].delete(channel);
    for (const bytes of this.#later[side].get(channel) ?? []) this.#hands.insert(side, bytes);
    this.#later[side].delete(channel);
  }

  /** A method of ours, not in the middle of a content of its channel (amqp0-9-1 section 4.2.6). */
  #say(side: Side, channel: number, bytes: Buffer): void {
    if (!this.#half[side].has(channel)) {
      this.#hands.insert(side, bytes);
      return;
    }
    const later = this.#later[side];
    later.set(channel, [...(later.get(channel) ?? []), bytes]);
  }

  #cutter(side: Side): Cutter {
    return new Cutter(KEPT, {
      next: () => {
        const first = side === 'orig' && !this.#begun;
        this.#begun ||= side === 'orig';
        return first ? PROTOCOL_HEADER : FRAME;
      },
      begin: (start, first, end) => this.#begin(side, start, first, end),
      end: (_start, first) => this.#end(side, first),
    });
  }

  #begin(side: Side, start: number, first: Buffer, end: number): void {
    const type = first[0];
    const channel = first.readUInt16BE(1);
    const content = type === HEADER || type === BODY ? this.#contents[side].get(channel) : undefined;
    const group = content ?? new AmqpGroup(side, channel, type === METHOD, this.#own);
    const unit = { start, end, group, last: false };
    this.#current[side] = unit;
    this.#hands.add(side, unit);
  }

  #end(side: Side, first: Buffer): void {
    const unit = this.#current[side];
    if (unit === null) return;
    const { group } = unit;
    const contents = this.#contents[side];
    const payload = (unit.end ?? 0) - unit.start - 8;
    if (first[0] === METHOD) {
      group.method = payload < 4 ? 0 : first.readUInt32BE(7);
      if (WITH_CONTENT.has(group.method)) contents.set(group.channel, group);
      else group.open = false;
    } else if (contents.get(group.channel) === group) {
      if (first[0] === HEADER) group.left = first.length < KEPT ? 0n : first.readBigUInt64BE(11);
      else group.left = (group.left ?? 0n) - BigInt(payload);
      unit.last = group.left <= 0n;
      if (unit.last) contents.delete(group.channel);
    }
  }
}
