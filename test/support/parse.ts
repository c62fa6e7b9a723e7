// Feeds bytes to a protocol parser without packets. Enters: chunks by side; leaves: the drafts that it emitted.
import type { EventDraft } from '../../src/events/event.ts';
import type { Flow, FlowId, Side, Span } from '../../src/flow.ts';
import {
  DEFAULT_LIMITS,
  type ParserFactory,
  type SensorLimits,
  type StreamParser,
} from '../../src/sensor/parser.ts';

export type Emitted = EventDraft & { readonly span: Span };

export interface ParseOptions {
  readonly midstream?: boolean;
  readonly limits?: Partial<SensorLimits>;
}

/** A connection in the making. */
export class Parse {
  readonly emitted: Emitted[] = [];
  readonly #parser: StreamParser;
  readonly #offsets = { orig: 0, resp: 0 };

  constructor(factory: ParserFactory, { midstream = false, limits = {} }: ParseOptions = {}) {
    const flow: Flow = {
      id: 'f' as FlowId,
      orig: { ip: '192.0.2.1', port: 40_000 },
      resp: { ip: '192.0.2.2', port: 80 },
      vlans: [],
      seenAt: 'test',
      midstream,
    };
    this.#parser = factory({
      flow,
      limits: { ...DEFAULT_LIMITS, ...limits },
      emit: (span, draft) => this.emitted.push({ ...draft, span }),
    });
  }

  /** Sends bytes; a text is Latin-1. `size` cuts them into chunks of that many bytes. */
  send(side: Side, data: string | Uint8Array, size = Number.POSITIVE_INFINITY): this {
    const bytes = typeof data === 'string' ? Buffer.from(data, 'latin1') : data;
    for (let at = 0; at < bytes.length; at += size) {
      // A copy that is wiped afterwards: a parser that keeps what it was lent is found out.
      const chunk = Uint8Array.from(bytes.subarray(at, at + size));
      this.#parser.data(side, this.#offsets[side], chunk);
      this.#offsets[side] += chunk.length;
      chunk.fill(0x2e);
    }
    return this;
  }

  lose(side: Side, length: number): this {
    this.#parser.lost(side, this.#offsets[side], length);
    this.#offsets[side] += length;
    return this;
  }

  end(how: 'fin' | 'rst' | 'capture-end' = 'fin'): Emitted[] {
    this.#parser.end('orig', how);
    this.#parser.end('resp', how);
    return this.emitted;
  }
}

/** Emitted drafts of one kind. */
export function only<K extends EventDraft['kind']>(
  emitted: readonly Emitted[],
  kind: K,
): (Emitted & { kind: K })[] {
  return emitted.filter((each): each is Emitted & { kind: K } => each.kind === kind);
}

/** A body or message as text. */
export function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('latin1');
}
