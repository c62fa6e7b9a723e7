// What a story may do. Enters: the application and those outside; leaves: rentals, returns, new users, with their outcomes checked.
import type { Application } from './application.ts';
import type { Answered, Outsiders } from './outsiders.ts';
import { LabError } from './system.ts';
import { CUSTOMER_COUNT, type ServiceName } from './topology.ts';

export interface Rental {
  readonly contract: string;
  readonly dvd: number;
}

export class Stage {
  readonly #application: Application;
  readonly #outsiders: Outsiders;
  /** Each user sits at one address for the whole story. */
  readonly #seats = new Map<string, number>();
  rentals = 0;

  constructor(application: Application, outsiders: Outsiders) {
    this.#application = application;
    this.#outsiders = outsiders;
  }

  get customers(): number {
    return this.#seats.size;
  }

  #seat(user: string): number {
    const seat = this.#seats.get(user) ?? this.#seats.size + 1;
    if (seat > CUSTOMER_COUNT) throw new LabError(`no address is left for ${user}`);
    this.#seats.set(user, seat);
    return seat;
  }

  async #ask(
    user: string,
    service: ServiceName,
    path: string,
    body: Record<string, unknown>,
    expected: number,
  ): Promise<Answered> {
    const answer = await this.#outsiders.ask(this.#seat(user), user, service, path, body);
    if (answer.status !== expected) {
      throw new LabError(`${user} ${path}: ${answer.status} ${JSON.stringify(answer.body)}, not ${expected}`);
    }
    return answer;
  }

  async rent(user: string, dvd: number): Promise<Rental> {
    const { body } = await this.#ask(user, 'contract-update', '/contracts', { dvd }, 201);
    this.rentals++;
    return { contract: String(body.contract), dvd };
  }

  async failToPay(user: string, dvd: number): Promise<void> {
    await this.#ask(user, 'contract-update', '/contracts', { dvd }, 402);
  }

  /** True once the DVD has been sent, and can come back; false when the customer waits in vain. */
  shipped({ contract }: Rental): Promise<boolean> {
    return this.#application.handled(contract);
  }

  async giveBack(user: string, { contract, dvd }: Rental): Promise<void> {
    await this.#ask(user, 'dvd-return', '/returns', { contract, dvd }, 200);
  }

  /** A newcomer, at an address of their own or at that of `neighbour`. */
  async register(name: string, neighbour = name): Promise<void> {
    const seat = this.#seat(neighbour);
    const body = { name, email: `${name}@example.com` };
    const answer = await this.#outsiders.ask(seat, name, 'user-create', '/users', body);
    if (answer.status !== 201) throw new LabError(`${name} is not registered: ${answer.status}`);
  }

  probe(): Promise<void> {
    return this.#outsiders.probeAll();
  }

  attack(service: ServiceName): void {
    this.#application.attack(service);
  }
}
