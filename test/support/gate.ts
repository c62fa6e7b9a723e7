// A gate with an engine and no sockets. Enters: a policy, bytes of both ends; leaves: bytes that were passed on, what was refused.
import { createEngine, type Engine } from '../../src/engine.ts';
import type { FlowEvent } from '../../src/events/event.ts';
import type { Side } from '../../src/flow.ts';
import type { Connection } from '../../src/gate/connection.ts';
import { Gate, type GateBounds, type GateReport } from '../../src/gate/gate.ts';
import type { Way } from '../../src/gate/way.ts';
import type { PolicyDocument } from '../../src/policy/document.ts';
import { hintsOf } from '../../src/policy/hints.ts';
import { judgedAnswers } from '../../src/policy/judged-answers.ts';
import type { SensorLimits } from '../../src/sensor/parser.ts';
import { PARSERS } from '../../src/sensor/parsers.ts';
import type { EngineOutput, Verdict } from '../../src/verdict.ts';

export interface PathOptions {
  readonly bounds?: Partial<GateBounds>;
  readonly limits?: Partial<SensorLimits>;
  /** True: the engine gets events only when `think` is called. */
  readonly slow?: boolean;
}

/** An engine in redirect, a gate before it, and a clock that tests move. */
export class Path {
  readonly gate: Gate;
  readonly verdicts: Verdict[] = [];
  readonly reports: GateReport[] = [];
  readonly #engine: Engine;
  readonly #waiting: FlowEvent[] = [];
  now = 1_700_000_000_000_000;

  private constructor(policy: PolicyDocument, engine: Engine, options: PathOptions) {
    this.#engine = engine;
    const judged = judgedAnswers(policy);
    let words = 0;
    this.gate = new Gate({
      name: 'gate',
      hints: hintsOf([policy]),
      parsers: PARSERS,
      ...(options.limits === undefined ? {} : { limits: options.limits }),
      ...(options.bounds === undefined ? {} : { bounds: options.bounds }),
      oracle: engine,
      isJudged: ({ step }) => step !== null && judged.has(step),
      wall: () => ++this.now,
      clock: () => this.now / 1000,
      word: () => `flowtap_refused_${++words}`,
      onEvent: (event) => {
        if (options.slow === true) this.#waiting.push(event);
        else this.#judge(event);
      },
      onReport: (report) => this.reports.push(report),
    });
  }

  static async of(policy: PolicyDocument, options: PathOptions = {}): Promise<Path> {
    const engine = await createEngine({ policies: [policy], containment: 'redirect' });
    return new Path(policy, engine, options);
  }

  /** Lets the engine handle the events that wait, those too that follow. */
  think(most = Number.POSITIVE_INFINITY): void {
    for (let count = 0; count < most; count++) {
      const event = this.#waiting.shift();
      if (event === undefined) return;
      this.#judge(event);
    }
  }

  /** Lets time pass (microseconds). */
  wait(time: number): void {
    this.now += time;
    this.#heed(null, this.#engine.advance(this.now));
    this.gate.tick();
  }

  connect(from: string, to: string): Talk {
    const talk = this.dial(from, to);
    if (talk.reached) talk.connection.connected();
    return talk;
  }

  /** As `connect`, but the server has not answered yet. */
  dial(from: string, to: string): Talk {
    const [ip = '', port = ''] = to.split(':');
    return new Talk(this.gate, from, { ip, port: Number(port) });
  }

  get refused(): string[] {
    return this.reports.map((report) => (report.kind === 'refused' ? report.how : report.kind));
  }

  #judge(event: FlowEvent): void {
    this.#heed(event, this.#engine.handle(event));
  }

  #heed(event: FlowEvent | null, outputs: readonly EngineOutput[]): void {
    const verdicts = outputs.flatMap((output) => (output.kind === 'verdict' ? [output.verdict] : []));
    this.verdicts.push(...verdicts);
    this.gate.heed(event, verdicts);
  }
}

let ports = 40_000;

/** One connection through the gate: what each end got. */
export class Talk implements Way {
  readonly connection: Connection;
  /** What the server got, and what the client got. */
  readonly #got: Record<Side, Buffer[]> = { orig: [], resp: [] };
  readonly ended: Record<Side, boolean> = { orig: false, resp: false };
  readonly paused: Record<Side, boolean> = { orig: false, resp: false };
  reached = false;
  wasReset = false;
  wasClosed = false;
  readonly #gate: Gate;

  constructor(gate: Gate, from: string, to: { readonly ip: string; readonly port: number }) {
    this.#gate = gate;
    const connection = gate.open({ ip: from, port: ++ports }, to, this);
    if (connection === null) throw new Error('too many connections');
    this.connection = connection;
  }

  /** The client says something; gives what the server has got so far. */
  client(...bytes: readonly (string | Uint8Array)[]): string {
    for (const each of bytes) this.#say('orig', each);
    return this.atServer;
  }

  /** The server says something; gives what the client has got so far. */
  server(...bytes: readonly (string | Uint8Array)[]): string {
    for (const each of bytes) this.#say('resp', each);
    return this.atClient;
  }

  /** All that the server got, as Latin-1. */
  get atServer(): string {
    return Buffer.concat(this.#got.orig).toString('latin1');
  }

  get atClient(): string {
    return Buffer.concat(this.#got.resp).toString('latin1');
  }

  connect(): void {
    this.reached = true;
  }

  write(side: Side, bytes: Uint8Array): void {
    this.#got[side].push(Buffer.from(bytes));
  }

  end(side: Side): void {
    this.ended[side] = true;
  }

  reset(): void {
    this.wasReset = true;
  }

  close(bytes: Uint8Array): void {
    this.wasClosed = true;
    this.write('resp', bytes);
  }

  pause(side: Side, on: boolean): void {
    this.paused[side] = on;
  }

  #say(side: Side, bytes: string | Uint8Array): void {
    const copy = typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : Buffer.from(bytes);
    this.connection.data(side, copy);
    this.#gate.bound(this.connection);
  }
}
