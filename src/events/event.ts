// The one event union that both sources (embedded sensor, Zeek) feed. Enters: nothing; leaves: types.
import type { AmqpEvent } from './amqp.ts';
import type { Common } from './common.ts';
import type { HttpEvent } from './http.ts';
import type { AmbiguitySeen, AnalysisLost } from './lost.ts';
import type { SqlEvent } from './sql.ts';

/** The first packet of a flow: its SYN, or whatever came first of a flow already under way. */
export interface ConnectionAttempt extends Common {
  readonly kind: 'connection-attempt';
}

/** The responder answered (SYN+ACK), or, midstream, both sides were seen. */
export interface ConnectionEstablished extends Common {
  readonly kind: 'connection-established';
}

/** Nothing more will come of this flow. */
export interface ConnectionEnd extends Common {
  readonly kind: 'connection-end';
  readonly how: 'fin' | 'rst' | 'timeout' | 'evicted' | 'capture-end';
}

/** The source has no more to say: the capture is read, or the sensor stops. Carries no flow. */
export interface SourceEnd {
  readonly kind: 'source-end';
  readonly ts: number;
  readonly source: string;
}

export type FlowEvent =
  | ConnectionAttempt
  | ConnectionEstablished
  | ConnectionEnd
  | HttpEvent
  | AmqpEvent
  | SqlEvent
  | AnalysisLost
  | AmbiguitySeen;

export type Event = FlowEvent | SourceEnd;

type DistributiveOmit<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never;

/** What a parser hands over: an event without the parts that the flow knows (time, flow, packets). */
export type EventDraft = DistributiveOmit<FlowEvent, keyof Common>;
