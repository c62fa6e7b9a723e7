// The FlowTap contracts that a policy implies, in the notation of the paper's Figure 2. Enters: a document; leaves: lines.
import type { Containment } from '../../engine.ts';
import { type Prefix, parsePrefix, prefixesOverlap } from '../../identity/addresses.ts';
import { derivedConnections } from '../../policy/connections.ts';
import type { PolicyDocument } from '../../policy/document.ts';

/** Whoever has an address that no service has; flow syntax cannot say it narrower. */
const ANYBODY = ['0.0.0.0/0', '::/0'];

/**
 * Contracts on the ports of the servers, one for each source, address and TCP port. Flows of contracts on one port must
 * not overlap (paper, III-A), so a source that is part of a wider one of the same server and port is left out.
 */
export function contractsOf(document: PolicyDocument, action: Containment): readonly string[] {
  const at = new Map(document.services.map((service) => [service.name, service.at]));
  const sources = new Map<string, Set<string>>();
  for (const { from, to, ports } of derivedConnections(document)) {
    for (const server of at.get(to) ?? []) {
      for (const port of ports) {
        const key = JSON.stringify([to, server, port]);
        const known = sources.get(key) ?? new Set<string>();
        for (const client of addresses(at.get(from))) known.add(client);
        sources.set(key, known);
      }
    }
  }
  return [...sources].flatMap(([key, clients]) => {
    const [to, server, port] = JSON.parse(key) as [string, string, number];
    return widest([...clients], server).map(
      (client) =>
        `FlowTap(${to}, security-vm, ${field('src', client)}; ${field('dst', server)}; nw_proto = TCP; tp_dst = ${port}, ${action})`,
    );
  });
}

function addresses(at: readonly string[] | undefined): readonly string[] {
  return at === undefined || at.length === 0 ? ANYBODY : at;
}

/** The sources that can reach the server at all, without those that are part of another. */
function widest(clients: readonly string[], server: string): readonly string[] {
  const bits = parsePrefix(server)?.bits;
  const blocks = clients
    .flatMap((text) => {
      const prefix = parsePrefix(text);
      return prefix === null || prefix.bits !== bits ? [] : [{ text, prefix }];
    })
    .sort((a, b) => a.prefix.length - b.prefix.length);
  const kept: { readonly text: string; readonly prefix: Prefix }[] = [];
  for (const block of blocks) {
    if (!kept.some(({ prefix }) => prefixesOverlap(prefix, block.prefix))) kept.push(block);
  }
  return kept.map(({ text }) => text);
}

function field(end: 'src' | 'dst', address: string): string {
  return address.includes(':') ? `ipv6_${end} = ${address}` : `nw_${end} = ${address}`;
}
