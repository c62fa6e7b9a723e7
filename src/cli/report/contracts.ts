// The FlowTap contracts that a policy implies, in the notation of the paper's Figure 2. Enters: a document; leaves: lines.
import { derivedConnections } from '../../policy/connections.ts';
import type { PolicyDocument } from '../../policy/document.ts';

/**
 * One contract for each connection, address and port, on the port of the service that is the server, or of the client
 * where the server is external. The action is `redirect` where the policy is enforced: only then can a request be held.
 */
export function contractsOf(document: PolicyDocument): readonly string[] {
  const services = new Map(document.services.map((service) => [service.name, service]));
  const action = document.mode === 'enforce' ? 'redirect' : 'forward';
  return derivedConnections(document).flatMap(({ from, to, ports }) => {
    const source = addresses(services.get(from)?.at);
    const destination = addresses(services.get(to)?.at);
    const tapped = services.get(to)?.kind === 'service' ? to : from;
    return source.flatMap((client) =>
      destination.flatMap((server) =>
        ports.map(
          (port) =>
            `FlowTap(${tapped}, security-vm, ${field('src', client)}; ${field('dst', server)}; nw_proto = TCP; tp_dst = ${port}, ${action})`,
        ),
      ),
    );
  });
}

/** A principal without addresses has any that no other has; flow syntax cannot say "no other". */
function addresses(at: readonly string[] | undefined): readonly string[] {
  return at === undefined || at.length === 0 ? ['0.0.0.0/0'] : at;
}

function field(end: 'src' | 'dst', address: string): string {
  return address.includes(':') ? `ipv6_${end} = ${address}` : `nw_${end} = ${address}`;
}
