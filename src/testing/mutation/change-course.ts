// Mutants that come at another time, more or less often, or from somebody else. Enters: an honest request; leaves: mutants.
import type { FlowEvent } from '../../events/event.ts';
import type { Micros } from '../../flow.ts';
import type { PolicyDocument } from '../../policy/document.ts';
import { StoryAddresses } from '../story-addresses.ts';
import { extentOf, type Honest, type HonestRequest, spanOf } from './honest.ts';
import type { Mutant } from './mutant.ts';
import { again, fromElsewhere, Timeline } from './timeline.ts';

/** Changes its place with what came before it, goes before its cause, or comes after its cause was answered. */
export function changeOrder(
  policy: PolicyDocument,
  { events }: Honest,
  request: HonestRequest,
): readonly Mutant[] {
  const { parent } = request;
  if (parent === null) return [];
  const { answer } = parent;
  const own = spanOf(request);
  const base = (): Timeline => Timeline.of(events);
  // So far apart that neither late arrival nor clocks excuse it.
  const gap: Micros = 2 * (policy.limits.reorder + policy.limits.skew);
  const mutants: Mutant[] = [
    {
      kind: 'order',
      of: request,
      what: `it comes before its cause, ${parent.request}`,
      way: { kind: 'before-cause' },
      timeline: () => base().moveBefore(own, parent.index, gap),
    },
  ];
  if (answer !== null && !own.includes(answer)) {
    mutants.push({
      kind: 'order',
      of: request,
      what: `it comes after ${parent.request} was answered`,
      way: { kind: 'after-answer' },
      timeline: () => base().moveBehind(own, answer, gap),
    });
  }
  const before = parent.children.findLast((other) => (spanOf(other).at(-1) ?? 0) < request.index);
  const first = before === undefined ? undefined : spanOf(before)[0];
  if (before !== undefined && first !== undefined) {
    const what = `it comes before ${before.request}`;
    mutants.push(
      {
        kind: 'order',
        of: request,
        what,
        way: { kind: 'swapped', before },
        timeline: () => base().moveBefore(own, first, gap),
      },
      {
        kind: 'order',
        of: request,
        what: `${what}, hardly earlier`,
        way: { kind: 'swapped-in-window', before },
        timeline: () =>
          base()
            .moveBefore(own, first, null)
            .hurry([...own, ...spanOf(before)]),
      },
    );
  }
  return mutants;
}

/** Comes twice, with all that it causes; or not at all. */
export function changeCount({ events }: Honest, request: HonestRequest): readonly Mutant[] {
  const own = extentOf(request);
  const last = own.at(-1) ?? request.index;
  const base = (): Timeline => Timeline.of(events);
  const copies = again(own.flatMap((index) => events[index] ?? []));
  const twice: Mutant = {
    kind: 'count',
    of: request,
    what: 'it comes twice, byte for byte, with all that it causes',
    way: { kind: 'twice' },
    timeline: () => base().insertBehind(copies, last),
  };
  // Nobody misses a user request that was never made, or one that may come at any time.
  if (request.parent === null) return [twice];
  const leftOut: Mutant = {
    kind: 'count',
    of: request,
    what: 'it does not come, nor what it causes',
    way: { kind: 'left-out' },
    timeline: () => base().without(own),
  };
  return [twice, leftOut];
}

/** Is made by each of the other principals; its answer goes there, too. */
export function changeSource(
  policy: PolicyDocument,
  { events }: Honest,
  request: HonestRequest,
): readonly Mutant[] {
  const { event } = request;
  // A broker delivers on the consumer's connection: no other service can make it do so.
  if (event.at.side === 'resp') return [];
  const addresses = new StoryAddresses(policy);
  const answer = request.answer === null ? undefined : events[request.answer];
  const others: readonly FlowEvent[] = answer === undefined || answer.kind === 'source-end' ? [] : [answer];
  return policy.services
    .filter(({ name }) => name !== request.from && name !== request.to)
    .map(({ name }) => {
      const timeline = (): Timeline => {
        const [first = [], ...rest] = fromElsewhere(event, addresses.of(name), others);
        return rest.reduce(
          (moved, events) => (request.answer === null ? moved : moved.replace(request.answer, ...events)),
          Timeline.of(events).replace(request.index, ...first),
        );
      };
      return {
        kind: 'source',
        of: request,
        what: `it comes from ${name}`,
        way: { kind: 'elsewhere', by: name },
        timeline,
      };
    });
}
