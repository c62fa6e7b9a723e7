// Policies that are replaced while traffic goes on. Enters: random stories, a moment; leaves: verdicts before and after it.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import dvdRental from '../../policies/dvd-rental.ts';
import { createEngine, type Engine } from '../../src/engine.ts';
import type { Event } from '../../src/events/event.ts';
import type { FlowId } from '../../src/flow.ts';
import { compile } from '../../src/policy/compile.ts';
import type { PolicyDocument, StepDeclaration } from '../../src/policy/document.ts';
import { type Entry, type FlowTail, pack, unpack } from '../../src/policy/journal/entry.ts';
import type { EngineOutput, Verdict } from '../../src/verdict.ts';
import { AT, DvdRental, rental } from '../support/dvd-rental.ts';
import { feed, plain } from '../support/judge.ts';

const MIB = 1024 ** 2;
/** Says the same in another document. */
const EQUAL: PolicyDocument = { ...dvdRental, limits: { ...dvdRental.limits, chains: 99_999 } };

type Course = 'honest' | 'traced' | 'bills-another' | 'acks-early' | 'fails' | 'ships-elsewhere' | 'lingers';
const HONEST: readonly Course[] = ['honest', 'traced', 'fails', 'lingers'];
const ALL: readonly Course[] = [...HONEST, 'honest', 'bills-another', 'acks-early', 'ships-elsewhere'];

/** What one rental does, piece by piece. */
function* course(told: DvdRental, n: number, how: Course): Generator<void> {
  const trace = how === 'traced' ? n.toString(16).padStart(32, 'a') : null;
  const mine = rental({ user: `user${n % 3}`, dvd: (n % 2) + 1, contract: `c-${n}`, trace });
  const other = { ...mine, user: 'mallory' };
  const answer = told.ask(mine);
  yield;
  told.lookUp(mine);
  yield;
  const billed = told.bill(how === 'bills-another' ? other : mine);
  yield;
  told.debit(mine);
  yield;
  billed(how === 'fails' ? 500 : 200);
  yield;
  if (how === 'fails') return answer(500);
  told.publish(mine);
  yield;
  answer();
  yield;
  if (how === 'lingers') return;
  if (how === 'ships-elsewhere') told.story.connect(AT.shipping, `${AT.userDb}:5432`).close();
  const tag = told.deliver(mine);
  yield;
  if (how !== 'acks-early') told.ship(mine);
  yield;
  told.markRented(mine);
  yield;
  told.ack(tag);
}

interface Told {
  readonly courses: readonly Course[];
  readonly choices: readonly number[];
}

/** Several rentals at once; `choices` says whose turn it is. */
function tell({ courses, choices }: Told): readonly Event[] {
  const told = new DvdRental();
  const running = courses.map((how, n) => course(told, n, how));
  for (const choice of choices) {
    const turn = running[choice % Math.max(1, running.length)];
    if (turn === undefined) break;
    if (turn.next().done === true) running.splice(running.indexOf(turn), 1);
    if (choice % 7 === 0) told.story.wait(15_000);
  }
  return told.story.end();
}

const story = (courses: readonly Course[]) =>
  fc.record({
    courses: fc.array(fc.constantFrom(...courses), { minLength: 2, maxLength: 5, size: 'max' }),
    choices: fc.array(fc.nat(1000), { minLength: 10, maxLength: 60, size: 'max' }),
  });
const moment = fc.integer({ min: 20, max: 95 }).map((percent) => percent / 100);

function make(policy: PolicyDocument, journal = 64 * MIB): Promise<Engine> {
  return createEngine({ policies: [policy], containment: 'forward', journal });
}

const verdictsOf = (outputs: readonly EngineOutput[]): readonly Verdict[] =>
  outputs.flatMap((output) => (output.kind === 'verdict' ? [output.verdict] : []));

describe('a policy that is replaced by one that says the same', () => {
  it('says nothing, cuts nothing, and changes no later verdict', async () => {
    let later = 0;
    let open = 0;
    await fc.assert(
      fc.asyncProperty(story(ALL), moment, async (told, at) => {
        const events = tell(told);
        const cut = Math.floor(at * events.length);
        const [steady, replaced] = [await make(dvdRental), await make(dvdRental)];
        feed(steady, events.slice(0, cut));
        feed(replaced, events.slice(0, cut));
        const { outputs, changes } = replaced.replace([EQUAL]);
        expect(outputs).toEqual([]);
        expect(changes).toMatchObject([{ chains: { ended: 0, unknown: 0 } }]);
        expect(changes[0]?.chains.continued).toBe(steady.statistics.chainsOpen);
        open += steady.statistics.chainsOpen;
        const [before, after] = [feed(steady, events.slice(cut)), feed(replaced, events.slice(cut))];
        later += after.length;
        expect(plain(after)).toEqual(plain(before));
        const { journal: _, ...counted } = replaced.statistics;
        const { journal: __, ...wanted } = steady.statistics;
        expect(counted).toEqual(wanted);
      }),
      {
        numRuns: 100,
        // A charge that was taken for the one of another rental, which has failed since.
        examples: [
          [
            {
              courses: ['fails', 'honest', 'honest', 'honest'],
              choices: [487, 295, 0, 0, 0, 0, 0, 0, 0, 0, 0, 283, 0, 137],
            },
            0.68,
          ],
        ],
      },
    );
    expect(later).toBeGreaterThan(1000);
    expect(open).toBeGreaterThan(100);
  });

  it('can be replaced again and again', async () => {
    await fc.assert(
      fc.asyncProperty(story(ALL), async (told) => {
        const events = tell(told);
        const [steady, replaced] = [await make(dvdRental), await make(dvdRental)];
        const wanted = feed(steady, events);
        const said = events.flatMap((event, i) => [
          ...(i % 5 === 4 ? replaced.replace([i % 2 === 0 ? EQUAL : dvdRental]).outputs : []),
          ...replaced.handle(event),
        ]);
        expect(plain(said)).toEqual(plain(wanted));
      }),
      { numRuns: 40 },
    );
  });
});

/** The policy without these requests, wherever they stand. */
function without(ids: ReadonlySet<string>): PolicyDocument {
  const prune = (step: StepDeclaration): StepDeclaration => ({
    ...step,
    children: step.children.filter(({ request }) => !ids.has(request)).map(prune),
  });
  return {
    ...dvdRental,
    requests: dvdRental.requests.filter(({ id }) => !ids.has(id)),
    chains: dvdRental.chains.map((chain) => ({ ...chain, root: prune(chain.root) })),
  };
}

/** A request and all that it causes. */
function branch(id: string): ReadonlySet<string> {
  const ids = new Set<string>();
  const walk = (step: StepDeclaration, inside: boolean): void => {
    const here = inside || step.request === id;
    if (here) ids.add(step.request);
    for (const child of step.children) walk(child, here);
  };
  for (const { root } of dvdRental.chains) walk(root, false);
  return ids;
}

const RULES = [
  'GET /dvds/:dvd',
  'select dvds',
  'POST /users/:user/charge',
  'update users',
  'insert charges',
  'publish rentals/rental.created',
  'POST /shipments',
  'mark rented',
];

describe('a policy that is replaced by one without a rule', () => {
  it('cuts exactly the open flows whose connections or whose requests of open chains used it', async () => {
    let cuts = 0;
    await fc.assert(
      fc.asyncProperty(story(HONEST), moment, fc.constantFrom(...RULES), async (told, at, rule) => {
        const events = tell(told);
        const ids = branch(rule);
        expect([...ids]).toContain(rule);
        const policy = without(ids);
        const engine = await make(dvdRental);
        const past = events.slice(0, Math.floor(at * events.length));
        const said = feed(engine, past);
        // Rentals of one film at once may be taken for one another; then not all is passed by a chain.
        fc.pre(verdictsOf(said).every(({ kind }) => kind === 'pass'));
        const ended = new Set(said.flatMap((each) => (each.kind === 'chain' ? [each.record.id] : [])));
        const closed = new Set(
          past.flatMap((each) => (each.kind === 'connection-end' ? [each.flow.id] : [])),
        );
        const compiled = compile(policy);
        const expected = new Set<FlowId>();
        for (const { kind, subject, step, chain, reasons } of verdictsOf(said)) {
          if (kind !== 'pass' || closed.has(subject.flow.id)) continue;
          if (reasons[0].code === 'connection-declared') {
            const protocol = compiled.protocolAt(subject.to, subject.flow.resp.port);
            if (protocol === null || !compiled.mayConnect(subject.from, subject.to, protocol))
              expected.add(subject.flow.id);
          } else if (step !== null && ids.has(step) && chain !== null && !ended.has(chain.id))
            expected.add(subject.flow.id);
        }
        const { outputs } = engine.replace([policy]);
        // What waited falls as it would have, and is no matter of what passed before.
        const fallen = new Set(
          verdictsOf(outputs).flatMap(({ id, reasons }) =>
            reasons.at(-1)?.code === 'policy-replaced' ? [id] : [],
          ),
        );
        const blocked = outputs.flatMap((each) =>
          each.kind === 'block' && fallen.has(each.block.verdict) ? [each.block.flow.id] : [],
        );
        cuts += expected.size;
        expect(new Set(blocked)).toEqual(expected);
        const before = new Set(verdictsOf(said).map(({ evidence }) => JSON.stringify(evidence[0])));
        for (const { reasons, action, policy: hash, evidence } of verdictsOf(outputs)) {
          if (!before.has(JSON.stringify(evidence[0]))) continue;
          expect(action === 'block' || action === 'observe').toBe(true);
          expect(reasons.at(-1)).toMatchObject({
            code: 'policy-replaced',
            text: expect.stringMatching(/^The policy was replaced \([0-9a-f]{16} by [0-9a-f]{16}\)/),
          });
          expect(hash).toBe(compiled.hash);
        }
        const names = [...verdictsOf(said), ...verdictsOf(outputs)].map(({ id }) => id);
        expect(new Set(names).size).toBe(names.length);
      }),
      { numRuns: 120 },
    );
    expect(cuts).toBeGreaterThan(100);
  });
});

describe('what is kept to be judged again', () => {
  it('comes out of the journal as it went in', () => {
    const told = new DvdRental();
    told.rent(rental({ trace: 'a'.repeat(32) }));
    for (const event of told.story.end()) {
      if (event.kind === 'source-end') continue;
      const tail = { flow: event.flow } as FlowTail;
      expect(unpack({ packed: pack(event), tail } as Entry)).toEqual(event);
    }
  });

  it('goes with the chains that it belongs to', async () => {
    const engine = await make(dvdRental);
    const told = new DvdRental();
    for (let n = 0; n < 3000; n++) told.rent(rental({ contract: `c-${n}`, user: `u${n}`, dvd: n }));
    const { events } = told.story;
    let most = 0;
    for (const event of events) {
      engine.handle(event);
      most = Math.max(most, engine.statistics.journal?.entries ?? 0);
    }
    expect(events.length).toBeGreaterThan(60_000);
    expect(most).toBeLessThan(1000);
  });

  it('is bounded: what only a chain could explain whose events were given up cannot be told', async () => {
    const engine = await make(dvdRental, 1000);
    const told = new DvdRental();
    const mine = rental();
    const answer = told.ask(mine);
    told.lookUp(mine);
    const cut = told.story.events.length;
    const other = told.bill(rental({ user: 'bob' }));
    told.story.wait(50_000);
    const billed = told.bill(mine);
    told.story.wait(50_000);
    other();
    billed();
    answer();
    const events = told.story.end();
    feed(engine, events.slice(0, cut));
    expect(engine.statistics.journal?.chainsEvicted).toBeGreaterThan(0);
    const { outputs, changes } = engine.replace([EQUAL]);
    expect(changes).toMatchObject([{ chains: { continued: 0, ended: 0, unknown: 1 } }]);
    expect(outputs).toMatchObject([{ kind: 'chain', record: { id: 'c1', outcome: 'abandoned' } }]);
    const later = verdictsOf(feed(engine, events.slice(cut))).filter(
      ({ subject }) => subject.what === 'request',
    );
    const brief = later.map(({ subject, kind, cannotTell, action }) => [
      subject.request,
      kind,
      cannotTell,
      action,
    ]);
    expect(brief).toEqual([
      ['POST /users/bob/charge', 'drop', null, 'block'],
      ['POST /users/alice/charge', 'indeterminate', { code: 'cannot-read', cause: 'evicted' }, 'none'],
    ]);
  });

  it('remembers of chains beyond a thousand whose events were given up only that the youngest is open', async () => {
    const engine = await make(dvdRental, 1000);
    const told = new DvdRental();
    const asked = (n: number): void => void told.ask(rental({ user: `u${n}`, contract: `c-${n}` }));
    for (let n = 0; n < 1005; n++) asked(n);
    const half = dvdRental.limits.chain / 2;
    told.story.wait(half);
    asked(1005);
    const said = verdictsOf(feed(engine, told.story.events));
    expect(said.filter(({ kind }) => kind !== 'pass')).toEqual([]);
    const { outputs, changes } = engine.replace([EQUAL]);
    expect(changes).toMatchObject([{ chains: { continued: 0, ended: 0, unknown: 1006 } }]);
    expect(outputs.every((output) => output.kind === 'chain' && output.record.outcome === 'abandoned')).toBe(
      true,
    );
    const billed = (users: readonly string[]): readonly string[] => {
      const seen = told.story.events.length;
      for (const user of users)
        told.bill(rental({ user }), told.story.connect(AT.contracts, `${AT.users}:8080`));
      const said = feed(engine, told.story.events.slice(seen));
      said.push(...engine.advance(told.story.now + 50_000));
      return verdictsOf(said)
        .filter(({ subject }) => subject.what === 'request')
        .map(({ subject, kind, reasons }) => `${kind} ${reasons[0].code} ${subject.request}`);
    };
    // Nobody is denied what one of them could explain, as long as the youngest of them may be open.
    const unclear = ['u3', 'u1004', 'bob'].map(
      (user) => `indeterminate cannot-read POST /users/${user}/charge`,
    );
    expect(billed(['u3', 'u1004', 'bob'])).toEqual(unclear);
    told.story.wait(half + 1_000_000);
    expect(billed(['u3', 'u1004', 'bob'])).toEqual(unclear);
    told.story.wait(half);
    expect(billed(['u3', 'bob'])).toEqual([
      'drop no-open-chain POST /users/u3/charge',
      'drop no-open-chain POST /users/bob/charge',
    ]);
  });

  it('knows of transactions that are open, and of what was rolled back', async () => {
    const run = async (replaced: boolean, cut: number): Promise<readonly string[]> => {
      const engine = await make(dvdRental);
      const told = new DvdRental();
      const mine = rental();
      const debit = (): void => {
        const text =
          'UPDATE users SET balance = balance - $1 WHERE name = $2 AND balance >= $1 RETURNING balance';
        told.toUserDb.sql('postgres', text, [mine.amount, mine.user])([{ balance: '96.50' }]);
      };
      told.ask(mine);
      told.lookUp(mine);
      told.bill(mine);
      told.toUserDb.sql('postgres', 'BEGIN')();
      debit();
      told.toUserDb.sql('postgres', 'ROLLBACK')();
      told.toUserDb.sql('postgres', 'BEGIN')();
      debit();
      told.toUserDb.sql('postgres', 'COMMIT')();
      told.story.wait(50_000);
      debit();
      const { events } = told.story;
      const end = told.story.end().at(-1);
      const until = events.length - 1;
      const said = feed(engine, events.slice(0, Math.min(cut, until)));
      if (replaced) expect(engine.replace([EQUAL]).outputs).toEqual([]);
      said.push(...feed(engine, events.slice(Math.min(cut, until), until)));
      if (end !== undefined) said.push(...engine.handle(end));
      return verdictsOf(said)
        .filter(({ step }) => step === 'update users')
        .map(({ kind, reasons }) => `${kind} ${reasons[0].code}`);
    };
    const steady = await run(false, 0);
    expect(steady.at(-1)).toMatch(/^drop/);
    for (let cut = 8; cut < 40; cut++) expect(await run(true, cut)).toEqual(steady);
  });

  it('names verdicts that nothing denies any more, and no others', async () => {
    const engine = await make(without(new Set(['select dvds'])));
    const told = new DvdRental();
    told.ask(rental());
    told.story.connect(AT.shipping, `${AT.userDb}:5432`);
    told.lookUp(rental());
    const denied = verdictsOf(feed(engine, told.story.events)).filter(({ action }) => action === 'block');
    expect(denied.map(({ subject }) => subject.from).sort()).toEqual(['dvd-update', 'shipping']);
    const { outputs, isLifted } = engine.replace([dvdRental]);
    expect(outputs).toEqual([]);
    const still = denied.filter(({ id }) => !isLifted('dvd-rental', id));
    expect(still.map(({ subject }) => subject.from)).toEqual(['shipping']);
  });

  it('is needed: without it, policies cannot be replaced', async () => {
    const engine = await createEngine({ policies: [dvdRental], containment: 'forward' });
    expect(() => engine.replace([EQUAL])).toThrowError(/keeps nothing to judge again/);
    expect(engine.replace([dvdRental]).changes).toEqual([]);
  });
});
