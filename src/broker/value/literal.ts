// Characters at a known place, compared by words. Enters: a text once, then frames; leaves: whether it stands there.

/** Characters that a frame has to have somewhere, four to a word, so that they are compared quickly. */
export class Literal {
  readonly length: number;
  /** The last word overlaps the one before. */
  readonly #words: readonly number[];

  /** @param text of ASCII, four characters or more */
  constructor(text: string) {
    const bytes = Buffer.from(text, 'latin1');
    this.length = bytes.length;
    this.#words = Array.from({ length: Math.ceil(bytes.length / 4) }, (_, index) =>
      bytes.readInt32LE(Math.min(index * 4, bytes.length - 4)),
    );
  }

  /** Whether it stands at `at`. */
  isAt(view: DataView, at: number): boolean {
    if (at + this.length > view.byteLength) return false;
    const words = this.#words;
    const last = words.length - 1;
    for (let index = 0; index < last; index += 1)
      if (view.getInt32(at + index * 4, true) !== words[index]) return false;
    return view.getInt32(at + this.length - 4, true) === words[last];
  }
}
