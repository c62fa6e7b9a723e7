// Draws a chain for a person: what was expected, what came. Enters: a chain; leaves: a plain tree.
import type { ChainView, FactOrigin, StepView } from '../verdict.ts';
import { describeCardinality } from './plan.ts';
import type { ChainState, Instance, Slot } from './state.ts';

/** The whole chain as a tree. */
export function viewOf(chain: ChainState): ChainView {
  const origins: Record<string, FactOrigin> = {};
  for (const [name, { value, source, evidence }] of chain.facts) origins[name] = { value, source, evidence };
  return {
    ...chain.reference,
    keys: [...chain.keys].map(([key, value]) => `${key}=${value}`),
    origins,
    tree: {
      step: chain.root.plan.request,
      expected: 'the user request',
      state: stateOf([chain.root]),
      seen: [seen(chain.root)],
      children: chain.root.slots.map(slotView),
    },
  };
}

function slotView(slot: Slot): StepView {
  return {
    step: slot.plan.request,
    expected: describeCardinality(slot.plan),
    state: slot.overdue
      ? 'overdue'
      : slot.denied !== null && slot.attempts.length === 0
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
  };
}
