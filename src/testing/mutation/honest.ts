// Honest traffic as what it is made of: requests, their answers, who caused whom. Enters: a policy, events; leaves: requests in trees.
import { InputError } from '../../errors.ts';
import type { Event, FlowEvent } from '../../events/event.ts';
import type { PolicyDocument } from '../../policy/document.ts';
import type { ChainRecord, ChainView, StepView, Verdict } from '../../verdict.ts';
import { runEngine } from '../judge.ts';
import { nameOfBytes, Reader } from '../reader.ts';

/** A request that the policy explains. */
export interface HonestRequest {
  /** Of its event. */
  readonly index: number;
  readonly event: FlowEvent;
  /** Id of the declared request. */
  readonly request: string;
  readonly from: string;
  readonly to: string;
  /** Of the event that answers it; null for none. */
  readonly answer: number | null;
  /** False when it was answered with a failure. */
  readonly ok: boolean;
  /** The request that its service served with it; null for one that begins a chain or stands outside of any. */
  parent: HonestRequest | null;
  readonly children: HonestRequest[];
  /** True when it is part of a chain. */
  inChain: boolean;
}

export interface Honest {
  readonly events: readonly Event[];
  readonly requests: readonly HonestRequest[];
  readonly ending: Ending;
}

/** How many chains ended how. */
export type Ending = ReadonlyMap<ChainRecord['outcome'], number>;

/** True when a verdict denies something, or would in another mode. */
export function denies({ kind, action }: Verdict): boolean {
  return kind === 'drop' || action !== 'none';
}

export function endingOf(chains: readonly ChainRecord[]): Ending {
  const ending = new Map<ChainRecord['outcome'], number>();
  for (const { outcome } of chains) ending.set(outcome, (ending.get(outcome) ?? 0) + 1);
  return ending;
}

/**
 * Takes honest traffic apart.
 * @throws InputError when the policy denies some of it: then nothing could be told of its mutants
 */
export async function takeApart(
  policy: PolicyDocument,
  events: readonly Event[],
  name: string,
): Promise<Honest> {
  const passed: Verdict[] = [];
  const views: ChainView[] = [];
  const chains: ChainRecord[] = [];
  const denied: Verdict[] = [];
  await runEngine(policy, events, {}, (output, engine) => {
    if (output.kind === 'verdict' && denies(output.verdict)) denied.push(output.verdict);
    if (output.kind === 'verdict' && output.verdict.kind === 'pass') passed.push(output.verdict);
    if (output.kind !== 'chain') return;
    chains.push(output.record);
    const view = engine.view(output.record.id);
    if (view !== null) views.push(view);
  });
  const [first] = denied;
  if (first !== undefined) {
    throw new InputError(
      'usage',
      { file: name },
      `the policy denies ${denied.length} requests of it, first ${first.subject.request} of ${first.subject.from} (${first.reasons[0].code})`,
      'give honest traffic that the policy explains',
    );
  }
  const requests = requestsOf(policy, events, passed);
  for (const view of views) link(view.tree, null, requests);
  return { events, requests: [...requests.values()], ending: endingOf(chains) };
}

function requestsOf(
  policy: PolicyDocument,
  events: readonly Event[],
  passed: readonly Verdict[],
): Map<string, HonestRequest> {
  const reader = new Reader(policy);
  const asked = new Map<string, { readonly index: number; readonly event: FlowEvent }>();
  const answered = new Map<string, { readonly index: number; readonly ok: boolean }>();
  for (const [index, event] of events.entries()) {
    for (const said of reader.read(event)) {
      const name = nameOfBytes(said.about);
      if (said.kind === 'answer') answered.set(name, { index, ok: said.ok });
      else if (event.kind !== 'source-end') asked.set(name, { index, event });
    }
  }
  const requests = new Map<string, HonestRequest>();
  for (const { step, subject, evidence } of passed) {
    const name = evidence[0] === undefined ? '' : nameOfBytes(evidence[0]);
    const found = asked.get(name);
    if (step === null || found === undefined) continue;
    const answer = answered.get(name);
    requests.set(name, {
      ...found,
      request: step,
      from: subject.from,
      to: subject.to,
      answer: answer?.index ?? null,
      ok: answer?.ok !== false,
      parent: null,
      children: [],
      inChain: false,
    });
  }
  return requests;
}

function link(step: StepView, parent: StepView | null, requests: Map<string, HonestRequest>): void {
  const of = (view: StepView): readonly HonestRequest[] =>
    view.seen.flatMap(({ evidence }) => requests.get(nameOfBytes(evidence)) ?? []);
  const parents = parent === null ? [] : of(parent);
  for (const request of of(step)) {
    request.inChain = true;
    // Of several attempts, the one that was under way.
    request.parent = parents.findLast(({ index }) => index < request.index) ?? parents[0] ?? null;
    request.parent?.children.push(request);
  }
  for (const child of step.children) link(child, step, requests);
}

/** Indexes of the events of a request: its own, its answer's, and those of all that it caused. */
export function extentOf({ index, answer, children }: HonestRequest): readonly number[] {
  const all = [index, ...(answer === null ? [] : [answer]), ...children.flatMap(extentOf)];
  // One acknowledgement may settle several deliveries.
  return [...new Set(all)].sort((a, b) => a - b);
}

/** The same without what a message causes once it waits in its queue: that comes when it comes. */
export function spanOf({ event, index, answer, children }: HonestRequest): readonly number[] {
  if (event.kind === 'amqp-method' && event.method.name === 'basic.publish') return [index];
  const all = [index, ...(answer === null ? [] : [answer]), ...children.flatMap(spanOf)];
  return [...new Set(all)].sort((a, b) => a - b);
}

/** The requests from the one that began its chain, as ids. */
export function pathOf({ request, parent }: HonestRequest): readonly string[] {
  return parent === null ? [request] : [...pathOf(parent), request];
}
