// The management socket of one bridge. Enters: bundles and questions; leaves: their answers, and what the switch says by itself.
import type { Clock } from './clock.ts';
import { Line } from './line.ts';
import type { FlowEntry, FlowMod } from './openflow/message.ts';
import { type BundleFailure, OpenFlowSession, PROBE_AFTER, type SessionEvent } from './openflow/session.ts';

export interface BridgeLinkHandler {
  /** The switch is there, and takes bundles. */
  up(): void;
  down(why: string): void;
  said(event: Extract<SessionEvent, { readonly kind: 'removed' | 'port' | 'updates' | 'unwatchable' }>): void;
}

/** What came of a bundle; `lost`: the connection ended before the switch answered, so nobody knows. */
export type BundleOutcome = 'done' | 'lost' | BundleFailure;

/** Milliseconds that one answer may take before the connection is given up: a dump of very many flows is slow. */
const ANSWER_WITHIN = 30_000;

/** Comes back by itself after each loss. */
export class BridgeLink {
  readonly #clock: Clock;
  readonly #handler: BridgeLinkHandler;
  readonly #line: Line;
  #session: OpenFlowSession | null = null;
  readonly #bundles = new Map<number, (outcome: BundleOutcome) => void>();
  readonly #listings = new Map<number, (flows: readonly FlowEntry[] | null) => void>();
  #cancelTick: (() => void) | null = null;
  #oldest: number | null = null;

  constructor(path: string, handler: BridgeLinkHandler, clock: Clock, random: () => number) {
    this.#clock = clock;
    this.#handler = handler;
    this.#line = new Line(
      () => path,
      {
        opened: () => {
          this.#session = new OpenFlowSession(clock.now());
          this.#tick();
          this.#flush();
        },
        bytes: (chunk) => this.#heed(this.#session?.receive(chunk, clock.now()) ?? []),
        closed: (why) => this.#lost(why),
      },
      clock,
      random,
    );
  }

  get ready(): boolean {
    return this.#session?.ready === true;
  }

  /** All of it or nothing. */
  bundle(mods: readonly FlowMod[]): Promise<BundleOutcome> {
    const session = this.#session;
    if (session === null || !session.ready) return Promise.resolve('lost');
    return new Promise((resolve) => {
      this.#bundles.set(session.bundle(mods), resolve);
      this.#waitForAnswer();
    });
  }

  /** Flows of one table whose cookies agree in the bits of the mask; null when there is no answer. */
  list(table: number, cookie = 0n, cookieMask = 0n): Promise<readonly FlowEntry[] | null> {
    const session = this.#session;
    if (session === null || !session.ready) return Promise.resolve(null);
    return new Promise((resolve) => {
      this.#listings.set(session.list(table, cookie, cookieMask), resolve);
      this.#waitForAnswer();
    });
  }

  /** Reports changes that others make in a table, until the connection ends. */
  watch(table: number): void {
    this.#session?.watch(table);
    this.#flush();
  }

  stop(): void {
    this.#cancelTick?.();
    this.#line.stop();
    this.#release();
    this.#session = null;
  }

  #heed(events: readonly SessionEvent[]): void {
    for (const event of events) {
      switch (event.kind) {
        case 'ready':
          this.#handler.up();
          break;
        case 'bundle':
          this.#bundles.get(event.id)?.(event.failure ?? 'done');
          this.#bundles.delete(event.id);
          break;
        case 'flows':
          this.#listings.get(event.id)?.(event.flows);
          this.#listings.delete(event.id);
          break;
        case 'closed':
          this.#line.drop(event.why);
          return;
        default:
          this.#handler.said(event);
      }
    }
    if (events.some(({ kind }) => kind === 'bundle' || kind === 'flows'))
      this.#oldest = this.#bundles.size + this.#listings.size > 0 ? this.#clock.now() : null;
    this.#flush();
  }

  #waitForAnswer(): void {
    this.#oldest ??= this.#clock.now();
    this.#flush();
  }

  #flush(): void {
    if (this.#session !== null) this.#line.send(this.#session.takeOutput());
  }

  #tick(): void {
    this.#cancelTick?.();
    this.#cancelTick = this.#clock.after(PROBE_AFTER, () => {
      const now = this.#clock.now();
      if (this.#oldest !== null && now - this.#oldest > ANSWER_WITHIN) {
        this.#line.drop(`the switch did not answer for ${ANSWER_WITHIN} ms`);
        return;
      }
      this.#heed(this.#session?.tick(now) ?? []);
      if (this.#session !== null) this.#tick();
    });
  }

  #lost(why: string): void {
    const was = this.#session;
    this.#session = null;
    this.#cancelTick?.();
    this.#release();
    this.#handler.down(was === null ? `cannot connect: ${why}` : why);
  }

  #release(): void {
    this.#oldest = null;
    for (const resolve of this.#bundles.values()) resolve('lost');
    for (const resolve of this.#listings.values()) resolve(null);
    this.#bundles.clear();
    this.#listings.clear();
  }
}
