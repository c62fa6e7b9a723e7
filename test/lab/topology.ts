// Who stands where in the lab's network. Enters: nothing; leaves: names, addresses, ports, namespaces, credentials.

export const PREFIX = 'ftlab-';
export const SWITCH = `${PREFIX}sw`;
export const BRIDGE = 'br0';
/** The `internet` namespace is the way to every address that is not in 10.1.0.0/24. */
export const GATEWAY = '10.1.0.1';

const HOSTS = {
  'user-create': ['10.1.0.10', 8080],
  'contract-update': ['10.1.0.11', 8080],
  'user-update': ['10.1.0.12', 8080],
  'dvd-update': ['10.1.0.13', 8080],
  'dvd-return': ['10.1.0.14', 8080],
  shipping: ['10.1.0.15', 8080],
  queue: ['10.1.0.20', 5672],
  'user-db': ['10.1.0.30', 5432],
  'dvd-db': ['10.1.0.31', 3306],
  monitor: ['10.1.0.5', 0],
  internet: [GATEWAY, 0],
} as const;

export type HostName = keyof typeof HOSTS;
export const HOST_NAMES = Object.keys(HOSTS) as HostName[];

export const SERVICES = [
  'shipping',
  'user-update',
  'user-create',
  'dvd-update',
  'dvd-return',
  'contract-update',
] as const satisfies readonly HostName[];
export type ServiceName = (typeof SERVICES)[number];

export const address = (host: HostName): string => HOSTS[host][0];
export const port = (host: HostName): number => HOSTS[host][1];
export const namespace = (host: HostName): string => PREFIX + host;
/** The hardware address repeats the IP address, so that a reader of a capture knows it at sight. */
export const mac = (host: HostName): string =>
  `02:00:${address(host)
    .split('.')
    .map((part) => Number(part).toString(16).padStart(2, '0'))
    .join(':')}`;

export const CUSTOMER_COUNT = 20;
export const customerAddress = (index: number): string => `198.51.100.${index}`;
export const OUTSIDE = { address: '203.0.113.9', port: 8443 } as const;

export const DATABASE = 'rental';
export const EXCHANGE = 'rentals';
export const QUEUE = 'rentals';
export const ROUTING_KEY = 'rental.created';

/** Each service has a login of its own wherever it may log in. The passwords guard nothing: the lab is sealed. */
export const login = (service: HostName): { user: string; password: string } => ({
  user: service.replace('-', '_'),
  password: `${service}-secret`,
});
