// Tests for whoever writes policies: the public surface `flowtap/testing`. Enters: nothing; leaves: functions, matchers, types.
export {
  type CoverageReport,
  type CoverageRow,
  coverage,
} from './coverage.ts';
export { coverageTable } from './coverage-table.ts';
export { type Judged, type JudgeOptions, judge } from './judge.ts';
export { type LearnOptions, type LearntPolicy, learn } from './learn/learn.ts';
export { type ExpectedDrop, matchers } from './matchers.ts';
export type { MutationKind } from './mutation/mutant.ts';
export { type MutateOptions, type MutationReport, mutate, type Survivor } from './mutation/mutate.ts';
export { mutationText } from './mutation/mutation-text.ts';
export { eventsOf, type Source } from './source.ts';
export { type Delivery, type Exchange, type SqlAnswer, type Story, story } from './story.ts';
export type { Bound, HttpParts, MessageParts } from './story-message.ts';
export { type ChainChange, type Changes, changesOf, type VerdictChange } from './verdict-changes.ts';
export { tellVerdict } from './verdict-story.ts';
