// Addresses as text. Enters: 32-bit words; leaves: canonical text. Called once a flow, never once a packet.

/** An IPv4 address in dotted decimal. */
export function formatIpv4(word: number): string {
  return `${word >>> 24}.${(word >>> 16) & 255}.${(word >>> 8) & 255}.${word & 255}`;
}

/**
 * An IPv6 address as RFC 5952 has it: lower case, the first longest run of at least two zero groups as `::`. An
 * IPv4-mapped address stays IPv6, with its last words dotted (section 5): `::ffff:192.0.2.1`.
 */
export function formatIpv6(w0: number, w1: number, w2: number, w3: number): string {
  if (w0 === 0 && w1 === 0 && w2 === 0xffff) return `::ffff:${formatIpv4(w3)}`;
  const groups = [w0, w1, w2, w3].flatMap((word) => [word >>> 16, word & 0xffff]);
  let best = 0;
  let longest = 1;
  for (let from = 0; from < 8; from += 1) {
    let length = 0;
    while (from + length < 8 && groups[from + length] === 0) length += 1;
    if (length > longest) {
      best = from;
      longest = length;
    }
  }
  const hex = groups.map((group) => group.toString(16));
  if (longest < 2) return hex.join(':');
  return `${hex.slice(0, best).join(':')}::${hex.slice(best + longest).join(':')}`;
}
