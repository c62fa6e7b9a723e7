// A gate with doors on loopback, in front of an engine. Enters: a policy, targets; leaves: ports to connect to, and what was refused.
import { createEngine, type Engine } from '../../src/engine.ts';
import type { FlowEvent } from '../../src/events/event.ts';
import type { Endpoint } from '../../src/flow.ts';
import { Gate, type GateBounds, type GateReport } from '../../src/gate/gate.ts';
import { type Doors, openDoors } from '../../src/gate/plain.ts';
import type { PolicyDocument } from '../../src/policy/document.ts';
import { hintsOf } from '../../src/policy/hints.ts';
import { judgedAnswers } from '../../src/policy/judged-answers.ts';
import { PARSERS } from '../../src/sensor/parsers.ts';
import type { EngineOutput, Verdict } from '../../src/verdict.ts';

const after = (ms: number, run: () => void): (() => void) => {
  const timer = setTimeout(run, ms);
  return () => clearTimeout(timer);
};
export const DOOR_OPTIONS = { idleMs: 60_000, after };

export class LoopbackGate {
  readonly gate: Gate;
  readonly verdicts: Verdict[] = [];
  readonly reports: GateReport[] = [];
  #doors: Doors | null = null;
  readonly #timer: NodeJS.Timeout;

  private constructor(policy: PolicyDocument, engine: Engine, bounds: Partial<GateBounds>) {
    const judged = judgedAnswers(policy);
    const tell = (event: FlowEvent | null, outputs: readonly EngineOutput[]): void => {
      const verdicts = outputs.flatMap((output) => (output.kind === 'verdict' ? [output.verdict] : []));
      this.verdicts.push(...verdicts.filter(({ kind }) => kind !== 'pass'));
      this.gate.heed(event, verdicts);
    };
    let words = 0;
    this.gate = new Gate({
      name: 'gate',
      hints: hintsOf([policy]),
      parsers: PARSERS,
      bounds,
      oracle: engine,
      isJudged: ({ step }) => step !== null && judged.has(step),
      wall: () => Date.now() * 1000,
      clock: () => performance.now(),
      word: () => `flowtap_refused_${++words}`,
      onEvent: (event) => tell(event, engine.handle(event)),
      onReport: (report) => this.reports.push(report),
    });
    this.#timer = setInterval(() => tell(null, engine.advance(Date.now() * 1000)), 2);
  }

  /** Opens a door on 127.0.0.1 for each target. */
  static async open(
    policy: PolicyDocument,
    targets: readonly Endpoint[],
    bounds: Partial<GateBounds> = {},
  ): Promise<LoopbackGate> {
    const engine = await createEngine({ policies: [policy], containment: 'redirect' });
    const path = new LoopbackGate(policy, engine, bounds);
    const doors = targets.map((to) => ({ listen: { ip: '127.0.0.1', port: 0 }, to }));
    path.#doors = await openDoors(path.gate, doors, DOOR_OPTIONS);
    return path;
  }

  /** Of the doors, in the order of the targets. */
  get ports(): readonly number[] {
    return this.#doors?.at.map(({ port }) => port) ?? [];
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#doors?.close();
  }
}
