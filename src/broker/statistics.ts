// Counters of the client. Enters: what happened; leaves: a snapshot for health checks and metrics.
import type { SessionState } from './session.ts';

/** What is true now. */
export interface Gauges {
  readonly state: SessionState | 'connecting' | 'closed';
  readonly paused: boolean;
  readonly queuedFrames: number;
  readonly queuedBytes: number;
  readonly unsent: number;
  readonly unconfirmed: number;
}

/** Counters since the start. `lostUnconfirmed`: own events of which nobody knows whether Zeek had them. */
export interface Statistics extends Gauges {
  readonly attempts: number;
  readonly connections: number;
  readonly framesReceived: number;
  readonly bytesReceived: number;
  readonly events: number;
  readonly errors: number;
  readonly malformed: number;
  readonly dropped: number;
  readonly pauses: number;
  readonly published: number;
  readonly lostUnconfirmed: number;
}

/** The counters themselves; the client adds to them. */
export class Counters {
  attempts = 0;
  connections = 0;
  framesReceived = 0;
  bytesReceived = 0;
  dropped = 0;
  pauses = 0;
  published = 0;
  unconfirmed = 0;
  #events = 0;
  #errors = 0;
  #malformed = 0;

  /** Counts an item that the reader got. */
  read(kind: string): void {
    if (kind === 'event') this.#events += 1;
    else if (kind === 'error') this.#errors += 1;
    else if (kind === 'malformed') this.#malformed += 1;
  }

  statistics(gauges: Gauges): Statistics {
    return {
      ...gauges,
      attempts: this.attempts,
      connections: this.connections,
      framesReceived: this.framesReceived,
      bytesReceived: this.bytesReceived,
      events: this.#events,
      errors: this.#errors,
      malformed: this.#malformed,
      dropped: this.dropped,
      pauses: this.pauses,
      published: this.published,
      lostUnconfirmed: this.unconfirmed,
    };
  }
}
