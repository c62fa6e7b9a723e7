// Where our flows stand in a bridge, and how they are told from those of others. Enters: nothing; leaves: numbers and what they mean.

/**
 * A packet meets one flow of ours in table 0, above all others. It marks the packet and goes through our tables; the last
 * looks it up in table 0 again, where the mark keeps it from our flow, so that whatever else is in the bridge (a single
 * NORMAL, a whole pipeline) then sees it as if nothing had been.
 */
export interface Layout {
  /** Flows that are cut; what comes back from a security VM in the path; then all tables below in turn. */
  readonly cut: number;
  /** What the monitored ports send. */
  readonly from: number;
  /** What the monitored ports get. */
  readonly to: number;
  /** Back to table 0, but for what was redirected. */
  readonly out: number;
}

/** Tables that neither OpenStack's agent nor a bridge without a controller uses. */
export const DEFAULT_LAYOUT: Layout = layoutAt(200);

/** Four tables from `first` on. @throws RangeError for tables that no flow can be in */
function layoutAt(first: number): Layout {
  if (!Number.isInteger(first) || first < 1 || first > 251)
    throw new RangeError(`tables ${first} to ${first + 3}`);
  return { cut: first, from: first + 1, to: first + 2, out: first + 3 };
}

/** The highest that there is. */
export const HOOK_PRIORITY = 0xffff;
export const CUT_PRIORITY = 40_000;
export const RETURN_PRIORITY = 30_000;
/**
 * Contracts count down from here by two, older ones first (there are at most 25,000, contracts.ts); the odd places are for
 * what was delivered already.
 */
export const CONTRACT_PRIORITY = 60_000;

/** Bit 31: the packet went through our hook. Bit 30: it was redirected. Bit 29: a security VM in the path sent it back. */
export const MARK_REGISTER = 15;
export const HOOKED = 31;
export const TAKEN = 30;
export const RETURNED = 29;
/** The number of the port that the packet was delivered to last. */
export const SEEN_REGISTER = 14;

/** The flows that everyone who uses these tables shares bear this: whoever needs them sets them, the last one removes them. */
export const BASE_COOKIE = 0x466c_6f77_5461_7001n;

/** 24 bits of an owner's name, 8 bits of this run of it: the upper half of our cookies. */
export function runOf(owner: string, epoch: number): number {
  // FNV-1a; only has to differ between the few that share a bridge.
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(owner)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  const name = (hash ^ (hash >>> 24)) & 0xffffff;
  return ((name << 8) | (epoch & 0xff)) >>> 0;
}

/** True for a cookie of the same owner, of whichever run. */
export function isOwn(cookie: bigint, run: number): boolean {
  return cookie !== BASE_COOKIE && cookie >> 40n === BigInt(run >>> 8);
}

const CONTRACT_BIT = 0x8000_0000;

/** The cookie of a block's flows. */
export function blockCookie(run: number, block: number): bigint {
  return (BigInt(run) << 32n) | BigInt(block & ~CONTRACT_BIT);
}

/** The cookie of a contract's flows. */
export function contractCookie(run: number, contract: number): bigint {
  return (BigInt(run) << 32n) | BigInt((CONTRACT_BIT | contract) >>> 0);
}

/** The number of the contract whose flows bear this, or null. */
export function contractOf(cookie: bigint): number | null {
  const low = Number(cookie & 0xffff_ffffn);
  return (low & CONTRACT_BIT) === 0 ? null : (low & ~CONTRACT_BIT) >>> 0;
}
