// A chain as a tree: what was expected, what came. Enters: a chain's view; leaves: lines.
import { basename } from 'node:path';
import { timestamp } from '../../audit/timestamp.ts';
import { describeNumber } from '../../chain/plan.ts';
import { assertNever } from '../../errors.ts';
import type { Evidence } from '../../flow.ts';
import type { ChainDeclaration, StepDeclaration } from '../../policy/document.ts';
import type { ChainView, StepView } from '../../verdict.ts';
import type { Colours } from '../terminal.ts';
import { safe } from './safe.ts';

interface Node {
  readonly text: string;
  readonly children: readonly Node[];
}

/** The chain and its facts; `here` is the step that the verdict is about. */
export function describeChain(view: ChainView, here: string | null, colours: Colours): string {
  const { bold, dim } = colours;
  const keys = view.keys.length === 0 ? '' : dim(` (${view.keys.map((key) => safe(key)).join(', ')})`);
  const facts = Object.entries(view.origins).map(
    ([fact, { value, source, evidence }]) =>
      `  ${safe(fact)} = ${bold(safe(value, 80))} ${dim(`from ${safe(source)}${whereOf(evidence)}`)}`,
  );
  return [
    `chain ${bold(view.id)}: ${safe(view.root)}, open since ${timestamp(view.opened)}${keys}`,
    ...drawTree(stepNode(view.tree, here, colours)).map((line) => `  ${line}`),
    facts.length === 0 ? 'no facts settled yet' : 'facts',
    ...facts,
    '',
  ].join('\n');
}

/** A declared chain, as `flowtap check` shows it. */
export function describeDeclaredChain(
  { root, every }: ChainDeclaration,
  { dim }: Colours,
): readonly string[] {
  const node = (step: StepDeclaration, isRoot: boolean): Node => ({
    text: `${safe(step.request)}${dim(` ${isRoot ? beginning(every) : howOften(step)}${step.order === 'in-order' ? '; what follows, in this order' : ''}`)}`,
    children: step.children.map((child) => node(child, false)),
  });
  return drawTree(node(root, true));
}

function beginning(every: number | null): string {
  return every === null ? 'the user request' : `a job, at most once in ${every / 1e6} s`;
}

function howOften(step: StepDeclaration): string {
  const { retries } = step;
  const within = step.within === null ? '' : `, within ${step.within / 1e6} s`;
  const retried = retries === 0 ? '' : `, up to ${retries} ${retries === 1 ? 'retry' : 'retries'}`;
  return `${oftenness(step)}${within}${retried}`;
}

function oftenness({ cardinality, least, most }: StepDeclaration): string {
  switch (cardinality) {
    case 'once':
    case 'eventually':
      return 'exactly once';
    case 'optional':
      return 'at most once';
    case 'many':
      return describeNumber(least, most);
    case 'required':
      return 'exactly once, before the answer';
    default:
      return assertNever(cardinality);
  }
}

function stepNode(step: StepView, here: string | null, colours: Colours): Node {
  const { bold, dim } = colours;
  const seen = step.seen.map(
    ({ request, ts, evidence, answered, origins }) =>
      `${safe(request)} at ${timestamp(ts)}${packetOf(evidence)}, ${answered === null ? 'not answered yet' : `answered ${safe(answered)}`}${ownFacts(origins)}`,
  );
  const marked = step.step === here ? bold(' <- here') : '';
  return {
    text: `${mark(step.state, colours)} ${safe(step.step)} ${dim(`(${step.expected}): ${seen.length === 0 ? absence(step.state) : seen.join('; ')}`)}${marked}`,
    children: step.children.map((child) => stepNode(child, here, colours)),
  };
}

/** What only this request speaks of, because its step may come any number of times. */
function ownFacts(origins: ChainView['origins']): string {
  const facts = Object.entries(origins).map(([fact, { value }]) => `${safe(fact)} = ${safe(value, 80)}`);
  return facts.length === 0 ? '' : ` [${facts.join(', ')}]`;
}

/** The first packet is enough to find it; its capture without the folder. */
function packetOf({ capture, packets: [first] }: Evidence): string {
  return capture === null || first === undefined ? '' : `, packet ${first} of ${safe(basename(capture))}`;
}

/** The packet, and the bytes of the stream, where a person with another tool can find them. */
export function whereOf(evidence: Evidence): string {
  const { side, start, end } = evidence;
  return `${packetOf(evidence)}, bytes ${start} to ${end} of the ${side === 'orig' ? 'client' : 'server'}`;
}

function absence(state: StepView['state']): string {
  if (state === 'denied') return 'was denied';
  return state === 'overdue' ? 'did not come in time' : 'has not come';
}

function mark(state: StepView['state'], { green, red, yellow, dim }: Colours): string {
  switch (state) {
    case 'answered':
      return green('done');
    case 'open':
      return yellow('open');
    case 'waiting':
      return dim('wait');
    case 'failed':
      return red('fail');
    case 'overdue':
      return red('late');
    case 'denied':
      return red('deny');
    default:
      return assertNever(state);
  }
}

function drawTree(root: Node): readonly string[] {
  const lines: string[] = [root.text];
  const draw = (nodes: readonly Node[], indent: string): void => {
    nodes.forEach(({ text, children }, index) => {
      const last = index === nodes.length - 1;
      lines.push(`${indent}${last ? '└─' : '├─'} ${text}`);
      draw(children, `${indent}${last ? '   ' : '│  '}`);
    });
  };
  draw(root.children, '');
  return lines;
}
