// What a flow does with one direction's reassembled stream. Enters: bytes, losses, conflicts; leaves: calls of the reader, events.

import type { Side } from '../../flow.ts';
import { gapOf } from '../losses.ts';
import type { TcpFlow } from './flow.ts';
import type { StreamSink } from './reassembly.ts';
import type { Surroundings } from './surroundings.ts';

export class Sink implements StreamSink {
  readonly #flow: TcpFlow;
  readonly #side: Side;
  readonly #around: Surroundings;

  constructor(flow: TcpFlow, side: Side, around: Surroundings) {
    this.#flow = flow;
    this.#side = side;
    this.#around = around;
  }

  data(offset: number, bytes: Uint8Array): void {
    this.#around.statistics.readBytes += bytes.length;
    this.#flow.reader().data(this.#side, offset, bytes);
  }

  /** The parser hears of it too, after the event, so that what it says of its own state comes behind the cause. */
  lost(offset: number, length: number): void {
    this.#around.statistics.lostBytes += length;
    const { protocol, emitter } = this.#flow;
    const span = { side: this.#side, start: offset, end: offset + length };
    emitter.emit(span, gapOf(length, protocol));
    this.#flow.reader().lost(this.#side, offset, length);
  }

  conflict(start: number, end: number, first: readonly number[]): void {
    const detail = 'the same bytes of the stream were sent twice and differ';
    const span = { side: this.#side, start, end };
    this.#flow.emitter.ambiguity(span, 'tcp-overlap-conflict', detail, [...first, this.#around.packet]);
  }

  retransmitted(bytes: number, uncompared: number): void {
    this.#around.statistics.retransmittedBytes += bytes;
    this.#around.statistics.uncomparedBytes += uncompared;
  }

  unread(bytes: number): void {
    this.#around.statistics.unreadBytes += bytes;
  }
}
