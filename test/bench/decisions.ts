// A decision on a request against casbin and Cedar, by equal rules of 50 services. Enters: nothing; leaves: speed ratios.
import { preparsePolicySet, statefulIsAuthorized } from '@cedar-policy/cedar-wasm/nodejs';
import { newEnforcer, newModelFromString } from 'casbin';
import { createEngine, type Engine } from '../../src/engine.ts';
import type { Event } from '../../src/events/event.ts';
import type { Flow, FlowId } from '../../src/flow.ts';
import { application, chain, http, optional, settings } from '../../src/policy/author.ts';
import { Random } from '../../src/testing/mutation/random.ts';
import { bodyOf } from '../../src/testing/story-message.ts';
import { cost, median } from './measure.ts';

const SERVICES = 50;
const REQUESTS = 20_000;
const ROUNDS = 5;
/** Rules of each service: whom it may ask (so many further on, in a circle), and for what. */
const RULES = [
  { to: 1, method: 'GET', path: '/items/:job' },
  { to: 1, method: 'POST', path: '/items/:job/reserve' },
  { to: 7, method: 'POST', path: '/accounts/:job/charge' },
  { to: 7, method: 'GET', path: '/accounts/:job' },
  { to: 13, method: 'PUT', path: '/orders/:job/status' },
  { to: 13, method: 'DELETE', path: '/orders/:job' },
] as const;

interface Question {
  readonly job: string;
  readonly from: number;
  readonly to: number;
  readonly method: string;
  readonly path: string;
}

export interface DecisionFigures {
  readonly rules: number;
  /** Microseconds of processor time for each decision. */
  readonly ours: number;
  readonly casbin: number;
  readonly cedar: number;
}

/** Each is asked the same questions in the same order, and must give the same answers. @throws Error when they differ */
export async function measureDecisions(): Promise<DecisionFigures> {
  const questions = draw();
  const expected = questions.map(isAllowed);
  const casbin = await askCasbin(questions);
  const cedar = askCedar(questions);
  const times: { ours: number[]; casbin: number[]; cedar: number[] } = { ours: [], casbin: [], cedar: [] };
  // The first round warms all of them up and does not count.
  for (let round = 0; round <= ROUNDS; round++) {
    const ours = await askEngine(questions);
    for (const [name, ask] of Object.entries({ ours, casbin, cedar }) as [keyof typeof times, Ask][]) {
      let answers: readonly boolean[] = [];
      // What preparing left behind is nobody's cost.
      globalThis.gc?.();
      const seconds = await cost(() => {
        answers = ask();
      });
      const wrong = answers.findIndex((answer, i) => answer !== expected[i]);
      if (wrong >= 0 || answers.length !== expected.length)
        throw new Error(`${name} decides otherwise on ${JSON.stringify(questions[wrong])}`);
      if (round > 0) times[name].push((seconds * 1e6) / questions.length);
    }
  }
  return {
    rules: SERVICES * RULES.length,
    ours: median(times.ours),
    casbin: median(times.casbin),
    cedar: median(times.cedar),
  };
}

type Ask = () => readonly boolean[];

/** Half of them as some rule says, half with another method, path or destination. */
function draw(): readonly Question[] {
  const random = new Random(7);
  return Array.from({ length: REQUESTS }, (_, i) => {
    const from = Math.floor(random.next() * SERVICES);
    const rule = random.pick(RULES) ?? RULES[0];
    const other = random.next() < 0.5 ? (random.pick(RULES) ?? RULES[0]) : rule;
    const job = `j${i}`;
    const method = random.next() < 0.1 ? 'PATCH' : other.method;
    return { job, from, to: (from + rule.to) % SERVICES, method, path: other.path.replace(':job', job) };
  });
}

/** By the rules as they stand above: what all three have to answer. */
function isAllowed({ from, to, method, path, job }: Question): boolean {
  return RULES.some(
    (rule) =>
      (from + rule.to) % SERVICES === to && rule.method === method && rule.path.replace(':job', job) === path,
  );
}

const nameOf = (service: number): string => `service-${service}`;
const addressOf = (service: number): string => `10.9.0.${10 + service}`;

/** Every question of ours is asked while a user request is open that may need it: from the event to the verdict. */
async function askEngine(questions: readonly Question[]): Promise<Ask> {
  const engine = await createEngine({ policies: [policyOf()], containment: 'forward' });
  const events = new Events();
  for (const { job, from } of questions) {
    const flow = events.flow('198.51.100.7', addressOf(from));
    run(engine, events.request(flow, 'POST', `/jobs/${job}`));
  }
  // Connections are there before they are used.
  const asked = questions.map(({ from, to, method, path }) => {
    const flow = events.flow(addressOf(from), addressOf(to));
    return { flow, method, path };
  });
  for (const { flow } of asked) run(engine, events.attempt(flow));
  const requests = asked.map(({ flow, method, path }) => events.request(flow, method, path));
  return () => requests.map((event) => run(engine, event));
}

function run(engine: Engine, event: Event): boolean {
  for (const output of engine.handle(event))
    if (output.kind === 'verdict' && output.verdict.subject.what === 'request')
      return output.verdict.kind === 'pass';
  return false;
}

function policyOf() {
  return application('fifty', ({ external, service }) => {
    const customer = external('customer');
    const services = Array.from({ length: SERVICES }, (_, i) =>
      service(nameOf(i), { at: addressOf(i), http: 8080 }),
    );
    const chains = services.map((from, i) => {
      const steps = RULES.map(({ to, method, path }) =>
        optional(
          http
            .request(method, path)
            .from(from)
            .to(services[(i + to) % SERVICES] ?? from),
        ),
      );
      return chain(http.post('/jobs/:job').from(customer).to(from), ...steps);
    });
    return [...chains, settings({ chains: 1_000_000 })];
  });
}

class Events {
  readonly #flows = new Map<string, { readonly flow: Flow; exchanges: number }>();
  #now = 1_700_000_000_000_000;

  flow(from: string, to: string): { readonly flow: Flow; exchanges: number } {
    const known = this.#flows.get(`${from} ${to}`);
    if (known !== undefined) return known;
    const number = this.#flows.size + 1;
    const flow: Flow = {
      id: `f${number}` as FlowId,
      orig: { ip: from, port: 40_000 + number },
      resp: { ip: to, port: 8080 },
      vlans: [],
      seenAt: 'bench',
      midstream: false,
    };
    const made = { flow, exchanges: 0 };
    this.#flows.set(`${from} ${to}`, made);
    return made;
  }

  attempt({ flow }: { readonly flow: Flow }): Event {
    return { kind: 'connection-attempt', ...this.#common(flow) };
  }

  request(on: { readonly flow: Flow; exchanges: number }, method: string, target: string): Event {
    return {
      kind: 'http-request',
      exchange: ++on.exchanges,
      method,
      target,
      version: '1.1',
      headers: [{ name: 'host', value: 'service' }],
      trailers: [],
      body: bodyOf(undefined),
      ambiguities: [],
      ...this.#common(on.flow),
    };
  }

  #common(flow: Flow) {
    const ts = ++this.#now;
    const at = { flow: flow.id, side: 'orig', start: 0, end: 100, ts, capture: null, packets: [] } as const;
    return { ts, flow, at };
  }
}

const MODEL = `
[request_definition]
r = from, to, method, path
[policy_definition]
p = from, to, method, path
[policy_effect]
e = some(where (p.eft == allow))
[matchers]
m = r.from == p.from && r.to == p.to && r.method == p.method && keyMatch2(r.path, p.path)
`;

/** Its synchronous call with the expression compiled once; what is cheap and tells most stands first in the matcher. */
async function askCasbin(questions: readonly Question[]): Promise<Ask> {
  const enforcer = await newEnforcer(newModelFromString(MODEL));
  for (let from = 0; from < SERVICES; from++) {
    for (const { to, method, path } of RULES)
      await enforcer.addPolicy(nameOf(from), nameOf((from + to) % SERVICES), method, path);
  }
  const asked = questions.map(({ from, to, method, path }) => [nameOf(from), nameOf(to), method, path]);
  return () => asked.map((question) => enforcer.enforceSync(...question));
}

/** Its stateful call over a policy set that was parsed before. Segments of the path are in the context: its patterns know no segments. */
function askCedar(questions: readonly Question[]): Ask {
  const policies: string[] = [];
  for (let from = 0; from < SERVICES; from++) {
    for (const { to, method, path } of RULES) {
      const segments = path.slice(1).split('/');
      const same = segments.flatMap((segment, i) =>
        segment.startsWith(':') ? [] : [`context.s${i} == "${segment}"`],
      );
      const when = [`context.n == ${segments.length}`, ...same].join(' && ');
      policies.push(
        `permit(principal == Service::"${nameOf(from)}", action == Action::"${method}", resource == Service::"${nameOf((from + to) % SERVICES)}") when { ${when} };`,
      );
    }
  }
  const parsed = preparsePolicySet('fifty', { staticPolicies: policies.join('\n') });
  if (parsed.type === 'failure') throw new Error(parsed.errors.map(({ message }) => message).join('; '));
  const calls = questions.map(({ from, to, method, path }) => {
    const segments = path.slice(1).split('/');
    const values = segments.map((segment, i) => [`s${i}`, segment] as const);
    return {
      principal: { type: 'Service', id: nameOf(from) },
      action: { type: 'Action', id: method },
      resource: { type: 'Service', id: nameOf(to) },
      context: { n: segments.length, ...Object.fromEntries(values) },
      preparsedPolicySetId: 'fifty',
      entities: [],
    };
  });
  return () =>
    calls.map((call) => {
      const answer = statefulIsAuthorized(call);
      if (answer.type === 'failure') throw new Error(answer.errors.map(({ message }) => message).join('; '));
      return answer.response.decision === 'allow';
    });
}
