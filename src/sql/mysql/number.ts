// Number literals of MySQL. Enters: a text and where digits begin; leaves: the number as written and where it ends.

export interface NumberToken {
  readonly digits: string;
  readonly end: number;
  /** `0x...` and `0b...`: a number or a string of bytes, as the context has it. */
  readonly bits: boolean;
}

/** The number at `at`; null when what stands there is, for the server, a name or something that we do not know. */
export function numberToken(text: string, at: number): NumberToken | null {
  const end = numberEnd(text, at);
  const written = text.slice(at, end);
  if (/^0(?:x[0-9a-fA-F]+|b[01]+)$/.test(written)) return { digits: written, end, bits: true };
  // No two parts of the expression can match the same digit: with `\.?` between them, a long run of digits takes its square.
  if (!/^(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?$/.test(written)) return null;
  return { digits: written, end, bits: false };
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
