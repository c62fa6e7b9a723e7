// Every failure that the program can meet, as one family with closed codes. Enters: context; leaves: Error objects.

/** What went wrong, in one closed list; `switch` over it. */
export type ErrorCode =
  | 'usage'
  | 'capture-unreadable'
  | 'capture-malformed'
  | 'capture-truncated'
  | 'policy-unreadable'
  | 'policy-type'
  | 'policy-invalid'
  | 'policy-crashed'
  | 'config-unreadable'
  | 'config-invalid'
  | 'zeek-unusable'
  | 'tcpdump-unusable'
  | 'output-unwritable'
  | 'service-failed'
  | 'contract-invalid'
  | 'contract-refused'
  | 'switch-unreachable'
  | 'switch-refused'
  | 'broker-malformed'
  | 'broker-unsendable'
  | 'broker-usage'
  | 'broker-no-ack'
  | 'broker-refused'
  | 'broker-protocol'
  | 'broker-transport'
  | 'broker-too-large'
  | 'broker-silent'
  | 'broker-overflow'
  | 'broker-outbox-full'
  | 'broker-closed'
  | 'broker-unreachable'
  | 'fault';

/** A place in a file that a person can go to. Lines and columns count from 1. */
export interface Place {
  readonly file: string;
  readonly line?: number;
  readonly column?: number;
  /** For binary files: the byte offset. */
  readonly offset?: number;
}

/** Base of all errors that this project throws on purpose. */
export class FlowTapError extends Error {
  readonly code: ErrorCode;
  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'FlowTapError';
    this.code = code;
  }
}

/** Input of the user that cannot be used: says where, what and what to do about it. The command line exits with 2. */
export class InputError extends FlowTapError {
  readonly place: Place | null;
  readonly problem: string;
  readonly remedy: string;
  constructor(
    code: Exclude<ErrorCode, 'fault'>,
    place: Place | null,
    problem: string,
    remedy: string,
    options?: ErrorOptions,
  ) {
    super(code, `${place === null ? '' : `${formatPlace(place)}: `}${problem}; ${remedy}`, options);
    this.name = 'InputError';
    this.place = place;
    this.problem = problem;
    this.remedy = remedy;
  }
}

/** `file:line:column`, or `file@offset` for binary files. */
export function formatPlace(place: Place): string {
  if (place.offset !== undefined) return `${place.file}@${place.offset}`;
  if (place.line === undefined) return place.file;
  return place.column === undefined
    ? `${place.file}:${place.line}`
    : `${place.file}:${place.line}:${place.column}`;
}

/** Marks a `switch` as exhaustive: it cannot compile while a case is missing. */
export function assertNever(value: never): never {
  throw new FlowTapError('fault', `unreachable case: ${JSON.stringify(value)}`);
}
