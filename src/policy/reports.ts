// What is said when time goes on: chains that ended, obligations that are overdue. Enters: news; leaves: records.
import { nearnessTo } from '../chain/nearest.ts';
import type { ChainNews } from '../chain/store.ts';
import type { ChainRecord } from '../verdict.ts';
import type { CompiledPolicy } from './compile.ts';
import type { FlowRecord } from './flows.ts';
import * as say from './sentences.ts';
import type { About, Judgement } from './verdicts.ts';

/** The record of a chain that ended. */
export function recordOf(policy: CompiledPolicy, news: ChainNews & { kind: 'ended' }): ChainRecord {
  const { chain, outcome, missing } = news;
  return {
    id: chain.id,
    application: policy.document.application,
    policies: [policy.hash],
    root: chain.title,
    opened: chain.opened,
    ended: chain.ended ?? chain.opened,
    outcome,
    missing,
    requests: chain.requests,
    facts: chain.reference.facts,
  };
}

/** The verdict on what had to happen and did not: it is about the request that made it necessary. */
export function overdueOf(
  policy: CompiledPolicy,
  record: FlowRecord,
  news: ChainNews & { kind: 'overdue' },
): { readonly about: About; readonly judgement: Judgement } | null {
  const { slot, at } = news;
  const { parent } = slot;
  const request = policy.requests.get(parent.plan.request);
  if (request === undefined) return null;
  const subject = {
    what: 'obligation',
    protocol: record.protocol ?? 'tcp',
    request: `${slot.plan.request}, after ${parent.summary}`,
    from: request.to,
    to: policy.requests.get(slot.plan.request)?.to ?? 'unknown',
  } as const;
  const nearest = nearnessTo(slot);
  const text = say.overdue(slot.plan.request, slot.plan.within ?? 0, slot.chain);
  return {
    about: { subject, flow: record.flow, ts: at, evidence: parent.evidence, step: slot.plan.request },
    judgement: { kind: 'drop', code: 'overdue', decidedBy: 'request', text, nearest },
  };
}
