// HTTP/1.x in the path. Enters: heads and events of its parser; leaves: what belongs together, and refusals in HTTP.
import type { EventDraft } from '../../events/event.ts';
import type { Side, Span } from '../../flow.ts';
import { elementsOf } from '../../sensor/http/head.ts';
import type { HttpHead } from '../../sensor/parser.ts';
import type { Verdict } from '../../verdict.ts';
import { Group, type Unit } from '../hold.ts';
import type { Hands, Keeper, Refusal } from '../keeper.ts';

interface Message extends Unit {
  readonly exchange: number | null;
  /** An answer that another one follows. */
  readonly interim: boolean;
  /** The connection goes on after it. */
  readonly persistent: boolean;
  readonly method: string | null;
}

const REFUSED = 'refused by policy\n';

export class HttpKeeper implements Keeper {
  readonly #hands: Hands;
  /** True for a verdict whose request has an answer that can be denied. */
  readonly #isJudged: (verdict: Verdict) => boolean;
  /** Exchanges whose answers are held until they are judged. */
  readonly #judged = new Set<number>();
  readonly #current: Record<Side, Message | null> = { orig: null, resp: null };
  /** The exchange whose answer is the next to go to the client. */
  #next = 1;
  /** The exchange whose answer is the last, since its request was refused while its body was on the way. */
  #last: number | null = null;

  constructor(hands: Hands, isJudged: (verdict: Verdict) => boolean) {
    this.#hands = hands;
    this.#isJudged = isJudged;
  }

  read(): void {
    // The parser says where messages begin and end.
  }

  head({ side, start, end, exchange, message, headers, ambiguous }: HttpHead, streams: boolean): void {
    const interim = message.kind === 'response' && message.status < 200 && message.status !== 101;
    const answerIsJudged = ambiguous || exchange === null || this.#judged.has(exchange);
    const group = new Group(message.kind === 'request' || (!interim && answerIsJudged));
    group.flowing = true;
    const persistent =
      message.kind === 'request' &&
      message.version === '1.1' &&
      !elementsOf(headers, 'connection').includes('close');
    const unit: Message = {
      start,
      end: null,
      group,
      exchange,
      interim,
      persistent,
      method: message.kind === 'request' ? message.method : null,
    };
    if (interim) unit.end = end;
    // The body may never come (RFC 9110 section 10.1.1), and then its place is another request's: nobody can tell.
    const asked = this.#current.orig;
    if (
      message.kind === 'response' &&
      message.status >= 400 &&
      asked?.end === null &&
      asked.exchange === exchange
    )
      this.#last = exchange;
    this.#current[side] = unit;
    this.#hands.add(side, unit);
    // Who waits for leave to send a body that is held here must get it from us (RFC 9110 section 10.1.1).
    const expects =
      message.kind === 'request' && !streams && elementsOf(headers, 'expect').includes('100-continue');
    if (expects && exchange === this.#next)
      this.#hands.insert('resp', Buffer.from('HTTP/1.1 100 Continue\r\n\r\n'));
  }

  ended(side: Side, end: number): void {
    const unit = this.#current[side];
    if (unit !== null && unit.end === null) unit.end = end;
  }

  groupOf(side: Side, _span: Span, draft: EventDraft): Group | null {
    const group = this.#current[side]?.group ?? null;
    if (group !== null && (draft.kind === 'http-request' || draft.kind === 'http-response'))
      group.open = false;
    return group;
  }

  admits(): boolean {
    return true;
  }

  judged(draft: EventDraft, _group: Group | null, verdict: Verdict | null): void {
    if (draft.kind === 'http-request' && verdict !== null && this.#isJudged(verdict))
      this.#judged.add(draft.exchange);
  }

  refuse(side: Side, unit: Message): Refusal {
    const whole = unit.end !== null;
    if (side === 'resp') {
      if (!whole || unit.interim) return 'reset';
      this.#hands.insert('resp', answer('502 Bad Gateway', null, false));
      return 'drop';
    }
    // Answers come in the order of their requests (RFC 9112 section 9.3.2).
    if (unit.exchange !== this.#next) return 'wait';
    if (whole && unit.persistent) {
      this.#hands.inject('resp', answer('403 Forbidden', unit.method, false));
      return 'drop';
    }
    this.#hands.close(answer('403 Forbidden', unit.method, true));
    return 'drop';
  }

  instead(): null {
    return null;
  }

  gone(side: Side, { exchange, interim }: Message): void {
    if (side === 'orig' || interim || exchange === null) return;
    this.#judged.delete(exchange);
    this.#next = exchange + 1;
    if (exchange === this.#last) this.#hands.close(Buffer.alloc(0));
  }
}

function answer(status: string, method: string | null, close: boolean): Buffer {
  const head = [
    `HTTP/1.1 ${status}`,
    'content-type: text/plain',
    `content-length: ${REFUSED.length}`,
    'cache-control: no-store',
    ...(close ? ['connection: close'] : []),
  ];
  const body = method === 'HEAD' ? '' : REFUSED;
  return Buffer.from(`${head.join('\r\n')}\r\n\r\n${body}`, 'latin1');
}
