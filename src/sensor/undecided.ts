// A flow's bytes until its protocol is known, and its parser from then on. Enters: stream bytes; leaves: the same to a parser.
import { assertNever } from '../errors.ts';
import type { Protocol } from '../events/common.ts';
import type { LostCause } from '../events/lost.ts';
import type { Side, Span } from '../flow.ts';
import { choose, type Expectation } from './detect/choose.ts';
import type { Finding } from './detect/guess.ts';
import type { ParserContext, StreamEnd, StreamParser } from './parser.ts';
import type { ParserFactories } from './select.ts';

/** Bytes of both sides that are kept while undecided. */
const MOST_BYTES = 1 << 15;
/** Calls that are kept while undecided: losses and pieces of one byte cost memory too. */
const MOST_CALLS = 1024;

type Call =
  | { readonly kind: 'data'; readonly side: Side; readonly offset: number; readonly bytes: Uint8Array }
  | { readonly kind: 'lost'; readonly side: Side; readonly offset: number; readonly length: number }
  | { readonly kind: 'end'; readonly side: Side; readonly how: StreamEnd };

/** The bytes of a side that may tell its protocol; `from` is the call that they begin with. */
interface Head {
  bytes: Uint8Array;
  from: number;
}

const NOTHING = new Uint8Array(0);

/** Holds a bounded number of bytes back until the protocol is sure. */
export class UndecidedReader {
  readonly #context: ParserContext;
  readonly #expected: Expectation | null;
  readonly #factories: ParserFactories;
  readonly #discard: () => void;
  readonly #heads: Readonly<Record<Side, Head>> = {
    orig: { bytes: NOTHING, from: 0 },
    resp: { bytes: NOTHING, from: 0 },
  };
  #calls: Call[] = [];
  #held = 0;
  /** The flow was under way, or bytes are missing before the heads. */
  #midstream: boolean;
  #parser: StreamParser | null = null;
  #refused = false;
  #ended = 0;

  constructor(
    context: ParserContext,
    expected: Expectation | null,
    factories: ParserFactories,
    discard: () => void,
  ) {
    this.#context = context;
    this.#expected = expected;
    this.#factories = factories;
    this.#discard = discard;
    this.#midstream = context.flow.midstream;
  }

  /** What is being parsed, or null while undecided or refused. */
  get protocol(): Protocol | null {
    return this.#parser?.protocol ?? null;
  }

  data(side: Side, offset: number, bytes: Uint8Array): void {
    if (this.#parser !== null) {
      this.#parser.data(side, offset, bytes);
      return;
    }
    if (this.#refused) return;
    const head = this.#heads[side];
    // Midstream any segment may be where a message begins, so each is looked at for itself.
    if (this.#midstream || head.bytes.length === 0) {
      head.bytes = bytes.slice();
      head.from = this.#calls.length;
    } else {
      head.bytes = new Uint8Array(Buffer.concat([head.bytes, bytes]));
    }
    this.#calls.push({ kind: 'data', side, offset, bytes: bytes.slice() });
    this.#held += bytes.length;
    this.#decide(this.#full());
  }

  /** Bytes that the source has seen and not handed on; before the protocol is sure, that is a loss. */
  elided(side: Side, offset: number, length: number): void {
    if (this.#parser === null) this.lost(side, offset, length);
    else this.#parser.elided(side, offset, length);
  }

  lost(side: Side, offset: number, length: number): void {
    if (this.#parser !== null) {
      this.#parser.lost(side, offset, length);
      return;
    }
    if (this.#refused) return;
    this.#midstream = true;
    this.#calls.push({ kind: 'lost', side, offset, length });
    if (this.#full()) this.#decide(true);
  }

  end(side: Side, how: StreamEnd): void {
    if (this.#parser !== null) {
      this.#parser.end(side, how);
      return;
    }
    if (this.#refused) return;
    this.#ended += 1;
    this.#calls.push({ kind: 'end', side, how });
    if (this.#ended === 2 && this.#calls.length > 2) this.#decide(true);
  }

  #full(): boolean {
    return this.#calls.length >= MOST_CALLS || this.#held >= MOST_BYTES;
  }

  #decide(final: boolean): void {
    const heads = { orig: this.#heads.orig.bytes, resp: this.#heads.resp.bytes };
    const choice = choose(heads, this.#expected, this.#midstream, final);
    switch (choice.kind) {
      case 'wait':
        return;
      case 'refuse':
        this.#refuse(choice.finding);
        return;
      case 'parse': {
        const skip = this.#midstream && choice.by !== null ? this.#heads[choice.by].from : 0;
        this.#begin(choice.protocol, skip);
        return;
      }
      default:
        assertNever(choice);
    }
  }

  /** Gives the parser all that was held back, but for the first `skip` calls, which are of no known message. */
  #begin(protocol: Protocol, skip: number): void {
    const calls = this.#calls;
    this.#calls = [];
    const span = spanOf(calls.slice(0, skip));
    if (span !== null) {
      this.#context.emit(span, {
        kind: 'analysis-lost',
        cause: 'midstream',
        protocol,
        detail: 'bytes before the first message that can be recognised',
        lasting: false,
      });
    }
    const parser = this.#factories[protocol](this.#context);
    this.#parser = parser;
    for (const [index, call] of calls.entries()) {
      // A side may have ended before the other said anything.
      if (index < skip && call.kind !== 'end') continue;
      if (call.kind === 'data') parser.data(call.side, call.offset, call.bytes);
      else if (call.kind === 'lost') parser.lost(call.side, call.offset, call.length);
      else parser.end(call.side, call.how);
    }
  }

  #refuse(finding: Finding): void {
    const span = spanOf(this.#calls) ?? { side: 'orig', start: 0, end: 0 };
    this.#refused = true;
    this.#calls = [];
    const { cause, detail } = explain(finding, this.#expected);
    const protocol = this.#expected?.protocol ?? null;
    this.#context.emit(span, { kind: 'analysis-lost', cause, protocol, detail, lasting: true });
    this.#discard();
  }
}

const NAMES: Readonly<Record<Protocol, string>> = {
  http: 'HTTP',
  amqp: 'AMQP 0-9-1',
  postgres: 'PostgreSQL',
  mysql: 'MySQL',
};

function explain(finding: Finding, expected: Expectation | null): { cause: LostCause; detail: string } {
  const declared = expected?.declared === true ? NAMES[expected.protocol] : null;
  const what = declared === null ? '' : ` where ${declared} is declared`;
  const cause = declared === null ? 'unknown-protocol' : 'other-protocol';
  switch (finding.kind) {
    case 'foreign':
      return { cause: finding.cause ?? cause, detail: `looks like ${finding.name}${what}` };
    case 'protocol':
      return { cause, detail: `looks like ${NAMES[finding.protocol]}${what}` };
    case 'more':
    case 'none':
      return { cause, detail: declared === null ? 'no protocol that we know' : `not ${declared}` };
    default:
      return assertNever(finding);
  }
}

/** The bytes of the side that spoke first. */
function spanOf(calls: readonly Call[]): Span | null {
  const first = calls.find((call) => call.kind === 'data');
  if (first === undefined) return null;
  const last = calls.findLast((call) => call.kind === 'data' && call.side === first.side) ?? first;
  const length = last.kind === 'data' ? last.bytes.length : 0;
  return { side: first.side, start: first.offset, end: last.kind === 'end' ? 0 : last.offset + length };
}
