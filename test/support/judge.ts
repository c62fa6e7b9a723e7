// Runs events through an engine. Enters: events, a policy; leaves: what the engine said, in forms that tests compare.
import { createEngine, type Engine } from '../../src/engine.ts';
import type { Event } from '../../src/events/event.ts';
import type { PolicyDocument } from '../../src/policy/document.ts';
import type { ChainRecord, EngineOutput, Verdict } from '../../src/verdict.ts';

export interface Judged {
  readonly engine: Engine;
  readonly outputs: readonly EngineOutput[];
  readonly verdicts: readonly Verdict[];
  readonly drops: readonly Verdict[];
  readonly indeterminate: readonly Verdict[];
  readonly chains: readonly ChainRecord[];
}

/** Judges all events by one policy. */
export async function judge(
  policy: PolicyDocument,
  events: readonly Event[],
  containment: 'forward' | 'redirect' = 'forward',
): Promise<Judged> {
  const engine = await createEngine({ policies: [policy], containment });
  const outputs = feed(engine, events);
  const verdicts = outputs.flatMap((output) => (output.kind === 'verdict' ? [output.verdict] : []));
  return {
    engine,
    outputs,
    verdicts,
    drops: verdicts.filter(({ kind }) => kind === 'drop'),
    indeterminate: verdicts.filter(({ kind }) => kind === 'indeterminate'),
    chains: outputs.flatMap((output) => (output.kind === 'chain' ? [output.record] : [])),
  };
}

/** Takes events one after the other; gives all that is said of them. */
export const feed = (engine: Engine, events: readonly Event[]): EngineOutput[] =>
  events.flatMap((event) => [...engine.handle(event)]);

/** What is said, but for the names of the policies. */
export function plain(outputs: readonly EngineOutput[]): unknown[] {
  return outputs.map((output) => {
    if (output.kind === 'verdict') return { ...output.verdict, policy: '' };
    return output.kind === 'chain' ? { ...output.record, policies: [] } : output;
  });
}

/** `code: request (from to to)`, short enough to compare whole lists. */
export function brief(verdicts: readonly Verdict[]): string[] {
  return verdicts.map(
    ({ reasons, subject }) => `${reasons[0].code}: ${subject.request} (${subject.from} to ${subject.to})`,
  );
}
