// Number literals of MySQL. Enters: a text and where digits begin; leaves: the number as written and where it ends.

export interface NumberToken {
  readonly digits: string;
  readonly end: number;
  /** `0x...`: a string of bytes, without its prefix in `digits`. */
  readonly hex: boolean;
}

/** The number at `at`; null when what stands there is, for the server, a name or something that we do not know. */
export function numberToken(text: string, at: number): NumberToken | null {
  const end = numberEnd(text, at);
  const written = text.slice(at, end);
  if (/^0x[0-9a-fA-F]+$/.test(written)) return { digits: written.slice(2), end, hex: true };
  if (!/^(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?$/.test(written)) return null;
  return { digits: written, end, hex: false };
}

function numberEnd(text: string, at: number): number {
  let end = at;
  for (;;) {
    const char = text[end];
    if (char === undefined) return end;
    const exponentSign =
      (char === '+' || char === '-') &&
      /[eE]/.test(text[end - 1] ?? '') &&
      !/^0[xb]/.test(text.slice(at, at + 2));
    if (!/[0-9A-Za-z_$.\u0080-\uffff]/.test(char) && !exponentSign) return end;
    end += 1;
  }
}
