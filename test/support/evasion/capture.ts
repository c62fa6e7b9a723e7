// All variants in one capture, and what the engine makes of each. Enters: the corpus, a sensor's events; leaves: outcomes.
import dvdRental from '../../../policies/dvd-rental.ts';
import type { Event } from '../../../src/events/event.ts';
import type { PolicyDocument } from '../../../src/policy/document.ts';
import type { Verdict } from '../../../src/verdict.ts';
import { evasion } from '../../cases/evasion/policy.ts';
import { judge } from '../judge.ts';
import { pcapFile } from '../packets.ts';
import { amqpBytes } from './amqp-message.ts';
import type { Message, Variant } from './corpus.ts';
import { httpBytes } from './http-message.ts';
import { mysqlTurns, postgresTurns } from './sql-message.ts';
import { PLACES, PORTS_EACH, Stage, type Talk } from './stage.ts';

export const POLICIES: Readonly<Record<Variant['policy'], PolicyDocument>> = {
  'dvd-rental': dvdRental,
  evasion,
};

const FIRST_PORT = 10_000;
const START = 1_700_000_000_000_000;
/** Between variants, so that nothing of one is still waiting when the next begins. */
const APART = 1_000_000;

/** What a capture must have for the outcomes to be told apart. */
export interface CorpusCapture {
  readonly bytes: Uint8Array;
  /** When each variant's own messages begin. */
  readonly begins: readonly number[];
  /** The client port on which each speaks. */
  readonly ports: readonly number[];
}

/** Writes every variant, each on connections of its own. */
export function captureOf(variants: readonly Variant[]): CorpusCapture {
  const frames: Stage['frames'][number][] = [];
  const begins: number[] = [];
  const ports: number[] = [];
  for (const [index, variant] of variants.entries()) {
    const stage = new Stage(START + index * APART, FIRST_PORT + index * PORTS_EACH);
    const place = PLACES[variant.at];
    if (place === undefined) throw new Error(`${variant.name}: there is no place ${variant.at}`);
    const talk = place(stage);
    begins.push(stage.now);
    ports.push(talk.port);
    for (const turn of variant.turns) sayTurn(talk, turn, variant.name);
    talk.close();
    frames.push(...stage.frames);
  }
  return { bytes: pcapFile(frames.toSorted((a, b) => a.ts - b.ts)), begins, ports };
}

function sayTurn(talk: Talk, turn: Message, name: string): void {
  const sql =
    talk.line === 'postgres' ? postgresTurns(turn) : talk.line === 'mysql' ? mysqlTurns(turn) : null;
  if (sql !== null) {
    for (const [side, bytes] of sql) talk.say(side, bytes);
    return;
  }
  const bytes = amqpBytes(turn) ?? httpBytes(turn);
  if (bytes === null) throw new Error(`${name}: it says nothing`);
  talk.say(turn.side ?? 'client', bytes);
}

/** What the engine said of one variant. */
export interface Outcome {
  /** Of everything before it: an attack on a story that would not pass anyway proves nothing. */
  readonly before: readonly string[];
  /** `drop CODE` and `cannot-read CAUSE`, as they fell. */
  readonly denied: readonly string[];
  readonly passed: number;
  /** The sentences, for whoever reads a failure. */
  readonly said: readonly string[];
}

/** Judges each variant on its own: what one attack opens explains nothing in another. */
export async function outcomesOf(
  variants: readonly Variant[],
  capture: CorpusCapture,
  events: readonly Event[],
): Promise<readonly Outcome[]> {
  const mine: Event[][] = variants.map(() => []);
  const ends: Event[] = [];
  for (const event of events) {
    if (event.kind === 'source-end') ends.push(event);
    else mine[Math.floor((event.flow.orig.port - FIRST_PORT) / PORTS_EACH)]?.push(event);
  }
  const outcomes: Outcome[] = [];
  for (const [index, variant] of variants.entries()) {
    const { verdicts } = await judge(POLICIES[variant.policy], [...(mine[index] ?? []), ...ends]);
    const begin = capture.begins[index] ?? 0;
    const own = verdicts.filter(
      ({ subject, ts }) =>
        subject.flow.orig.port === capture.ports[index] && subject.what !== 'connection' && ts >= begin,
    );
    const before = verdicts.filter((verdict) => !own.includes(verdict) && verdict.kind !== 'pass');
    outcomes.push({
      before: before.map(({ reasons }) => reasons[0].text),
      denied: own.filter(({ kind }) => kind !== 'pass').map(nameOf),
      passed: own.filter(({ kind }) => kind === 'pass').length,
      said: own.map(({ reasons }) => reasons[0].text),
    });
  }
  return outcomes;
}

function nameOf({ kind, reasons, cannotTell }: Verdict): string {
  if (kind === 'drop') return `drop ${reasons[0].code}`;
  return cannotTell?.code === 'cannot-read' ? `cannot-read ${cannotTell.cause}` : 'consequence';
}
