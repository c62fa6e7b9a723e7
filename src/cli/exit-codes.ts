// How the command line ends. Enters: nothing; leaves: numbers that scripts rely on.

export const EXIT = {
  /** Everything was explained, or could not be told and its posture lets it pass. */
  explained: 0,
  /** A fault of ours. */
  fault: 1,
  /** Input or usage that cannot be used. */
  unusable: 2,
  /** At least one request was dropped, or could not be told and its posture is `drop`. */
  violations: 3,
  /** The live service cannot go on: its journal cannot be written, or a queue is full whose posture is `fail`. */
  failed: 4,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** Gets the exit code of the command that ran. */
export type Finish = (code: ExitCode) => void;
