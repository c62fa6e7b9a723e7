// The rental's six services, alive for one story. Enters: who is compromised and how; leaves: running services, what they reported, their end.
import type { FromService, Offence, ToService } from './messages.ts';
import { Peer } from './processes.ts';
import { LabError } from './system.ts';
import { SERVICES, type ServiceName } from './topology.ts';

/** Environment of single services: `COMPROMISED`, `FIRST_CHARGE_DELAY`, `CALL_TIMEOUT`, `POOL`. */
export type Switches = Partial<Record<ServiceName, Record<string, string>>>;

type Service = Peer<FromService, ToService>;

export class Application {
  readonly offences: Offence[] = [];
  readonly #services = new Map<ServiceName, Service>();
  readonly #handled = new Map<string, boolean>();
  readonly #waiting = new Map<string, (shipped: boolean) => void>();
  #broken: Promise<never> = new Promise(() => undefined);

  async start(switches: Switches): Promise<void> {
    const ready = SERVICES.map((name) => {
      const service: Service = new Peer(name, `services/${name}.ts`, switches[name] ?? {});
      service.on((message) => this.#hear(message));
      this.#services.set(name, service);
      return service.next('ready');
    });
    this.#broken = Promise.race([...this.#services.values()].map((service) => service.failed));
    this.#broken.catch(() => undefined);
    await Promise.all(ready);
  }

  #hear(message: FromService): void {
    if (message.kind === 'offence') this.offences.push(message.offence);
    if (message.kind === 'handled') {
      this.#handled.set(message.contract, message.shipped);
      this.#waiting.get(message.contract)?.(message.shipped);
      this.#waiting.delete(message.contract);
    }
  }

  /** Resolves when DVD-Update is through with the message of this contract: has the DVD been shipped? */
  async handled(contract: string): Promise<boolean> {
    const before = this.#handled.get(contract);
    if (before !== undefined) return before;
    let timer: NodeJS.Timeout | undefined;
    const done = new Promise<boolean>((resolve, reject) => {
      timer = setTimeout(() => reject(new LabError(`${contract} never came out of the queue`)), 20_000);
      this.#waiting.set(contract, resolve);
    });
    return Promise.race([done, this.#broken]).finally(() => clearTimeout(timer));
  }

  attack(service: ServiceName): void {
    this.#services.get(service)?.tell({ kind: 'attack' });
  }

  /** Callers before those they call, so that connections are closed by whoever opened them. */
  async stop(): Promise<void> {
    const said: string[] = [];
    for (const name of [...SERVICES].reverse()) {
      const service = this.#services.get(name);
      await service?.stop();
      if (service !== undefined && service.said !== '') said.push(`${name} said: ${service.said}`);
    }
    if (said.length > 0) throw new LabError(said.join('\n'));
  }
}
