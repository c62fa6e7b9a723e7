// Who is at which address, guessed from what is said there. Enters: traffic; leaves: services and external principals with names.
import type { Protocol } from '../../events/common.ts';
import { type Prefix, parsePrefix, prefixesOverlap } from '../../identity/addresses.ts';
import type { Exchange, Port, Traffic } from './exchange.ts';

export interface LearntPrincipal {
  readonly name: string;
  readonly kind: 'service' | 'external';
  /** Empty for whoever has any other address. */
  readonly at: readonly string[];
  readonly ports: Readonly<Partial<Record<Protocol, readonly number[]>>>;
}

export interface Principals {
  readonly list: readonly LearntPrincipal[];
  nameOf(ip: string): string;
}

/** Ranges that are an organisation's own (RFC 1918, RFC 4193, loopback, link-local): whoever is there is named. */
const OWN: readonly Prefix[] = [
  '10.0.0.0/8',
  '172.16.0.0/12',
  '192.168.0.0/16',
  '127.0.0.0/8',
  '169.254.0.0/16',
  'fc00::/7',
  'fe80::/10',
  '::1',
].flatMap((text) => parsePrefix(text) ?? []);

const HEALTH = /^\/(?:health|healthz|healthcheck|ready|readyz|livez|live|status|ping|metrics)\/?$/;

/** `given` names addresses that the author knows. */
export function principalsOf(traffic: readonly Traffic[], given: ReadonlyMap<string, string>): Principals {
  const exchanges = traffic.flatMap((each) => each.exchanges);
  const ports = traffic.flatMap((each) => each.ports);
  const servers = new Set(ports.map(({ ip }) => ip));
  const names = new Map<string, string>();
  const taken = new Set<string>(given.values());
  const name = (ip: string, wanted: string): void => {
    const known = given.get(ip);
    if (known !== undefined) {
      names.set(ip, known);
      return;
    }
    let unique = wanted;
    for (let n = 2; taken.has(unique); n++) unique = `${wanted}-${n}`;
    taken.add(unique);
    names.set(ip, unique);
  };

  const hosts = hostNames(exchanges, servers);
  // Replicas answer to one name: they are one service.
  for (const ip of servers) {
    const host = given.get(ip) ?? hosts.get(ip);
    if (host !== undefined) names.set(ip, host);
    if (host !== undefined) taken.add(host);
  }
  for (const ip of servers) if (!names.has(ip)) name(ip, serverName(ip, ports, traffic));

  const clients = [...new Set(exchanges.map(({ from }) => from))].filter((ip) => !servers.has(ip));
  const asked = (ip: string): readonly Exchange[] => exchanges.filter(({ from }) => from === ip);
  const strangers = clients.filter((ip) => !isOwn(ip) && !given.has(ip));
  const inside = clients.filter((ip) => isOwn(ip) || given.has(ip));
  for (const ip of inside)
    name(ip, isMonitor(asked(ip)) ? 'monitor' : `client-${ip.replaceAll(/[.:]+/g, '-')}`);
  const anybody = strangers.length === 0 ? null : taken.has('customer') ? 'stranger' : 'customer';
  for (const ip of strangers) names.set(ip, anybody ?? '');

  const nameOf = (ip: string): string => names.get(ip) ?? ip;
  const addresses = (wanted: string, among: readonly string[]): readonly string[] =>
    among.filter((ip) => nameOf(ip) === wanted).sort();
  return {
    nameOf,
    list: [
      ...(anybody === null ? [] : [{ name: anybody, kind: 'external', at: [], ports: {} } as const]),
      ...[...new Set(inside.map(nameOf))].map(
        (each) => ({ name: each, kind: 'external', at: addresses(each, inside), ports: {} }) as const,
      ),
      ...[...new Set([...servers].sort(byAddress).map(nameOf))].map((each) => {
        const at = addresses(each, [...servers]);
        return { name: each, kind: 'service', at, ports: portsOf(at, ports) } as const;
      }),
    ],
  };
}

/** For each address the name in Host by which no other is called; clients outside may call all of them by one name. */
function hostNames(
  exchanges: readonly Exchange[],
  servers: ReadonlySet<string>,
): ReadonlyMap<string, string> {
  const names = new Map<string, Set<string>>();
  const inside = exchanges.filter(({ from }) => servers.has(from) || isOwn(from));
  for (const { asked, to } of inside.length > 0 ? inside : exchanges) {
    if (asked.kind !== 'http') continue;
    const host = asked.request.headers.find(({ name }) => name.toLowerCase() === 'host')?.value ?? '';
    const name = host.replace(/:\d+$/, '').split('.')[0] ?? '';
    if (!/^[A-Za-z][A-Za-z0-9-]{0,40}$/.test(name) || name === 'localhost') continue;
    const known = names.get(to) ?? new Set();
    names.set(to, known.add(name.toLowerCase()));
  }
  const only = [...names].flatMap(([ip, set]): readonly (readonly [string, string])[] =>
    set.size === 1 ? [...set].map((each) => [ip, each] as const) : [],
  );
  return new Map(only);
}

/** By its part, or by the database that clients ask for. */
function serverName(ip: string, ports: readonly Port[], traffic: readonly Traffic[]): string {
  const own = ports.filter((port) => port.ip === ip);
  const protocol = own[0]?.protocol;
  const databases = new Set(
    own.flatMap(({ port }) => traffic.flatMap(({ databases }) => databases.get(`${ip} ${port}`) ?? [])),
  );
  if (protocol === 'amqp') return 'broker';
  if (protocol !== 'postgres' && protocol !== 'mysql') return `service-${ip.replaceAll(/[.:]+/g, '-')}`;
  const [database] = databases;
  const named = databases.size === 1 && database !== undefined && /^[A-Za-z][\w-]{0,40}$/.test(database);
  return named ? `${database.toLowerCase().replaceAll('_', '-')}-${protocol}` : protocol;
}

function portsOf(at: readonly string[], ports: readonly Port[]): LearntPrincipal['ports'] {
  const found: Partial<Record<Protocol, number[]>> = {};
  for (const { ip, port, protocol } of ports) {
    if (!at.includes(ip)) continue;
    const known = found[protocol] ?? [];
    found[protocol] = [...new Set([...known, port])].sort((a, b) => a - b);
  }
  return found;
}

/** IPv4 before IPv6, each by its value. */
function byAddress(a: string, b: string): number {
  const [left, right] = [parsePrefix(a), parsePrefix(b)];
  if (left === null || right === null || left.bits !== right.bits)
    return (left?.bits ?? 0) - (right?.bits ?? 0);
  return left.value < right.value ? -1 : left.value > right.value ? 1 : 0;
}

function isMonitor(exchanges: readonly Exchange[]): boolean {
  return exchanges.every(({ asked }) => asked.kind === 'http' && HEALTH.test(asked.request.target));
}

function isOwn(ip: string): boolean {
  const address = parsePrefix(ip);
  return address !== null && OWN.some((range) => prefixesOverlap(range, address));
}
