// What the kernel needs to hand redirected connections to the gate. Enters: names and numbers; leaves: rules set, or removed.
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { isIPv4 } from 'node:net';
import { InputError } from '../../errors.ts';

export interface Neighbour {
  readonly ip: string;
  readonly mac: string;
}

export interface KernelOptions {
  /** Where redirected frames come in, and go out again. */
  readonly interface: string;
  readonly port: number;
  /** Names the tables; nobody else may use them. */
  readonly owner: string;
  /** Marks redirected packets; the next number marks those of the gate. Both are also numbers of routing tables. */
  readonly mark: number;
  /** Whom the gate cannot ask for their Ethernet addresses, since it has none of its own. */
  readonly neighbours: readonly Neighbour[];
}

/** One program with its arguments; `input` is what it reads. */
export interface Step {
  readonly program: 'nft' | 'ip' | 'sysctl';
  readonly argv: readonly string[];
  readonly input?: string;
}

/**
 * Sets everything. First what a former run of this owner has left is removed: killed, it cannot do that itself. What is left
 * hands packets to nobody, and drops them.
 */
export function setSteps(options: KernelOptions, families: readonly Family[]): readonly Step[] {
  const { interface: device, mark, neighbours } = options;
  const ip = (...argv: readonly string[]): Step => ({ program: 'ip', argv });
  const routes = families.flatMap((number) => {
    const family = `-${number}`;
    return [
      ip(family, 'rule', 'add', 'fwmark', String(mark), 'lookup', String(mark), 'priority', PRIORITY),
      ip(family, 'rule', 'add', 'fwmark', String(mark + 1), 'lookup', String(mark + 1), 'priority', PRIORITY),
      ip(family, 'route', 'replace', 'local', 'default', 'dev', 'lo', 'table', String(mark)),
      ip(family, 'route', 'replace', 'default', 'dev', device, 'table', String(mark + 1)),
    ];
  });
  const known = neighbours.map(({ ip: address, mac }) =>
    ip('neigh', 'replace', address, 'lladdr', mac, 'nud', 'permanent', 'dev', device),
  );
  return [
    { program: 'nft', argv: ['-f', '-'], input: rules(options) },
    // Redirected packets come from where no route leads back to.
    { program: 'sysctl', argv: ['-qw', `net.ipv4.conf.${device.replaceAll('.', '/')}.rp_filter=0`] },
    ...routes,
    ...known,
  ];
}

/** Removes everything; steps that find nothing fail, which does not matter. */
function removeSteps({ interface: device, owner, mark, neighbours }: KernelOptions): readonly Step[] {
  const ip = (...argv: readonly string[]): Step => ({ program: 'ip', argv });
  return [
    ...TABLES.map((family): Step => ({ program: 'nft', argv: ['delete', 'table', family, tableOf(owner)] })),
    ...FAMILIES.flatMap((family) =>
      [mark, mark + 1].flatMap((number) => [
        ip(family, 'rule', 'del', 'fwmark', String(number), 'lookup', String(number)),
        ip(family, 'route', 'flush', 'table', String(number)),
      ]),
    ),
    ...neighbours.map(({ ip: address }) => ip('neigh', 'del', address, 'dev', device)),
  ];
}

export type Family = 4 | 6;
const FAMILIES = ['-4', '-6'] as const;
const TABLES = ['inet', 'netdev'] as const;
/** Before the main table. */
const PRIORITY = '20100';

function tableOf(owner: string): string {
  return `flowtap_${owner}`;
}

/**
 * nft(8). A redirected frame has the server's Ethernet address, so it has to be taken as ours before IP sees it; and what
 * the gate sends has that of whom it speaks for, so that no switch learns it here.
 */
function rules({ interface: device, port, owner, mark, neighbours }: KernelOptions): string {
  const table = tableOf(owner);
  const speaking = neighbours.map(
    ({ ip, mac }) => `    ${isIPv4(ip) ? 'ip' : 'ip6'} saddr ${ip} ether saddr set ${mac}\n`,
  );
  return `table netdev ${table} {
  chain take {
    type filter hook ingress device "${device}" priority -500
    meta pkttype other meta pkttype set host
  }
  chain speak {
    type filter hook egress device "${device}" priority 0
${speaking.join('')}  }
}
table inet ${table} {
  chain hand_over {
    type filter hook prerouting priority -150
    iifname != "${device}" return
    meta l4proto tcp socket transparent 1 meta mark set ${mark} accept
    meta nfproto ipv4 meta l4proto tcp tproxy ip to :${port} meta mark set ${mark} accept
    meta nfproto ipv6 meta l4proto tcp tproxy ip6 to :${port} meta mark set ${mark} accept
    drop
  }
}
`;
}

/** The families that an interface speaks: IPv6 may be turned off. */
export function familiesOf(device: string): readonly Family[] {
  try {
    const off = readFileSync(`/proc/sys/net/ipv6/conf/${device}/disable_ipv6`, 'utf8').trim();
    return off === '0' ? [4, 6] : [4];
  } catch {
    return [4];
  }
}

/** Runs steps in order. @throws InputError for the first that fails, unless `heedless` */
export async function runSteps(steps: readonly Step[], heedless = false): Promise<void> {
  for (const step of steps) {
    const failure = await run(step);
    if (failure === null || heedless) continue;
    const program = [step.program, ...step.argv].join(' ');
    throw new InputError(
      'config-invalid',
      null,
      `gate: "${program}" failed: ${failure}`,
      'install nftables and iproute2, and give the service CAP_NET_ADMIN',
    );
  }
}

/** Removes a rule as often as it is there: an add that was repeated adds it again. */
export async function clear(options: KernelOptions): Promise<void> {
  const steps = removeSteps(options);
  await runSteps(steps, true);
  for (const step of steps.filter(({ argv }) => argv[1] === 'rule')) {
    for (let times = 0; times < 64 && (await run(step)) === null; times++) {
      // Until it is not found any more.
    }
  }
}

/** What it said when it failed; null when it did not. */
function run({ program, argv, input }: Step): Promise<string | null> {
  return new Promise((resolve) => {
    const child = execFile(program, [...argv], { timeout: 10_000 }, (error, _out, errors) => {
      resolve(error === null ? null : (errors.trim().split('\n')[0] ?? '') || error.message);
    });
    child.stdin?.on('error', () => {
      // It ended before it had read all: its exit code says why.
    });
    child.stdin?.end(input ?? '');
  });
}
