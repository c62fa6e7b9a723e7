// The whole engine. Enters: programs that say which events of captures come, changed how, in which order; leaves: verdicts, no open chain.
import policy from '../../../policies/dvd-rental.ts';
import { createEngine, type Engine } from '../../../src/engine.ts';
import type { Event, FlowEvent } from '../../../src/events/event.ts';
import type { Flow, FlowId } from '../../../src/flow.ts';
import { eventsOf } from '../../support/capture.ts';
import type { Input } from '../input.ts';
import { CAPTURES } from '../seeds.ts';
import { Mismatch, type Target } from '../target.ts';
import { weigh } from '../weigh.ts';
import { changeEvent } from './change-event.ts';

const DAY = 86_400_000_000;
/** Events that one input may give, so that a short program cannot run for long. */
const MOST = 400;
const MANY = 4000;
/** Of the first piece: requests are held until their verdict. */
const HELD = 1;
/** Of the first piece: it may run for long. */
const LONG = 2;

const SHIFTS = [-10_000_000, -1_000, 0, 1_000, 1_000_000, 10_000_000, 3_600_000_000, DAY];

/** Gives one engine the events that programs ask for. */
class Feeder {
  readonly #engine: Engine;
  readonly #stories: readonly (readonly FlowEvent[])[];
  readonly #flows = new Map<string, Flow>();
  readonly #run: number;
  #story: readonly FlowEvent[];
  #next = 0;
  #shift: number;
  #now = 0;
  #given = 0;
  readonly #most: number;
  made = 0;

  constructor(engine: Engine, stories: readonly (readonly FlowEvent[])[], run: number, most: number) {
    this.#most = most;
    this.#engine = engine;
    this.#stories = stories;
    this.#story = stories[0] ?? [];
    this.#run = run;
    this.#shift = run * 10 * DAY;
  }

  /** Four bytes are an instruction: what, and three operands. */
  program(bytes: Uint8Array): void {
    for (let at = 0; at + 4 <= bytes.length && this.#given < this.#most; at += 4) {
      const [what = 0, a = 0, b = 0, c = 0] = bytes.subarray(at, at + 4);
      this.#step(what % 11, a, b, c);
    }
  }

  #step(what: number, a: number, b: number, c: number): void {
    const event = this.#story[this.#next % this.#story.length];
    const far = this.#story[((a << 8) | b) % this.#story.length];
    if (event === undefined || far === undefined) return;
    switch (what) {
      case 0:
        for (let count = 0; count <= a % 32; count++)
          this.#give(this.#story[this.#next++ % this.#story.length] ?? event);
        return;
      case 1:
        this.#give(far);
        return;
      case 2:
        this.#next += 1 + (a % 8);
        return;
      case 3:
        this.#give(changeEvent(event, a, b, c));
        this.#next += 1;
        return;
      case 4:
        // The bytes of one flow on another.
        this.#give({ ...event, flow: far.flow });
        return;
      case 5: {
        const after = this.#story[(this.#next + 1) % this.#story.length] ?? event;
        this.#give(after);
        this.#give(event);
        this.#next += 2;
        return;
      }
      case 6:
        this.#now += 2 ** (a % 40);
        this.made += weigh(this.#engine.advance(this.#now));
        return;
      case 7:
        this.#shift += SHIFTS[a % SHIFTS.length] ?? 0;
        return;
      case 8:
        this.#story = this.#stories[a % this.#stories.length] ?? this.#story;
        this.#next = (b << 4) % this.#story.length;
        return;
      case 9:
        this.#give({ kind: 'connection-end', how: 'rst', ts: event.ts, flow: far.flow, at: event.at });
        return;
      default:
        for (let count = 0; count < 1 << (a % 7); count++) this.#give(event);
    }
  }

  #give(event: FlowEvent): void {
    if (this.#given++ > this.#most) return;
    const known = this.#flows.get(event.flow.id);
    // Flows of one run have names of their own, and times go on.
    const flow = known ?? { ...event.flow, id: `${this.#run}-${event.flow.id}` as FlowId };
    if (known === undefined) this.#flows.set(event.flow.id, flow);
    const ts = event.ts + this.#shift;
    this.#now = Math.max(this.#now, ts);
    const at = { ...event.at, flow: flow.id, ts };
    this.made += weigh(this.#engine.handle({ ...event, flow, at, ts } as Event));
  }

  /** All flows end, and so much time passes that nothing may be waited for. */
  end(): void {
    for (const flow of this.#flows.values()) {
      const at = {
        side: 'orig',
        start: 0,
        end: 0,
        flow: flow.id,
        ts: this.#now,
        capture: null,
        packets: [],
      } as const;
      this.made += weigh(
        this.#engine.handle({ kind: 'connection-end', how: 'fin', ts: this.#now, flow, at }),
      );
    }
    this.made += weigh(this.#engine.advance(this.#now + 2 * DAY));
  }

  finish(): void {
    this.made += weigh(this.#engine.handle({ kind: 'source-end', ts: this.#now + 2 * DAY, source: 'fuzz' }));
  }
}

export async function load(): Promise<Target> {
  const stories: FlowEvent[][] = [];
  for (const capture of CAPTURES.filter((_, index) => index % 3 === 0)) {
    const events = (await eventsOf(capture, policy)).filter((event) => event.kind !== 'source-end');
    stories.push(events.slice(0, 1500));
  }
  const make = (containment: 'forward' | 'redirect'): Promise<Engine> =>
    // One of them packs whatever it can.
    createEngine({
      policies: [policy],
      containment,
      ...(containment === 'redirect' ? { unpackedChains: 0 } : {}),
    });
  // Never replaced: what chains and flows leave behind shows in their memory.
  const lasting = [await make('forward'), await make('redirect')];
  let runs = 0;
  const straight = (story: number): Uint8Array =>
    Uint8Array.from([8, story, 0, 0, ...Array.from({ length: 30 }, () => [0, 31, 0, 0]).flat()]);
  return {
    name: 'engine',
    covers: ['engine', 'policy/', 'chain/', 'identity/'],
    tags: 4,
    longest: 1200,
    // An instruction of four bytes gives some dozens of events, each with a verdict and its evidence.
    expansion: 40_000,
    dictionary: [
      Uint8Array.of(0, 31, 0, 0),
      Uint8Array.of(3, 1, 1, 1),
      Uint8Array.of(6, 30, 0, 0),
      Uint8Array.of(10, 6, 0, 0),
      Uint8Array.of(7, 3, 0, 0),
    ],
    seeds: stories.flatMap((_, story) => [
      [{ tag: story % 8 === 0 ? LONG : 0, bytes: straight(story) }],
      [
        {
          tag: HELD,
          bytes: Uint8Array.from([
            ...straight(story).subarray(0, 40),
            ...[1, 2, 3, 4, 5, 7, 9, 10].flatMap((what) => [what, story, 7, 3]),
            0,
            20,
            0,
            0,
          ]),
        },
      ],
    ]),
    async run(input: Input) {
      const tag = input[0]?.tag ?? 0;
      const held = (tag & HELD) !== 0;
      const most = (tag & LONG) !== 0 ? MANY : MOST;
      const engine = await make(held ? 'redirect' : 'forward');
      const program = Buffer.concat(input.map(({ bytes }) => bytes));
      const once = new Feeder(engine, stories, 0, most);
      once.program(program);
      once.finish();
      if (engine.statistics.chainsOpen !== 0)
        throw new Mismatch('chains that the end of the source does not end');
      const long = lasting[held ? 1 : 0] as Engine;
      const again = new Feeder(long, stories, ++runs, most);
      again.program(program);
      again.end();
      if (long.statistics.chainsOpen !== 0) throw new Mismatch('chains that time does not end');
      return once.made;
    },
  };
}
