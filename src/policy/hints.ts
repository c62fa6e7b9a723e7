// What the services of a policy speak, for whoever reads their traffic. Enters: a document; leaves: `ip:port` to protocol.
import type { Protocol } from '../events/common.ts';
import { formatEndpoint } from '../flow.ts';
import type { PolicyDocument } from './document.ts';

/**
 * Endpoints as `ip:port`, IPv6 in brackets. A service that has a whole prefix gives `*:port`, since its addresses cannot be
 * listed; when two services contradict each other there, none of them is taken.
 */
export function hintsOf(documents: readonly PolicyDocument[]): ReadonlyMap<string, Protocol> {
  const hints = new Map<string, Protocol>();
  const contradicted = new Set<string>();
  for (const { services } of documents) {
    for (const { at, ports } of services) {
      for (const [protocol, numbers] of Object.entries(ports) as [Protocol, readonly number[]][]) {
        for (const [address, port] of at.flatMap((address) =>
          numbers.map((port) => [address, port] as const),
        )) {
          const key = endpointOf(address, port);
          if ((hints.get(key) ?? protocol) !== protocol) contradicted.add(key);
          hints.set(key, protocol);
        }
      }
    }
  }
  for (const key of contradicted) hints.delete(key);
  return hints;
}

/** The subnets in which the services of these policies are, each once: no other connection is theirs. */
export function hostsOf(documents: readonly PolicyDocument[]): readonly string[] {
  const hosts = documents.flatMap(({ services }) =>
    services.flatMap(({ at }) =>
      at.map((address) => {
        const [ip = '', length = ip.includes(':') ? '128' : '32'] = address.split('/');
        return `${canonical(ip)}/${length}`;
      }),
    ),
  );
  return [...new Set(hosts)].sort();
}

function endpointOf(address: string, port: number): string {
  const [ip = '', length] = address.split('/');
  const whole = length === undefined || length === (ip.includes(':') ? '128' : '32');
  return whole ? formatEndpoint({ ip: canonical(ip), port }) : `*:${port}`;
}

/** RFC 5952, as flows have their addresses; an author may have written it longer. */
function canonical(ip: string): string {
  return ip.includes(':') ? new URL(`http://[${ip}]`).hostname.slice(1, -1) : ip;
}
