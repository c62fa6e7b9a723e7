// What the journal takes, and the line that it makes of it. Enters: entries; leaves: records.

import type { Micros } from '../flow.ts';
import type { Block } from '../flowtap/block.ts';
import type { ChainRecord, Verdict } from '../verdict.ts';
import { type GateEntry, gateRecord } from './gate-record.ts';
import { blockRecord, chainRecord, endRecord, type RunEnd } from './other-records.ts';
import { type PolicyEntry, policyRecord } from './policy-record.ts';
import type { AuditRecord } from './record.ts';
import { type RunStart, type SourceEntry, sourceRecord, startRecord } from './source-record.ts';
import { type SwitchEntry, switchRecord } from './switch-record.ts';
import { verdictRecord } from './verdict-record.ts';

export type AuditEntry =
  /** `block` is the one that the verdict led to. */
  | { readonly kind: 'verdict'; readonly verdict: Verdict; readonly block: Block | null }
  | { readonly kind: 'chain'; readonly chain: ChainRecord }
  | { readonly kind: 'block'; readonly block: Block; readonly at: Micros }
  | { readonly kind: 'start'; readonly start: RunStart }
  | { readonly kind: 'source'; readonly change: SourceEntry }
  | { readonly kind: 'switch'; readonly change: SwitchEntry }
  | { readonly kind: 'policy'; readonly change: PolicyEntry }
  | { readonly kind: 'gate'; readonly change: GateEntry }
  | { readonly kind: 'end'; readonly end: RunEnd };

/** The record of an entry; JSON of it is one line of the journal. */
export function auditRecord(entry: AuditEntry): AuditRecord {
  switch (entry.kind) {
    case 'verdict':
      return verdictRecord(entry.verdict, entry.block?.id ?? null);
    case 'chain':
      return chainRecord(entry.chain);
    case 'block':
      return blockRecord(entry.block, entry.at);
    case 'start':
      return startRecord(entry.start);
    case 'source':
      return sourceRecord(entry.change);
    case 'switch':
      return switchRecord(entry.change);
    case 'policy':
      return policyRecord(entry.change);
    case 'gate':
      return gateRecord(entry.change);
    case 'end':
      return endRecord(entry.end);
  }
}
