// Where the principals of a policy are, for a story. Enters: names; leaves: addresses and ports.
import { isIP } from 'node:net';
import { InputError } from '../errors.ts';
import type { Protocol } from '../events/common.ts';
import { AddressBook, parsePrefix } from '../identity/addresses.ts';
import type { PolicyDocument, ServiceDeclaration } from '../policy/document.ts';

export class StoryAddresses {
  readonly #services: ReadonlyMap<string, ServiceDeclaration>;
  readonly #outside: string;

  constructor({ services }: PolicyDocument) {
    this.#services = new Map(services.map((service) => [service.name, service]));
    this.#outside = addressOutside(services);
  }

  /** The address of a principal, or the address itself; a principal without any has one that nobody else has. */
  of(name: string): string {
    if (isIP(name) !== 0) return name;
    const [first] = this.#require(name).at;
    return first === undefined ? this.#outside : addressIn(first);
  }

  /** The first of these protocols that a service speaks, with its port. */
  port(name: string, protocols: readonly Protocol[]): { readonly protocol: Protocol; readonly port: number } {
    const { ports } = this.#require(name);
    for (const protocol of protocols) {
      const [port] = ports[protocol] ?? [];
      if (port !== undefined) return { protocol, port };
    }
    throw new InputError(
      'usage',
      null,
      `"${name}" has no port for ${protocols.join(' or ')}`,
      'declare it in the policy, or use connect() for a connection to any other port',
    );
  }

  #require(name: string): ServiceDeclaration {
    const service = this.#services.get(name);
    if (service !== undefined) return service;
    const names = [...this.#services.keys()].map((known) => `"${known}"`).join(', ');
    throw new InputError(
      'usage',
      null,
      `the policy has no principal "${name}"`,
      `name one of ${names}, or an IP address`,
    );
  }
}

/** The address itself, or the first after a prefix's own. */
function addressIn(address: string): string {
  const [ip = '', length] = address.split('/');
  const last = /^(.*[.:])(\d+)$/.exec(ip);
  if (length === undefined || length === '32' || length === '128' || last === null) return ip;
  return `${last[1]}${Number(last[2]) + 1}`;
}

/** Of the ranges for documentation (RFC 5737), one address that no principal has. */
function addressOutside(services: readonly ServiceDeclaration[]): string {
  const book = new AddressBook(
    services.flatMap(({ name, kind, at }) =>
      at.flatMap((text) => {
        const prefix = parsePrefix(text);
        return prefix === null ? [] : [[prefix, { kind, name }] as const];
      }),
    ),
    { kind: 'unknown', name: 'unknown' },
  );
  const ranges = ['198.51.100', '203.0.113', '192.0.2'];
  const free = ranges.map((range) => `${range}.7`).find((ip) => book.resolve(ip).kind === 'unknown');
  return free ?? '198.51.100.7';
}
