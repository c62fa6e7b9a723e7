// Messages that go nowhere, and deliveries that nothing can bring. Enters: steps with their surroundings; leaves: problems.
import type { AmqpRequestDeclaration, PolicyDocument } from '../document.ts';
import type { PolicyProblem } from '../problem.ts';
import { problem } from './problem.ts';
import type { Placed } from './walk.ts';

type Action = AmqpRequestDeclaration['action'];
type Of<K extends Action['kind']> = AmqpRequestDeclaration & {
  readonly action: Extract<Action, { kind: K }>;
};

/** What is known of the queues of one broker. A topology that the policy does not declare is not known. */
export function* checkQueues(document: PolicyDocument, steps: readonly Placed[]): Generator<PolicyProblem> {
  const amqp = document.requests.filter((request) => request.protocol === 'amqp');
  const binds = of(amqp, 'bind-queue');
  const deliveries = of(amqp, 'deliver');
  const asked = [...of(amqp, 'consume'), ...of(amqp, 'get')];
  const used = new Set([...steps.map(({ request }) => request.id), ...document.outside]);

  for (const delivery of deliveries.filter(({ id }) => used.has(id))) {
    const { queue } = delivery.action;
    const may = asked.some(
      ({ from, to, action }) => from === delivery.to && to === delivery.from && action.queue === queue,
    );
    if (may) continue;
    yield problem(
      'unreachable-step',
      delivery,
      `"${delivery.to}" may neither consume nor get from queue "${queue}", so nothing is delivered to it`,
      `declare amqp.consume('${queue}'), as a rule in outside()`,
      'warning',
    );
  }
  for (const publish of of(amqp, 'publish').filter(({ id }) => used.has(id))) {
    const queues = queuesOf(publish, binds);
    const below = steps.flatMap(({ parent, request }) =>
      parent?.request.id === publish.id && request.protocol === 'amqp' && request.action.kind === 'deliver'
        ? [request.action.queue]
        : [],
    );
    const wrong = queues === null ? undefined : below.find((queue) => !queues.has(queue));
    if (wrong !== undefined) {
      yield problem(
        'unreachable-step',
        publish,
        `no declared binding leads a message of "${publish.id}" to queue "${wrong}"`,
        'declare the binding with amqp.bindQueue(), or correct the name',
        'warning',
      );
    }
    const consumed = deliveries.some(
      ({ from, action }) => from === publish.to && (queues === null || queues.has(action.queue)),
    );
    if (below.length > 0 || consumed) continue;
    yield problem(
      'unconsumed-queue',
      publish,
      `nobody gets the messages of "${publish.id}": no delivery of its queue is declared`,
      'declare amqp.deliver() below it, if one of these services consumes them',
      'warning',
    );
  }
  yield* checkCauses(steps, deliveries);
}

/** A delivery of a queue that a declared publish fills, in a chain of its own: what it causes is compared with nothing. */
function* checkCauses(
  steps: readonly Placed[],
  deliveries: readonly Of<'deliver'>[],
): Generator<PolicyProblem> {
  for (const { parent, request, step } of steps) {
    if (parent !== null || !deliveries.some(({ id }) => id === request.id)) continue;
    const publish = steps.find(
      (other) =>
        other.request.protocol === 'amqp' &&
        other.request.action.kind === 'publish' &&
        other.request.to === request.from,
    );
    if (publish === undefined) continue;
    yield problem(
      'unreachable-step',
      step,
      `"${request.id}" begins a chain, so nothing ties it to the request that published the message`,
      `put it below "${publish.request.id}", unless its messages come from outside`,
      'warning',
    );
  }
}

function of<K extends Action['kind']>(
  requests: readonly AmqpRequestDeclaration[],
  kind: K,
): readonly Of<K>[] {
  return requests.filter((request): request is Of<K> => request.action.kind === kind);
}

/** The queues that a message reaches; null when the policy does not say. */
function queuesOf(publish: Of<'publish'>, binds: readonly Of<'bind-queue'>[]): ReadonlySet<string> | null {
  const { exchange, routingKey } = publish.action;
  // The default exchange leads to the queue of that name (AMQP 0-9-1, section 3.1.3.1).
  if (exchange === '') return new Set([routingKey]);
  const own = binds.filter(({ to, action }) => to === publish.to && action.exchange === exchange);
  if (own.length === 0) return null;
  // Of a fanout or headers exchange the key says nothing, and the policy does not say which kind it is.
  const leading = own.filter(({ action }) => topicMatches(action.routingKey, routingKey));
  return new Set((leading.length === 0 ? own : leading).map(({ action }) => action.queue));
}

/** Topic patterns: `*` is one word, `#` any number of them. */
function topicMatches(pattern: string, key: string): boolean {
  const match = (wanted: readonly string[], words: readonly string[]): boolean => {
    const [first, ...rest] = wanted;
    if (first === undefined) return words.length === 0;
    if (first === '#') return match(rest, words) || (words.length > 0 && match(wanted, words.slice(1)));
    return words.length > 0 && (first === '*' || first === words[0]) && match(rest, words.slice(1));
  };
  return match(pattern.split('.'), key.split('.'));
}
