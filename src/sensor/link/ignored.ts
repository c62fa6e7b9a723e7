// Why a packet was not analysed. Enters: nothing; leaves: a closed list, so that nothing is dropped without being counted.

export type Ignored =
  /** A link type that we do not read. */
  | 'link-type'
  /** The link header is cut or broken, or has more than four VLAN tags. */
  | 'link-header'
  /** ARP, spanning tree and whatever else is not IP. */
  | 'not-ip'
  /** The IP header is cut or broken, or claims more bytes than were on the wire. */
  | 'ip-header'
  | 'udp'
  | 'icmp'
  /** Another protocol above IP: tunnels, IPsec, SCTP, ... */
  | 'ip-protocol'
  /** A fragment that the snap length cut. */
  | 'fragment-cut'
  /** Fragments of a datagram that was never whole, or was given up to bound memory. */
  | 'fragment-incomplete'
  /** The TCP header is cut or broken. */
  | 'tcp-header'
  /** TCP numbers that cannot belong to the connection: forged, or from another life of the port pair. */
  | 'tcp-stray'
  /** Came after the end of its connection. */
  | 'tcp-after-end';

export const IGNORED: readonly Ignored[] = [
  'link-type',
  'link-header',
  'not-ip',
  'ip-header',
  'udp',
  'icmp',
  'ip-protocol',
  'fragment-cut',
  'fragment-incomplete',
  'tcp-header',
  'tcp-stray',
  'tcp-after-end',
];
