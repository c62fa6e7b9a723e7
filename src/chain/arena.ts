// Memory outside of the collector's heap. Enters: bytes; leaves: where they are, and the same bytes.
import { Numbered } from './numbered.ts';

/** Bytes of a chunk. All of its cells are equally long; an empty one is given back as a whole. */
const CHUNK = 1 << 20;
/** Cells are whole multiples of this, so that a chunk has at most `CELLS`. */
const UNIT = 32;
const CELLS = CHUNK / UNIT;
/** Bytes of the longest cell. */
export const LONGEST_CELL = 4096;
const NONE = 0xffff_ffff;

class Chunk {
  readonly bytes = Buffer.allocUnsafeSlow(CHUNK);
  /** Its number in the arena. */
  at = 0;
  /** Bytes of a cell. */
  readonly size: number;
  used = 0;
  /** The first of the cells that were freed; each holds the number of the next. */
  #freed = NONE;
  /** Cells from here on were never used. */
  #fresh = 0;

  constructor(size: number) {
    this.size = size;
  }

  get isFull(): boolean {
    return this.used === Math.floor(CHUNK / this.size);
  }

  take(): number {
    this.used++;
    const cell = this.#freed;
    if (cell === NONE) return this.#fresh++;
    const start = cell * this.size;
    this.#freed = this.bytes.readUInt32LE(start);
    return cell;
  }

  give(cell: number): void {
    this.used--;
    this.bytes.writeUInt32LE(this.#freed, cell * this.size);
    this.#freed = cell;
  }
}

/** Chunks of one size of cells that have room. */
type Roomy = Set<Chunk>;

/**
 * A million small things that rest cost the collector time if they are in its heap: it walks over all pages that anything was
 * written to, and copies what is new twice. Here they cost it nothing.
 */
export class Arena {
  readonly #chunks = new Numbered<Chunk>();
  readonly #roomy: Roomy[] = [];

  /** Bytes of all chunks. */
  get size(): number {
    return this.#chunks.size * CHUNK;
  }

  /** Copies the first bytes, at most `LONGEST_CELL`; gives their address. */
  put(bytes: Buffer, length: number): number {
    const units = Math.max(1, Math.ceil(length / UNIT));
    this.#roomy[units] ??= new Set();
    const roomy = this.#roomy[units];
    const chunk = first(roomy) ?? this.#add(units * UNIT, roomy);
    const cell = chunk.take();
    if (chunk.isFull) roomy.delete(chunk);
    bytes.copy(chunk.bytes, cell * chunk.size, 0, length);
    return chunk.at * CELLS + cell;
  }

  /** Where the bytes of an address are; the cell may be a little longer than what was put. */
  find(address: number): { readonly bytes: Buffer; readonly start: number; readonly length: number } {
    const { bytes, size } = this.#chunkOf(address);
    return { bytes, start: (address % CELLS) * size, length: size };
  }

  free(address: number): void {
    const chunk = this.#chunkOf(address);
    const roomy = this.#roomy[chunk.size / UNIT] as Roomy;
    chunk.give(address % CELLS);
    roomy.add(chunk);
    // One that is empty is kept where no other has room, or each next cell could need a chunk of its own.
    if (chunk.used > 0 || roomy.size === 1) return;
    roomy.delete(chunk);
    this.#chunks.remove(chunk.at);
  }

  #chunkOf(address: number): Chunk {
    return this.#chunks.get(Math.floor(address / CELLS)) as Chunk;
  }

  #add(size: number, roomy: Roomy): Chunk {
    const chunk = new Chunk(size);
    chunk.at = this.#chunks.add(chunk);
    roomy.add(chunk);
    return chunk;
  }
}

function first<T>(items: Iterable<T>): T | undefined {
  for (const item of items) return item;
  return undefined;
}
