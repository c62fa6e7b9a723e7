// The shapes of the audit journal: one JSON object a line, described in docs/audit.md. Enters: nothing; leaves: types.

/** Rises when a field changes its meaning or goes; a new field or record type does not raise it. */
export const SCHEMA = 1;

/** RFC 3339, UTC, with microseconds: `2026-11-23T06:48:51.215540Z`. */
export type Timestamp = string;

/** `capture:packet`, packets counted from 1 as Wireshark does: `attack.pcap.gz:134`. */
export type PacketReference = string;

interface RecordBase {
  readonly schema: typeof SCHEMA;
  readonly time: Timestamp;
}

/** A byte range `[start, end)` of one side's stream of a flow, and where it was seen. */
export interface RangeRecord {
  readonly flow: string;
  readonly side: 'orig' | 'resp';
  readonly start: number;
  readonly end: number;
  readonly time: Timestamp;
  readonly packets: readonly PacketReference[];
}

export interface DifferenceRecord {
  readonly fact: string;
  readonly expected: string;
  readonly expected_from: string;
  readonly seen: string | null;
  readonly seen_at: string;
}

export interface VerdictRecord extends RecordBase {
  readonly record: 'verdict';
  readonly id: string;
  readonly verdict: 'pass' | 'drop' | 'indeterminate';
  /** The deciding reason: its code, and a sentence. */
  readonly code: string;
  readonly text: string;
  readonly reasons: readonly { readonly code: string; readonly text: string }[];
  readonly decided_by: 'connection' | 'request' | 'integrity';
  readonly application: string;
  readonly policy: string;
  readonly what: string;
  readonly protocol: string;
  readonly request: string;
  readonly step: string | null;
  readonly from: string;
  readonly from_endpoint: string | null;
  readonly to: string;
  readonly to_endpoint: string | null;
  readonly flow: string;
  readonly flow_orig: string;
  readonly flow_resp: string;
  readonly vlans: readonly number[];
  readonly seen_at: string;
  readonly midstream: boolean;
  readonly chain: string | null;
  readonly chain_root: string | null;
  readonly chain_opened: Timestamp | null;
  readonly chain_facts: Readonly<Record<string, string>> | null;
  readonly candidates: number;
  readonly nearest: string | null;
  readonly nearest_root: string | null;
  readonly nearest_opened: Timestamp | null;
  readonly nearest_facts: Readonly<Record<string, string>> | null;
  readonly differences: readonly DifferenceRecord[];
  readonly unmet: UnmetRecord | null;
  readonly cannot_tell: string | null;
  readonly consequence_of: string | null;
  readonly action: 'none' | 'observe' | 'refuse' | 'block';
  readonly restraint: 'application' | 'service' | 'request' | 'report' | 'ended' | null;
  readonly effect: 'none' | 'detected' | 'prevented';
  readonly block: string | null;
  readonly evidence: readonly PacketReference[];
  readonly ranges: readonly RangeRecord[];
}

/** A relation that does not hold. */
export interface UnmetRecord {
  readonly relation: string;
  readonly fact: string;
  readonly seen: string;
  readonly seen_at: string;
  readonly would_hold_with: string | null;
}

export interface ChainEndRecord extends RecordBase {
  readonly record: 'chain';
  readonly id: string;
  readonly application: string;
  readonly policies: readonly string[];
  readonly root: string;
  readonly opened: Timestamp;
  readonly ended: Timestamp;
  /** Whole microseconds, as seconds. */
  readonly seconds: number;
  readonly outcome: 'complete' | 'incomplete' | 'failed' | 'abandoned';
  readonly missing: readonly string[];
  readonly requests: number;
  readonly facts: Readonly<Record<string, string>>;
}

export interface BlockRecord extends RecordBase {
  readonly record: 'block';
  readonly id: string;
  readonly state: string;
  readonly why: string | null;
  readonly flow: string;
  readonly flow_orig: string;
  readonly flow_resp: string;
  readonly vlans: readonly number[];
  readonly seen_at: string;
  readonly verdicts: readonly string[];
  readonly owners: readonly string[];
  readonly cause: string;
  readonly cause_count: number;
  readonly from: Timestamp;
  readonly until: Timestamp;
  readonly reached: Readonly<Record<string, Timestamp>>;
  readonly passed_packets: number | null;
  readonly passed_bytes: number | null;
  readonly dropped_packets: number | null;
  readonly dropped_bytes: number | null;
}

/** Counts by name, so that nothing is lost in silence. */
export interface Counts {
  readonly [name: string]: number | Counts;
}

export interface EndRecord extends RecordBase {
  readonly record: 'end';
  readonly sources: readonly string[];
  readonly sensed_by: 'embedded' | 'zeek' | 'both';
  /** False when the run was stopped before the end of its sources. */
  readonly whole: boolean;
  readonly engine: Counts;
  readonly sensor: Counts;
  readonly blocks: Counts;
}

/** The first line of a live run. A replay has none: its journal is one run. */
export interface StartRecord extends RecordBase {
  readonly record: 'start';
  readonly version: string;
  readonly policies: readonly { readonly application: string; readonly policy: string }[];
  readonly sources: readonly string[];
}

/** Something happened to a source of a live run. `time` is of this machine's clock, since a source that is gone has none. */
export interface SourceRecord extends RecordBase {
  readonly record: 'source';
  readonly traffic: Timestamp | null;
  readonly source: string;
  readonly change: string;
  readonly epoch: string | null;
  /** Decimal digits: they have 64 bits. */
  readonly from: string | null;
  readonly to: string | null;
  readonly count: number | null;
  readonly response: string;
  readonly text: string;
}

/** The gate refused something, or could not hold it. `time` is of this machine's clock. */
export interface GateRecord extends RecordBase {
  readonly record: 'gate';
  readonly traffic: Timestamp | null;
  readonly gate: string;
  readonly change: string;
  readonly flow: string | null;
  readonly flow_orig: string | null;
  readonly flow_resp: string | null;
  readonly verdict: string | null;
  readonly text: string;
}

/** Something happened to the switch that a live run blocks with. `time` is of this machine's clock. */
export interface SwitchRecord extends RecordBase {
  readonly record: 'switch';
  readonly traffic: Timestamp | null;
  readonly bridge: string;
  readonly change: string;
  readonly count: number | null;
  readonly text: string;
}

/** The policy of an application was replaced, came or went. `time` is of this machine's clock. */
export interface PolicyRecord extends RecordBase {
  readonly record: 'policy';
  readonly traffic: Timestamp | null;
  readonly application: string;
  readonly before: string | null;
  readonly after: string | null;
  readonly changes: readonly PolicyChangeRecord[];
  readonly change_count: number;
  readonly flows: number;
  readonly chains_continued: number;
  readonly chains_ended: number;
  readonly chains_unknown: number;
  readonly cut: number;
  readonly released: number;
}

export interface PolicyChangeRecord {
  readonly kind: 'added' | 'removed' | 'changed';
  readonly path: string;
}

export interface StepRecord {
  readonly step: string;
  readonly expected: string;
  readonly state: string;
  readonly seen: readonly {
    readonly request: string;
    readonly time: Timestamp;
    readonly answered: string | null;
    readonly range: RangeRecord;
    /** What only this request and those below it speak of: its step may come any number of times. */
    readonly facts: readonly FactRecord[];
  }[];
  readonly children: readonly StepRecord[];
}

/** A value, and where it was first read. */
export interface FactRecord {
  readonly fact: string;
  readonly value: string;
  readonly source: string;
  readonly range: RangeRecord;
}

/** Not part of a journal: what `flowtap explain --json` says. */
export interface ExplanationRecord extends RecordBase {
  readonly record: 'explanation';
  readonly verdict: VerdictRecord;
  readonly would_agree_with: Readonly<Record<string, string>> | null;
  readonly would_pass: boolean | null;
  readonly chain: {
    readonly id: string;
    readonly root: string;
    readonly opened: Timestamp;
    readonly keys: readonly string[];
    readonly facts: readonly FactRecord[];
    readonly tree: StepRecord;
  } | null;
}

export type AuditRecord =
  | VerdictRecord
  | ChainEndRecord
  | BlockRecord
  | SourceRecord
  | SwitchRecord
  | GateRecord
  | StartRecord
  | PolicyRecord
  | EndRecord;
