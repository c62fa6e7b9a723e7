// What the live service may touch of the process that it runs in. Enters: nothing; leaves: types.
import type { Writable } from 'node:stream';
import type { BackoffLimits } from '../broker/backoff.ts';
import type { Clock } from '../broker/clock.ts';
import type { Micros } from '../flow.ts';
import type { PolicyDocument } from '../policy/document.ts';
import type { launchZeek } from '../zeek/launch.ts';
import type { launchTcpdump } from './tcpdump.ts';

/** Time, randomness, processes, streams and signals come from outside, so that tests can make them. */
export interface ServiceParts {
  readonly version: string;
  readonly clock: Clock;
  /** Microseconds since 1970, of this machine's calendar clock. */
  readonly wall: () => Micros;
  readonly random: () => number;
  readonly launch: typeof launchZeek;
  readonly capture: typeof launchTcpdump;
  /** The wait before a Zeek or tcpdump of ours that ended is started again. */
  readonly restart: BackoffLimits;
  readonly stdout: Writable;
  readonly stderr: Writable;
  /** The wish to stop. */
  readonly stop: AbortSignal;
  /** Reads the policies anew. @throws InputError for the first that cannot be used */
  readonly reload: () => Promise<readonly PolicyDocument[]>;
  /** Calls back whenever files were moved away or policies changed (SIGHUP); the result ends that. */
  readonly onReopen: (run: () => void) => () => void;
}
