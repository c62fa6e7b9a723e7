// The events of one Zeek, as far as the tests of the live service need them. Enters: items of a broker stream; leaves: events, notices.
import type { StreamItem } from '../broker/item.ts';
import type { ZeekEvent } from '../broker/message.ts';
import type { Value } from '../broker/value/value.ts';
import type { Protocol } from '../events/common.ts';
import type { Event, EventDraft } from '../events/event.ts';
import type { Flow, FlowId, Micros, Span } from '../flow.ts';
import { DEFAULT_LIMITS, type SensorLimits } from '../sensor/parser.ts';
import { PARSERS } from '../sensor/parsers.ts';
import { selectParser } from '../sensor/select.ts';
import type { UndecidedReader } from '../sensor/undecided.ts';

export type ZeekNotice =
  | {
      readonly kind: 'hello';
      readonly node: string;
      readonly version: string;
      readonly epoch: string;
      readonly schema: number;
      /** A new epoch replaced another: Zeek was restarted. */
      readonly again: boolean;
    }
  /** Numbers that never came (inclusive). */
  | { readonly kind: 'skipped'; readonly from: bigint; readonly to: bigint }
  | { readonly kind: 'lost'; readonly why: string }
  | { readonly kind: 'malformed'; readonly why: string }
  /** Zeek does not follow our configuration, or speaks another schema. */
  | { readonly kind: 'refused'; readonly why: string }
  /** Zeek itself lost packets. */
  | { readonly kind: 'dropped-packets'; readonly packets: number };

export interface ZeekSourceOptions {
  readonly name: string;
  readonly hints: ReadonlyMap<string, Protocol>;
  readonly limits?: Partial<SensorLimits>;
  readonly onEvent: (event: Event) => void;
  readonly onNotice: (notice: ZeekNotice) => void;
}

interface Followed {
  readonly flow: Flow;
  readonly reader: UndecidedReader;
  ts: Micros;
}

const SCHEMA = 1;

export class ZeekSource {
  readonly #options: ZeekSourceOptions;
  readonly #flows = new Map<string, Followed>();
  #epoch: string | null = null;
  #next = 1n;
  #refused = false;
  #now: Micros = 0;
  readonly statistics = { events: 0, skipped: 0, malformed: 0, flows: 0 };

  constructor(options: ZeekSourceOptions) {
    this.#options = options;
  }

  /** Takes the next item of the stream; gives what to publish to Zeek in answer. */
  take(item: StreamItem): readonly ZeekEvent[] {
    const { onNotice } = this.#options;
    if (item.kind === 'lost') onNotice({ kind: 'lost', why: item.loss.message });
    if (item.kind === 'malformed') {
      this.statistics.malformed += 1;
      onNotice({ kind: 'malformed', why: `${item.problem} (${item.size} bytes)` });
    }
    if (item.kind !== 'event') return [];
    const head = headOf(item.args[0]);
    if (head === null) {
      this.statistics.malformed += 1;
      onNotice({ kind: 'malformed', why: `${item.name} has no head` });
      return [];
    }
    this.#number(head.epoch, head.n, item.name, item.args);
    if (!this.#refused) this.#event(item.name, head.uid, head.ts, item.args);
    return [];
  }

  /** Every open flow gets `analysis-lost` with the cause `unseen`, lasting. */
  blind(cause: string): void {
    for (const [uid, followed] of this.#flows) {
      this.#flows.delete(uid);
      this.#emit(
        followed,
        { side: 'orig', start: 0, end: 0 },
        {
          kind: 'analysis-lost',
          cause: 'unseen',
          protocol: null,
          detail: cause,
          lasting: true,
        },
      );
    }
  }

  #number(epoch: string, n: bigint, name: string, args: readonly Value[]): void {
    const { onNotice } = this.#options;
    if (name.endsWith('hello')) {
      const schema = Number(numberOf(args[1]));
      const again = this.#epoch !== null && this.#epoch !== epoch;
      if (this.#epoch !== epoch) this.#next = n;
      this.#epoch = epoch;
      this.#refused = schema !== SCHEMA;
      if (this.#refused) onNotice({ kind: 'refused', why: `schema ${schema} instead of ${SCHEMA}` });
      else onNotice({ kind: 'hello', node: textOf(args[2]), version: textOf(args[3]), epoch, schema, again });
    }
    if (n > this.#next) {
      this.statistics.skipped += Number(n - this.#next);
      onNotice({ kind: 'skipped', from: this.#next, to: n - 1n });
    }
    this.#next = n + 1n;
  }

  #event(name: string, uid: string, ts: Micros, args: readonly Value[]): void {
    this.statistics.events += 1;
    this.#now = ts;
    const known = this.#flows.get(uid);
    if (known !== undefined) known.ts = ts;
    if (name.endsWith('conn_new')) this.#open(uid, ts, args);
    else if (known === undefined) return;
    else if (name.endsWith('conn_established'))
      this.#emit(known, { side: 'resp', start: 0, end: 0 }, { kind: 'connection-established' });
    else if (name.endsWith('data'))
      known.reader.data(
        args[1]?.kind === 'boolean' && args[1].value ? 'orig' : 'resp',
        Number(numberOf(args[2])),
        Buffer.from(textOf(args[3]), 'base64'),
      );
    else if (name.endsWith('conn_end')) {
      known.reader.end('orig', 'fin');
      known.reader.end('resp', 'fin');
      this.#flows.delete(uid);
      this.#emit(known, { side: 'orig', start: 0, end: 0 }, { kind: 'connection-end', how: 'fin' });
    }
  }

  #open(uid: string, ts: Micros, args: readonly Value[]): void {
    const endpoint = (ip: Value | undefined, port: Value | undefined) => ({
      ip: ip?.kind === 'address' ? ip.address : '',
      port: Number(numberOf(port)),
    });
    const flow: Flow = {
      id: `${this.#options.name}:${uid}` as FlowId,
      orig: endpoint(args[1], args[2]),
      resp: endpoint(args[3], args[4]),
      vlans: [],
      seenAt: this.#options.name,
      midstream: false,
    };
    const limits = { ...DEFAULT_LIMITS, ...this.#options.limits };
    const context = {
      flow,
      limits,
      emit: (span: Span, draft: EventDraft) => this.#emit(followed, span, draft),
    };
    const reader = selectParser(this.#options.hints, PARSERS).open(context, () => {});
    const followed: Followed = { flow, reader, ts };
    this.#flows.set(uid, followed);
    this.statistics.flows += 1;
    this.#emit(followed, { side: 'orig', start: 0, end: 0 }, { kind: 'connection-attempt' });
  }

  #emit({ flow, ts }: Followed, span: Span, draft: EventDraft): void {
    const time = Math.max(ts, this.#now);
    const at = { ...span, flow: flow.id, ts: time, capture: null, packets: [] };
    this.#options.onEvent({ ...draft, ts: time, flow, at } as Event);
  }
}

function headOf(value: Value | undefined): { epoch: string; n: bigint; ts: Micros; uid: string } | null {
  if (value?.kind !== 'vector' || value.items.length !== 4) return null;
  const [epoch, n, ts, uid] = value.items;
  return { epoch: textOf(epoch), n: numberOf(n), ts: Number(numberOf(ts)), uid: textOf(uid) };
}

function numberOf(value: Value | undefined): bigint {
  return value?.kind === 'count' ? value.value : 0n;
}

function textOf(value: Value | undefined): string {
  return value?.kind === 'string' ? value.text : '';
}
