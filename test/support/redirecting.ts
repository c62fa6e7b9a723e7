// A client, a server, and a gate between them, each in a network namespace. Enters: nothing; leaves: a wire that redirects TCP to the gate.
import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { promisify } from 'node:util';
import { isInstalled } from './open-vswitch.ts';

const run = promisify(execFile);

/** Addresses of the two ends; the gate has none. */
export const CLIENT = { ip: '10.9.0.1', mac: '02:00:00:00:09:01' } as const;
export const SERVER = { ip: '10.9.0.2', mac: '02:00:00:00:09:02' } as const;
const GATE_MAC = '02:00:00:00:09:03';
const ENDS = [
  ['c', CLIENT.mac],
  ['s', SERVER.mac],
  ['g', GATE_MAC],
] as const;

const PROBE = `table inet probe {
  chain c {
    type filter hook prerouting priority -150
    meta nfproto ipv4 meta l4proto tcp tproxy ip to :1
  }
}
`;

/** Why this cannot run here; null when it can. */
export function whyNoRedirect(): string | null {
  const missing = ['ip', 'nft', 'sysctl', 'tcpdump'].filter((program) => !isInstalled(program));
  if (missing.length > 0) return `transparent gates need ${missing.join(', ')}`;
  if (process.getuid?.() !== 0) return 'transparent gates need root, for network namespaces';
  try {
    execFileSync('unshare', ['-n', 'nft', '-c', PROBE], { stdio: 'ignore', timeout: 20_000 });
    return null;
  } catch {
    return 'transparent gates need a kernel with network namespaces and nft_tproxy';
  }
}

let made = 0;

/** Frames of TCP between client and server go to the gate instead, and come from it as if it was not there. */
export class Redirecting {
  readonly #prefix = `fg${process.pid}x${++made}`;
  readonly #children: ChildProcess[] = [];

  static async up(): Promise<Redirecting> {
    const wire = new Redirecting();
    await wire.#build();
    return wire;
  }

  namespace(of: 'c' | 's' | 'g'): string {
    return `${this.#prefix}-${of}`;
  }

  /** Runs a program in a namespace to its end; gives what it wrote, also where it fails. */
  async in(of: 'c' | 's' | 'g', program: string, ...argv: readonly string[]): Promise<string> {
    const args = ['netns', 'exec', this.namespace(of), program, ...argv];
    const { stdout } = await run('ip', args, { timeout: 20_000 }).catch((error: { stdout?: string }) => ({
      stdout: `failed ${error.stdout ?? ''}`,
    }));
    return stdout;
  }

  /** Starts a program that stays. */
  spawn(of: 'c' | 's' | 'g', program: string, ...argv: readonly string[]): ChildProcess {
    const child = spawn('ip', ['netns', 'exec', this.namespace(of), program, ...argv], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#children.push(child);
    return child;
  }

  async down(): Promise<void> {
    for (const child of this.#children) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      child.kill('SIGKILL');
      await once(child, 'close');
    }
    for (const name of ['c', 's', 'g', 'w']) await run('ip', ['netns', 'del', `${this.#prefix}-${name}`]);
  }

  async #build(): Promise<void> {
    const wire = `${this.#prefix}-w`;
    for (const name of ['w', 'c', 's', 'g']) await run('ip', ['netns', 'add', `${this.#prefix}-${name}`]);
    for (const [name, mac] of ENDS) {
      const inner = `${this.#prefix}-${name}`;
      await run('ip', [
        '-n',
        wire,
        'link',
        'add',
        name,
        'type',
        'veth',
        'peer',
        'name',
        'eth0',
        'address',
        mac,
        'netns',
        inner,
      ]);
      await run('ip', ['-n', wire, 'link', 'set', name, 'up']);
      await run('ip', ['-n', inner, 'link', 'set', 'lo', 'up']);
      await run('ip', ['-n', inner, 'link', 'set', 'eth0', 'up']);
    }
    await run('ip', ['-n', this.namespace('c'), 'addr', 'add', `${CLIENT.ip}/24`, 'dev', 'eth0']);
    await run('ip', ['-n', this.namespace('s'), 'addr', 'add', `${SERVER.ip}/24`, 'dev', 'eth0']);
    const rules = `table netdev wire {
  chain c { type filter hook ingress device "c" priority 0
    ip protocol tcp fwd to "g"
    fwd to "s"
  }
  chain s { type filter hook ingress device "s" priority 0
    ip protocol tcp fwd to "g"
    fwd to "c"
  }
  chain g { type filter hook ingress device "g" priority 0
    ether daddr ${CLIENT.mac} fwd to "c"
    ether daddr ${SERVER.mac} fwd to "s"
    drop
  }
}`;
    await run('ip', ['netns', 'exec', wire, 'nft', rules]);
  }
}
