// Which parser reads a flow. Enters: declared ports, the flow, its first bytes; leaves: a parser, or why there is none.
import type { Protocol } from '../events/common.ts';
import { type Endpoint, formatEndpoint } from '../flow.ts';
import type { Expectation } from './detect/choose.ts';
import type { ParserContext, ParserFactory } from './parser.ts';
import { UndecidedReader } from './undecided.ts';

/** Declared services: `ip:port` (IPv6 in brackets) or `*:port`, and what they speak. */
export type Hints = ReadonlyMap<string, Protocol>;
export type ParserFactories = Readonly<Record<Protocol, ParserFactory>>;

/** Ports that usually speak a protocol. The content wins over them. */
const WELL_KNOWN: ReadonlyMap<number, Protocol> = new Map([
  ...[80, 591, 3000, 5000, 8000, 8008, 8080, 8081, 8088, 8888, 9080, 9200, 15672].map(
    (port): [number, Protocol] => [port, 'http'],
  ),
  [5672, 'amqp'],
  [5432, 'postgres'],
  [3306, 'mysql'],
]);

export interface Selector {
  /** What an endpoint should speak when it is the server; null when nothing is known of it. */
  expectation(server: Endpoint): Expectation | null;
  /** Begins to read a flow. `discard` is called when no parser will. */
  open(context: ParserContext, discard: () => void): UndecidedReader;
}

/** Selects by declared ports, then by content, then by well-known ports. */
export function selectParser(hints: Hints, factories: ParserFactories): Selector {
  const expectation = (server: Endpoint): Expectation | null => {
    const declared = hints.get(formatEndpoint(server)) ?? hints.get(`*:${server.port}`);
    if (declared !== undefined) return { protocol: declared, declared: true };
    const usual = WELL_KNOWN.get(server.port);
    return usual === undefined ? null : { protocol: usual, declared: false };
  };
  return {
    expectation,
    open: (context, discard) =>
      new UndecidedReader(context, expectation(context.flow.resp), factories, discard),
  };
}
