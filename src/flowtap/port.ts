// Ports: where a VM meets the virtual network, by a name that stays. Enters: names; leaves: checked names, places.

/** The stable name of a port: it follows a VM that moves, is rebooted or gets another address (paper, III-A). */
export type PortName = string & { readonly __brand: 'PortName' };

/** Where a port is now. */
export interface PortPlace {
  /** The switch's number for it; changes when the port is plugged again. */
  readonly number: number;
  /** The VM's own address, as the virtual network knows it; null when nobody said. */
  readonly mac: string | null;
}

/** True for what can name a port: what a switch, a shell and a contract can all write without quotes. */
export function isPortName(text: string): text is PortName {
  return /^[A-Za-z_][\w.:-]{0,63}$/.test(text) || UUID.test(text);
}

/** OpenStack names ports so, and some begin with a digit. */
const UUID = /^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/;
