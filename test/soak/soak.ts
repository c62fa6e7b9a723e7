// Judges a world and compares every verdict with the truth. Enters: how the world is; leaves: what went right and what wrong.
import policy from '../../policies/dvd-rental.ts';
import { createEngine, type EngineOptions } from '../../src/engine.ts';
import type { ChainRecord, Verdict } from '../../src/verdict.ts';
import type { Outcome, Rental } from './rental.ts';
import { type Attack, World, type WorldOptions } from './world.ts';

/** What became of one kind of attack. */
export interface KindTally {
  made: number;
  dropped: number;
  hidden: number;
}

export interface SoakReport {
  readonly options: WorldOptions;
  events: number;
  verdicts: number;
  /** Passes that more than one open chain could have explained. */
  ambiguous: number;
  /** Rentals, returns and sign-ups. */
  chains: number;
  seconds: number;
  /** The most open chains that were seen packed. */
  packed: number;
  attacks: number;
  dropped: number;
  /** Attacks that passed because an open rental explained them, by the reason. */
  readonly hidden: Map<string, number>;
  /** Honest requests that were dropped or taken for a consequence, because an attack had taken their place. */
  victims: number;
  /** Honest requests that were taken for what an honest service did, for the same user, because of an attack that was dropped. */
  mistaken: number;
  /** What honest services did with forged requests: named as a consequence, passed, or dropped. */
  readonly aftermath: Record<Verdict['kind'], number>;
  readonly kinds: Map<string, KindTally>;
  /** Whatever is not as it should be; a few of each. */
  readonly wrong: Map<string, string[]>;
  wrongs: number;
}

/** Events between two looks at the engine's statistics. */
const LOOKED_EVERY = 1000;
/** Examples of each wrong that are kept. */
const EXAMPLES = 5;
/** Verdicts on an attack come within this many microseconds after its request. */
const DECIDED = 100_000;
/** For so long an attack may hurt whoever has the same user or DVD as the rental whose place it took. */
const HURTS = 20_000_000;

/** Runs one world through one engine. */
export async function soak(
  options: WorldOptions,
  engineOptions: Pick<EngineOptions, 'unpackedChains'> = {},
): Promise<SoakReport> {
  const engine = await createEngine({ policies: [policy], containment: 'forward', ...engineOptions });
  const judge = new Judge(options);
  const started = process.hrtime.bigint();
  for (const event of new World(options, judge).events()) {
    judge.report.events++;
    for (const output of engine.handle(event)) {
      if (output.kind === 'verdict') judge.verdict(output.verdict);
      else if (output.kind === 'chain') judge.ended(output.record);
    }
    if (judge.report.events % LOOKED_EVERY === 0)
      judge.report.packed = Math.max(judge.report.packed, engine.statistics.chainsPacked);
    judge.pass(event.ts);
  }
  judge.finish();
  judge.report.seconds = Number(process.hrtime.bigint() - started) / 1e9;
  judge.report.ambiguous = engine.statistics.ambiguous;
  if (engine.statistics.chainsOpen > 0)
    judge.wrong('chains are open at the end', `${engine.statistics.chainsOpen}`);
  return judge.report;
}

/** An attack whose verdicts are awaited. */
interface Case {
  readonly attack: Attack | null;
  readonly verdicts: Verdict[];
}

class Judge {
  readonly report: SoakReport;
  readonly #expected = new Map<string, number>();
  readonly #cases = new Map<string, { attack: Attack | null; readonly verdicts: Verdict[] }>();
  readonly #waiting: { readonly name: string; readonly at: number }[] = [];
  /** Users and DVDs of rentals whose places attacks took, with the time. */
  readonly #endangered = new Map<string, number>();
  /** Users whom attacks were about, with the time. */
  readonly #targets = new Map<string, number>();
  /** Verdicts that dropped attacks or what followed from them. */
  readonly #dropped = new Set<string>();
  /** Honest verdicts that are in question until the oracle has spoken. */
  readonly #questioned: { readonly verdict: Verdict; readonly at: number }[] = [];
  #now = 0;

  constructor(options: WorldOptions) {
    this.report = {
      options,
      events: 0,
      verdicts: 0,
      ambiguous: 0,
      chains: 0,
      seconds: 0,
      packed: 0,
      attacks: 0,
      dropped: 0,
      hidden: new Map(),
      victims: 0,
      mistaken: 0,
      aftermath: { pass: 0, drop: 0, indeterminate: 0 },
      kinds: new Map(),
      wrong: new Map(),
      wrongs: 0,
    };
  }

  /** The world says how a chain will end. */
  expect(rental: Rental, outcome: Outcome): void {
    this.report.chains++;
    if (this.report.options.attackEvery !== null) return;
    const { kind, user, dvd, contract, amount } = rental;
    // Whose look-up of a DVD was whose may come to light only after one of two rentals has failed.
    const price = outcome === 'failed' ? '' : amount;
    const about = { rental: [user, dvd, contract, price], return: [user, dvd, contract], 'sign-up': [user] };
    this.#count([kind, outcome, ...about[kind]].join(' '), 1);
  }

  /** The world says what an attack was, and what explains it. */
  attacked(attack: Attack): void {
    this.report.attacks++;
    if (attack.user !== null) this.#targets.set(attack.user, this.#now);
    for (const { user, dvd } of attack.explaining) {
      this.#endangered.set(`user ${user}`, this.#now);
      this.#endangered.set(`dvd ${dvd}`, this.#now);
    }
    const found = this.#cases.get(attack.name);
    if (found === undefined) this.#cases.set(attack.name, { attack, verdicts: [] });
    else found.attack = attack;
    this.#waiting.push({ name: attack.name, at: this.#now + DECIDED });
  }

  verdict(verdict: Verdict): void {
    this.report.verdicts++;
    const sender = verdict.evidence[0]?.capture ?? '';
    if (sender.startsWith('attack')) {
      if (verdict.kind === 'drop') this.#dropped.add(verdict.id);
      const found = this.#cases.get(sender);
      if (found === undefined) this.#cases.set(sender, { attack: null, verdicts: [verdict] });
      else found.verdicts.push(verdict);
    } else if (sender.startsWith('aftermath')) {
      if (verdict.kind === 'drop') this.#dropped.add(verdict.id);
      if (verdict.subject.what === 'request') this.report.aftermath[verdict.kind]++;
    } else if (verdict.kind !== 'pass') {
      if (this.report.options.attackEvery === null) this.#wrongVerdict('honest, and not passed', verdict);
      else this.#questioned.push({ verdict, at: this.#now + DECIDED });
    }
  }

  /** The engine says how a chain ended. */
  ended({ root, outcome, facts }: ChainRecord): void {
    if (this.report.options.attackEvery !== null) return;
    const { user = '', dvd = '', contract = '', amount } = facts;
    const key = root.startsWith('POST /contracts')
      ? [
          'rental',
          outcome,
          user,
          dvd,
          contract,
          amount === undefined || outcome === 'failed' ? '' : Number(amount).toFixed(2),
        ]
      : root.startsWith('POST /returns')
        ? ['return', outcome, user, dvd, contract]
        : ['sign-up', outcome, user];
    this.#count(key.join(' '), -1);
  }

  /** What was decided long enough ago is compared with the truth. */
  pass(now: number): void {
    this.#now = now;
    while (this.#waiting[0] !== undefined && this.#waiting[0].at <= now)
      this.#close(this.#waiting.shift()?.name ?? '');
    while (this.#questioned[0] !== undefined && this.#questioned[0].at <= now) {
      const questioned = this.#questioned.shift();
      if (questioned !== undefined) this.#question(questioned.verdict);
    }
  }

  finish(): void {
    for (const { name } of this.#waiting.splice(0)) this.#close(name);
    for (const { verdict } of this.#questioned) this.#question(verdict);
    for (const [name, { attack }] of this.#cases)
      if (attack === null) this.wrong('verdict on an attack that was not made', name);
    for (const [key, count] of this.#expected)
      this.wrong(count > 0 ? 'chain did not end as it should' : 'chain ended as it should not', key);
  }

  wrong(what: string, example: string): void {
    this.report.wrongs++;
    const examples = this.report.wrong.get(what) ?? [];
    this.report.wrong.set(what, examples);
    if (examples.length < EXAMPLES) examples.push(example);
  }

  #close(name: string): void {
    const { attack, verdicts }: Case = this.#cases.get(name) ?? { attack: null, verdicts: [] };
    if (attack === null) return;
    this.#cases.delete(name);
    const tally = this.report.kinds.get(attack.kind.name) ?? { made: 0, dropped: 0, hidden: 0 };
    this.report.kinds.set(attack.kind.name, tally);
    tally.made++;
    if (verdicts.some(({ kind }) => kind === 'drop')) {
      tally.dropped++;
      this.report.dropped++;
      return;
    }
    const why = this.#whyHidden(attack, verdicts);
    if (why === null) {
      const [verdict] = verdicts.filter(({ subject }) => subject.what !== 'connection');
      if (verdict === undefined) this.wrong('attack without a verdict', `${name}: ${attack.kind.name}`);
      else this.#wrongVerdict(`attack, and not dropped: ${attack.kind.name}`, verdict);
      return;
    }
    tally.hidden++;
    this.report.hidden.set(why, (this.report.hidden.get(why) ?? 0) + 1);
  }

  #whyHidden({ explaining }: Attack, verdicts: readonly Verdict[]): string | null {
    const consequence = verdicts.find(({ cannotTell }) => cannotTell?.code === 'consequence');
    if (consequence?.cannotTell?.code === 'consequence' && this.#dropped.has(consequence.cannotTell.of))
      return 'it looks like what honest services do because of another attack, which was dropped';
    if (explaining.length === 0) return null;
    return explaining.some(({ trace }) => trace === null)
      ? 'an open rental without trace expects exactly this'
      : 'an open rental with a trace expects exactly this, and the forgery has its trace, or none';
  }

  #question(verdict: Verdict): void {
    const [, user, dvd] = / of (\S+) for dvd (\d+)$/.exec(verdict.evidence[0]?.capture ?? '') ?? [];
    const hurts = (at = Number.NEGATIVE_INFINITY): boolean => at + HURTS > verdict.ts;
    const { cannotTell } = verdict;
    const mistaken = cannotTell?.code === 'consequence' && this.#dropped.has(cannotTell.of);
    if ([`user ${user}`, `dvd ${dvd}`].some((key) => hurts(this.#endangered.get(key)))) this.report.victims++;
    else if (mistaken && hurts(this.#targets.get(user ?? ''))) this.report.mistaken++;
    else this.#wrongVerdict('honest, not passed, and no attack took its place', verdict);
  }

  #wrongVerdict(what: string, verdict: Verdict): void {
    const sender = verdict.evidence[0]?.capture;
    this.wrong(what, `${sender}: ${verdict.kind} ${verdict.subject.request}: ${verdict.reasons[0].text}`);
  }

  #count(key: string, by: 1 | -1): void {
    const left = (this.#expected.get(key) ?? 0) + by;
    if (left === 0) this.#expected.delete(key);
    else this.#expected.set(key, left);
  }
}
