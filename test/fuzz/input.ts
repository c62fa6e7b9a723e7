// What a target is given: pieces of bytes, each with a tag whose meaning is the target's. Enters, leaves: inputs, their bytes, their text.

/** One packet, one turn of a stream, one frame, one argument. */
export interface Piece {
  readonly tag: number;
  readonly bytes: Uint8Array;
}

export type Input = readonly Piece[];

/** Bytes of all pieces. */
export function sizeOf(input: Input): number {
  return input.reduce((sum, { bytes }) => sum + bytes.length, 0);
}

/** For a child that may not live to tell what it was given. */
export function encodeInput(input: Input): Buffer {
  return Buffer.concat(
    input.flatMap(({ tag, bytes }) => {
      const head = Buffer.alloc(6);
      head.writeUInt16LE(tag, 0);
      head.writeUInt32LE(bytes.length, 2);
      return [head, bytes];
    }),
  );
}

export function decodeInput(bytes: Buffer): Input {
  const input: Piece[] = [];
  for (let at = 0; at + 6 <= bytes.length; ) {
    const end = at + 6 + bytes.readUInt32LE(at + 2);
    input.push({ tag: bytes.readUInt16LE(at), bytes: bytes.subarray(at + 6, end) });
    at = end;
  }
  return input;
}

/** A finding as it is kept: bytes as Latin-1, so that a person can read what is text in them. */
export interface Kept {
  readonly target: string;
  readonly what: string;
  readonly pieces: readonly { readonly tag: number; readonly latin1: string; readonly times?: number }[];
}

export function keep(target: string, what: string, input: Input): string {
  const pieces = input.map(({ tag, bytes }) => ({ tag, latin1: Buffer.from(bytes).toString('latin1') }));
  return `${JSON.stringify({ target, what, pieces } satisfies Kept, null, 2)}\n`;
}

/** @param text what `keep` wrote; `times` may be added by hand: a piece whose bytes are repeated */
export function unkeep(text: string): {
  readonly target: string;
  readonly what: string;
  readonly input: Input;
} {
  const { target, what, pieces } = JSON.parse(text) as Kept;
  const input = pieces.map(({ tag, latin1, times = 1 }) => ({
    tag,
    bytes: new Uint8Array(Buffer.from(latin1.repeat(times), 'latin1')),
  }));
  return { target, what, input };
}
