// Draws a chain for a person: what was expected, what came. Enters: a chain; leaves: a plain tree.
import type { ChainView, FactOrigin, StepView } from '../verdict.ts';
import type { ChainState } from './chain-state.ts';
import { describeCardinality } from './plan.ts';
import type { Scope } from './scope.ts';
import { type Instance, instancesBelow, type Slot } from './state.ts';

/** The whole chain as a tree. */
export function viewOf(chain: ChainState): ChainView {
  return {
    ...chain.reference,
    keys: keysOf(chain.root),
    origins: originsOf(chain),
    tree: {
      step: chain.root.plan.request,
      expected: 'the user request',
      state: stateOf([chain.root]),
      seen: [seen(chain.root)],
      children: chain.root.slots.map(slotView),
    },
  };
}

function originsOf(scope: Scope): Record<string, FactOrigin> {
  return Object.fromEntries(
    scope.own.map(({ fact, value, source, evidence }) => [fact, { value, source, evidence }]),
  );
}

/** The keys of all its requests, each once, those of the user request first. */
function keysOf(root: Instance): readonly string[] {
  const keys = new Set<string>();
  const add = ({ ownKeys }: Instance): void => {
    for (let own = ownKeys; own !== null; own = own.next) keys.add(`${own.key}=${own.value}`);
  };
  for (const instance of instancesBelow(root)) add(instance);
  return [...keys];
}

function slotView(slot: Slot): StepView {
  return {
    step: slot.plan.request,
    expected: describeCardinality(slot.plan),
    state: slot.notes.overdue
      ? 'overdue'
      : slot.notes.denied !== null && slot.attempts.length === 0
        ? 'denied'
        : stateOf(slot.attempts),
    seen: slot.attempts.map(seen),
    children: slot.attempts.flatMap((attempt) => attempt.slots.map(slotView)),
  };
}

function stateOf(attempts: readonly Instance[]): StepView['state'] {
  const last = attempts.at(-1);
  if (last === undefined) return 'waiting';
  if (last.state === 'open') return 'open';
  return last.state === 'answered' ? 'answered' : 'failed';
}

function seen(instance: Instance): StepView['seen'][number] {
  return {
    request: instance.summary,
    ts: instance.ts,
    evidence: instance.evidence,
    answered: instance.answer,
    origins: instance.plan.owns.size === 0 ? {} : originsOf(instance.scope),
  };
}
