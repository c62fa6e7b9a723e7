// Reading a client's stream in tests. Enters: a client; leaves: its items up to one that is waited for.
import type { BrokerClient } from '../../src/broker/client.ts';
import type { StreamItem } from '../../src/broker/item.ts';
import type { Value } from '../../src/broker/value/value.ts';

export type Items = AsyncGenerator<StreamItem, void, undefined>;
type Condition = (item: StreamItem) => boolean;

export const stream = (of: BrokerClient): Items => of[Symbol.asyncIterator]();

/** Items up to the first that is enough, with it; all of them when none is. */
export async function until(items: Items, enough: Condition): Promise<StreamItem[]> {
  const seen: StreamItem[] = [];
  for (;;) {
    const { value, done } = await items.next();
    if (done === true || value === undefined) return seen;
    seen.push(value);
    if (enough(value)) return seen;
  }
}

/** Items up to the n-th that is counted, with it. */
export function untilNth(items: Items, n: number, counted: Condition): Promise<StreamItem[]> {
  let count = 0;
  return until(items, (item) => {
    if (counted(item)) count += 1;
    return count === n;
  });
}

export const kind =
  (name: StreamItem['kind']): Condition =>
  (item) =>
    item.kind === name;

/** An event of the module of our test scripts. */
export const is =
  (name: string): Condition =>
  (item) =>
    item.kind === 'event' && item.name === `BrokerTest::${name}`;

/** The arguments of all such events. */
export function argsOf(items: readonly StreamItem[], name: string): (readonly Value[])[] {
  return items.flatMap((item) => (item.kind === 'event' && is(name)(item) ? [item.args] : []));
}

/** Kinds in order, without the attempts to connect, whose number depends on the machine. */
export function kinds(items: readonly StreamItem[]): string[] {
  return items.map((item) => item.kind).filter((name) => name !== 'reconnecting');
}
