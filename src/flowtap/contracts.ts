// The contracts of one virtual network, and who asked for what. Enters: requests; leaves: grants, refusals, an audit trail.
import type { Micros } from '../flow.ts';
import { type Contract, type ContractId, printContract } from './contract.ts';
import type { PortName } from './port.ts';
import { commonFlow, describePacket } from './syntax/space.ts';

export interface GrantedContract extends Contract {
  readonly id: ContractId;
  /** From 1 to 25000; used again only after all others were. */
  readonly number: number;
  readonly by: string;
  readonly at: Micros;
}

/** Who asks, when and why: nothing changes without. */
export interface Request {
  readonly by: string;
  readonly at: Micros;
  readonly why: string;
}

/** What came of a request for a contract. */
export type Grant =
  | { readonly kind: 'granted'; readonly contract: GrantedContract }
  /** Both would deliver `packet`; one port's flows must not overlap (paper, III-A). */
  | { readonly kind: 'overlap'; readonly with: GrantedContract; readonly packet: string }
  | { readonly kind: 'full'; readonly capacity: number };

/** One line of the trail. */
export interface Trace extends Request {
  readonly what: 'granted' | 'refused' | 'withdrawn';
  readonly contract: string;
  /** Null for a refusal. */
  readonly id: ContractId | null;
  /** Why it was refused. */
  readonly reason: string | null;
}

/** Lines of the trail that are kept; what fell out is counted. */
const TRAIL = 1000;
/** As many as a switch has priorities for (ovs/layout.ts). */
const MOST = 25_000;

/** Many contracts on one port, none of which deliver the same packet. */
export class ContractBook {
  readonly #capacity: number;
  readonly #contracts = new Map<ContractId, GrantedContract>();
  readonly #bySource = new Map<PortName, Set<GrantedContract>>();
  #trail: Trace[] = [];
  #last = 0;
  /** Lines of the trail that are not kept any more. */
  forgotten = 0;

  constructor(capacity = 10_000) {
    this.#capacity = Math.min(capacity, MOST);
  }

  /** Asks for a contract. */
  ask(contract: Contract, request: Request): Grant {
    const overlap = this.#overlap(contract);
    if (overlap !== null) {
      this.#trace(
        'refused',
        contract,
        null,
        request,
        `overlaps ${overlap.with.id}: ${printContract(overlap.with)}`,
      );
      return { kind: 'overlap', ...overlap };
    }
    if (this.#contracts.size >= this.#capacity) {
      this.#trace('refused', contract, null, request, `there are ${this.#capacity} contracts`);
      return { kind: 'full', capacity: this.#capacity };
    }
    const number = this.#nextNumber();
    const granted = { ...contract, number, id: `c${number}` as ContractId, by: request.by, at: request.at };
    this.#keep(granted);
    this.#trace('granted', contract, granted.id, request, null);
    return { kind: 'granted', contract: granted };
  }

  /**
   * Takes over a contract that was granted before, by another process. @throws RangeError when its number is taken or it
   * overlaps another: then the record that it comes from was not made by this class
   */
  restore(contract: GrantedContract): void {
    if (this.#contracts.has(contract.id) || this.#overlap(contract) !== null)
      throw new RangeError(`${contract.id} contradicts another contract`);
    this.#keep(contract);
    this.#last = Math.max(this.#last, contract.number);
  }

  /** Ends a contract; null when there is none of that name. */
  withdraw(id: ContractId, request: Request): GrantedContract | null {
    const contract = this.#contracts.get(id);
    if (contract === undefined) return null;
    this.#contracts.delete(id);
    const siblings = this.#bySource.get(contract.source);
    siblings?.delete(contract);
    if (siblings?.size === 0) this.#bySource.delete(contract.source);
    this.#trace('withdrawn', contract, id, request, null);
    return contract;
  }

  /** In the order in which they were granted. */
  list(): readonly GrantedContract[] {
    return [...this.#contracts.values()];
  }

  /** The latest lines of the trail, oldest first. */
  trail(): readonly Trace[] {
    return this.#trail;
  }

  #overlap(contract: Contract): { readonly with: GrantedContract; readonly packet: string } | null {
    for (const other of this.#bySource.get(contract.source) ?? []) {
      const packet = commonFlow(contract.syntax, other.syntax);
      if (packet !== null) return { with: other, packet: describePacket(packet) };
    }
    return null;
  }

  #keep(contract: GrantedContract): void {
    this.#contracts.set(contract.id, contract);
    const siblings = this.#bySource.get(contract.source);
    if (siblings === undefined) this.#bySource.set(contract.source, new Set([contract]));
    else siblings.add(contract);
  }

  #nextNumber(): number {
    do this.#last = (this.#last % MOST) + 1;
    while (this.#contracts.has(`c${this.#last}` as ContractId));
    return this.#last;
  }

  #trace(
    what: Trace['what'],
    contract: Contract,
    id: ContractId | null,
    { by, at, why }: Request,
    reason: string | null,
  ): void {
    this.#trail.push({ what, contract: printContract(contract), id, by, at, why, reason });
    if (this.#trail.length <= TRAIL) return;
    this.#trail = this.#trail.slice(-TRAIL / 2);
    this.forgotten += TRAIL / 2 + 1;
  }
}
