// What the policy worker and its caller say to each other. Enters: nothing; leaves: types.
import type { ErrorCode, Place } from '../../errors.ts';

/** Given to the worker when it starts. */
export interface PolicyRequest {
  /** Absolute path. */
  readonly file: string;
}

export type PolicyReply =
  /** The default export as JSON; `undefined` is not JSON, hence null for a module that has none. */
  | { readonly kind: 'exported'; readonly json: string | null }
  /** It cannot be written as JSON. */
  | { readonly kind: 'not-plain'; readonly why: string }
  /** The authoring words refused what the author wrote. */
  | {
      readonly kind: 'refused';
      readonly code: Exclude<ErrorCode, 'fault'>;
      readonly place: Place | null;
      readonly problem: string;
      readonly remedy: string;
    }
  | { readonly kind: 'crashed'; readonly place: Place | null; readonly message: string };

/** The first type error of the modules; null when there is none. */
export type TypeCheckReply = {
  readonly place: Place | null;
  readonly problem: string;
  readonly remedy: string;
} | null;
