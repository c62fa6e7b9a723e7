// A progress bar for long captures. Enters: bytes read of bytes in all; leaves: one line on standard error that goes away.
import { basename } from 'node:path';
import type { Terminal } from '../terminal.ts';
import { safe } from './safe.ts';

/** Milliseconds before it appears, and between two drawings. */
const PATIENCE = 2000;
const PAUSE = 100;
const WIDTH = 30;

export class Progress {
  readonly #terminal: Terminal;
  readonly #total: number | null;
  readonly #started: number;
  #drawn = 0;
  #visible = false;
  #ended = 0;
  #current: { readonly name: string; readonly done: number; readonly size: number | null } | null = null;

  /** `total`: bytes of all captures, or null when one of them has no size (a pipe). */
  constructor(terminal: Terminal, total: number | null) {
    this.#terminal = terminal;
    this.#total = total;
    this.#started = terminal.now();
  }

  update(name: string, done: number, size: number | null): void {
    if (!this.#terminal.live) return;
    const before = this.#current;
    // The same capture may be given twice.
    if (before !== null && (before.name !== name || before.done > done)) this.#ended += before.size ?? 0;
    this.#current = { name, done, size };
    const now = this.#terminal.now();
    if (now - this.#started < PATIENCE || now - this.#drawn < PAUSE) return;
    this.#drawn = now;
    this.#draw(name, this.#ended + done);
  }

  /** Takes the line away, before something else is written or at the end. */
  clear(): void {
    if (!this.#visible) return;
    this.#terminal.err('\r\u001b[K');
    this.#visible = false;
  }

  #draw(name: string, done: number): void {
    const read = `${(done / 1e6).toFixed(1)} MB`;
    const share = this.#total === null || this.#total === 0 ? null : Math.min(1, done / this.#total);
    const filled = Math.round((share ?? 0) * WIDTH);
    const bar =
      share === null
        ? ''
        : `[${'='.repeat(filled)}${' '.repeat(WIDTH - filled)}] ${Math.floor(share * 100)} % `;
    const line = `${bar}${read} ${safe(basename(name))}`;
    this.#terminal.err(`\r\u001b[K${line.slice(0, Math.max(10, this.#terminal.columns - 1))}`);
    this.#visible = true;
  }
}
