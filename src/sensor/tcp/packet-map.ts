// Which packet carried which bytes of a stream. Enters: ranges in stream order; leaves: packet numbers of a span.

/** Ranges kept per direction; older ones are forgotten, so that evidence of a very long message lacks its first packets. */
const MOST_RANGES = 1024;
const MOST_PACKETS = 32;

/** Shared by all that hold nothing: most flows of a scan never do. */
const NO_ENDS = new Float64Array(0);
const NO_PACKETS = new Uint32Array(0);

/** A ring of `[end, packet]` pairs; a range begins where the one before it ends. Packet 0 stands for lost bytes. */
export class PacketMap {
  #ends: Float64Array = NO_ENDS;
  #packets: Uint32Array = NO_PACKETS;
  #first = 0;
  #count = 0;
  /** Where the oldest kept range begins. */
  #start = 0;
  #capture = -1;

  /** The capture that the numbers count in, or -1 before the first. */
  get capture(): number {
    return this.#capture;
  }

  /** Records that bytes up to `end` came in `packet`. Ranges come in order; those of another capture are forgotten. */
  record(start: number, end: number, packet: number, capture: number): void {
    if (capture !== this.#capture) {
      this.#capture = capture;
      this.#count = 0;
    }
    if (this.#count === 0) this.#start = start;
    if (this.#count === this.#ends.length) this.#grow();
    if (this.#count === MOST_RANGES) {
      this.#start = this.#ends[this.#first] ?? 0;
      this.#first = (this.#first + 1) % MOST_RANGES;
      this.#count -= 1;
    }
    const at = (this.#first + this.#count) % this.#ends.length;
    this.#ends[at] = end;
    this.#packets[at] = packet;
    this.#count += 1;
  }

  /** The first packets that carried bytes of `[start, end)`, ascending, at most 32. */
  find(start: number, end: number): number[] {
    let low = 0;
    let high = this.#count;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#end(middle) > start) high = middle;
      else low = middle + 1;
    }
    const found = new Set<number>();
    for (let index = low; index < this.#count && found.size < MOST_PACKETS; index += 1) {
      if ((index === 0 ? this.#start : this.#end(index - 1)) >= end) break;
      const packet = this.#packets[(this.#first + index) % this.#ends.length] ?? 0;
      if (packet !== 0) found.add(packet);
    }
    return [...found].sort((a, b) => a - b);
  }

  #end(index: number): number {
    return this.#ends[(this.#first + index) % this.#ends.length] ?? 0;
  }

  #grow(): void {
    const size = Math.min(MOST_RANGES, Math.max(16, this.#ends.length * 4));
    if (size === this.#ends.length) return;
    const ends = new Float64Array(size);
    const packets = new Uint32Array(size);
    for (let index = 0; index < this.#count; index += 1) {
      ends[index] = this.#end(index);
      packets[index] = this.#packets[(this.#first + index) % this.#packets.length] ?? 0;
    }
    this.#ends = ends;
    this.#packets = packets;
    this.#first = 0;
  }
}
