// Counts what a run says, for the summary at its end. Enters: entries of the journal; leaves: rows and totals.
import type { AuditEntry } from '../../audit/entry.ts';
import type { RunEnd } from '../../audit/other-records.ts';
import type { ChainRecord, Verdict, VerdictKind } from '../../verdict.ts';

/** What became of the requests of one step, between one pair. */
export interface StepRow {
  readonly from: string;
  readonly to: string;
  readonly step: string;
  readonly counts: Record<VerdictKind, number>;
}

/** Verdicts that could not be told for one reason. */
export interface Untold {
  /** The cause, or for consequences the verdict that they follow from. */
  readonly why: string;
  readonly first: Verdict;
  readonly denied: boolean;
  count: number;
}

/** True when a verdict makes a run fail: dropped, or not told with the posture `drop`. */
export function isViolation({ kind, action }: Verdict): boolean {
  return kind === 'drop' || action !== 'none';
}

export class Tally {
  readonly #rows = new Map<string, StepRow>();
  readonly #untold = new Map<string, Untold>();
  readonly verdicts: Record<VerdictKind, number> = { pass: 0, drop: 0, indeterminate: 0 };
  readonly chains: Record<ChainRecord['outcome'], number> = {
    complete: 0,
    incomplete: 0,
    failed: 0,
    abandoned: 0,
  };
  /** Verdicts that were explained and are about requests, not connections or housekeeping. */
  requests = 0;
  violations = 0;
  end: RunEnd | null = null;

  add(entry: AuditEntry): void {
    if (entry.kind === 'verdict') this.#verdict(entry.verdict);
    else if (entry.kind === 'chain') this.chains[entry.chain.outcome]++;
    else if (entry.kind === 'end') this.end = entry.end;
  }

  get rows(): readonly StepRow[] {
    return [...this.#rows.values()];
  }

  get untold(): readonly Untold[] {
    return [...this.#untold.values()];
  }

  #verdict(verdict: Verdict): void {
    this.verdicts[verdict.kind]++;
    if (isViolation(verdict)) this.violations++;
    if (verdict.kind === 'pass' && verdict.step !== null) this.requests++;
    const { from, to } = verdict.subject;
    const step = nameOf(verdict);
    const key = `${from}\n${to}\n${step}`;
    const row = this.#rows.get(key) ?? { from, to, step, counts: { pass: 0, drop: 0, indeterminate: 0 } };
    row.counts[verdict.kind]++;
    this.#rows.set(key, row);
    if (verdict.cannotTell === null) return;
    const { cannotTell, action } = verdict;
    const why = cannotTell.code === 'consequence' ? `consequence of ${cannotTell.of}` : cannotTell.cause;
    const denied = action !== 'none';
    const known = this.#untold.get(`${why} ${denied}`);
    if (known === undefined) this.#untold.set(`${why} ${denied}`, { why, first: verdict, denied, count: 1 });
    else known.count++;
  }
}

/** A row that says nothing but that connections were declared, or protocols kept house. */
export function isRoutine({ step, counts }: StepRow): boolean {
  return step.startsWith('(') && counts.drop === 0 && counts.indeterminate === 0;
}

/** The row of a verdict: its declared step, or what kind of thing it is when no step is declared for it. */
function nameOf({ step, subject, kind, reasons }: Verdict): string {
  if (step !== null) return step;
  if (subject.what === 'connection') return '(connection)';
  if (kind === 'pass') return `(${reasons[0].code})`;
  return subject.what === 'request' ? '(not declared)' : `(${subject.what})`;
}
