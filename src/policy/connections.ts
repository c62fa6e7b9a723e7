// Which connections follow from the declared requests. Enters: a document; leaves: who may connect to whom, by what.
import type { Protocol } from '../events/common.ts';
import type { PolicyDocument, RequestDeclaration, ServiceDeclaration } from './document.ts';

/** A connection that a declared request needs: the connection policy of the paper (section V-A), derived. */
export interface DerivedConnection {
  readonly from: string;
  readonly to: string;
  readonly protocol: Protocol;
  readonly ports: readonly number[];
  /** Ids of the requests that need it. */
  readonly requests: readonly string[];
}

/** All connections that a document implies, each once. */
export function derivedConnections(document: PolicyDocument): readonly DerivedConnection[] {
  const services = new Map(document.services.map((service) => [service.name, service]));
  const found = new Map<
    string,
    { from: string; to: string; protocol: Protocol; ports: readonly number[]; requests: string[] }
  >();
  for (const request of document.requests) {
    const [from, to] = connectionEnds(request);
    const server = services.get(to);
    if (server === undefined) continue;
    for (const protocol of protocolsOf(request, server)) {
      const key = `${from}\n${to}\n${protocol}`;
      const known = found.get(key);
      if (known !== undefined) known.requests.push(request.id);
      else
        found.set(key, { from, to, protocol, ports: server.ports[protocol] ?? [], requests: [request.id] });
    }
  }
  return [...found.values()];
}

/** Who opens the connection that a request travels on: a consumer connects to the broker that delivers to it. */
function connectionEnds(request: RequestDeclaration): readonly [from: string, to: string] {
  const delivered = request.protocol === 'amqp' && request.action.kind === 'deliver';
  return delivered ? [request.to, request.from] : [request.from, request.to];
}

/** The wire protocols by which a service can take such a request. */
export function protocolsOf(request: RequestDeclaration, server: ServiceDeclaration): readonly Protocol[] {
  const wanted: readonly Protocol[] = request.protocol === 'sql' ? ['postgres', 'mysql'] : [request.protocol];
  return wanted.filter((protocol) => (server.ports[protocol]?.length ?? 0) > 0);
}
