// Changes inputs as an attacker would. Enters: an input, others of its kind, tokens, randomness; leaves: another input.
import type { Random } from '../support/frames.ts';
import type { Input, Piece } from './input.ts';
import { changeBytes } from './mutate-bytes.ts';

export interface Mutating {
  readonly random: Random;
  readonly tags: number;
  readonly longest: number;
  readonly dictionary: readonly Uint8Array[];
  /** Another input that is worth something. */
  readonly other: () => Input;
}

/** Some changes of pieces and of bytes in pieces; never longer than `longest`. */
export function mutate(input: Input, mutating: Mutating): Input {
  const { random, longest } = mutating;
  const pieces = [...input];
  for (let changes = 1 << random(5); changes > 0; changes--) {
    if (pieces.length === 0) pieces.push({ tag: random(mutating.tags), bytes: new Uint8Array(0) });
    if (random(4) === 0) changePieces(pieces, mutating);
    else {
      const at = random(pieces.length);
      const { tag, bytes } = pieces[at] as Piece;
      const donor = random(8) === 0 ? pieceOf(mutating.other(), random) : null;
      pieces[at] = { tag, bytes: changeBytes(bytes, donor?.bytes ?? bytes, mutating) };
    }
  }
  let room = longest;
  return pieces.flatMap(({ tag, bytes }, index) => {
    if (room <= 0 && index > 0) return [];
    const cut = bytes.subarray(0, room);
    // An empty piece counts too, so that their number is bounded.
    room -= Math.max(cut.length, 8);
    return [{ tag, bytes: cut }];
  });
}

function pieceOf(input: Input, random: Random): Piece | null {
  return input[random(Math.max(input.length, 1))] ?? null;
}

function changePieces(pieces: Piece[], { random, tags, other }: Mutating): void {
  const at = random(pieces.length);
  const piece = pieces[at] as Piece;
  switch (random(9)) {
    case 0:
      pieces.splice(at, 1 + random(4));
      return;
    case 1:
      pieces.splice(at, 0, ...Array<Piece>(1 << random(random(6) + 1)).fill(piece));
      return;
    case 2:
      pieces.splice(random(pieces.length), 0, ...pieces.splice(at, 1));
      return;
    case 3: {
      const cut = random(piece.bytes.length + 1);
      const [head, tail] = [piece.bytes.subarray(0, cut), piece.bytes.subarray(cut)];
      pieces.splice(at, 1, { tag: piece.tag, bytes: head }, { tag: piece.tag, bytes: tail });
      return;
    }
    case 4: {
      const next = pieces[at + 1];
      if (next === undefined) return;
      pieces.splice(at, 2, { tag: piece.tag, bytes: Buffer.concat([piece.bytes, next.bytes]) });
      return;
    }
    case 5:
      pieces[at] = { tag: random(tags), bytes: piece.bytes };
      return;
    case 6: {
      const donor = pieceOf(other(), random);
      if (donor !== null) pieces.splice(at, random(2), donor);
      return;
    }
    case 7: {
      const donor = other();
      pieces.splice(at, pieces.length, ...donor.slice(random(donor.length + 1)));
      return;
    }
    default:
      pieces.splice(at);
  }
}
