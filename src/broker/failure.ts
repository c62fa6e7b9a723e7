// What the broker client throws. Enters: a code, a sentence, what was being read or sent; leaves: an Error object.
import { type ErrorCode, FlowTapError } from '../errors.ts';

/** The codes of this layer. */
export type BrokerErrorCode = Extract<ErrorCode, `broker-${string}`>;

/** A failure on the way from or to Zeek: code and place as fields, so that nobody has to match the text. */
export class BrokerError extends FlowTapError {
  override readonly code: BrokerErrorCode;
  /** Byte offset in the received frame; null when the failure has no place there. */
  readonly offset: number | null;
  constructor(code: BrokerErrorCode, message: string, offset: number | null = null, options?: ErrorOptions) {
    super(code, message, options);
    this.name = 'BrokerError';
    this.code = code;
    this.offset = offset;
  }
}

/** For input from Zeek that cannot be read. */
export function malformed(problem: string, offset: number): BrokerError {
  return new BrokerError('broker-malformed', `${problem} at byte ${offset}`, offset);
}

/** For values that Zeek would reject, or that could harm it. */
export function unsendable(problem: string): BrokerError {
  return new BrokerError('broker-unsendable', problem);
}
