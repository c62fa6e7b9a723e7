// What an operator does on one bridge. Enters: contracts, flows to cut, names; leaves: what the switch made of it, or one clear refusal.
import { join } from 'node:path';
import { InputError } from '../../errors.ts';
import { type Endpoint, formatEndpoint, type Micros } from '../../flow.ts';
import { type Contract, type ContractId, printContract } from '../contract.ts';
import { ContractBook, type Request } from '../contracts.ts';
import type { Counts } from '../driver.ts';
import { BridgeRow } from './bridge-row.ts';
import { type Clock, systemClock } from './clock.ts';
import { deliveredBy } from './counts.ts';
import { BASE_COOKIE, blockCookie, DEFAULT_LAYOUT, isOwn } from './layout.ts';
import {
  keyOf,
  type Ledger,
  type OperatorBlock,
  type OperatorContract,
  readLedger,
  writeBlock,
  writeContract,
} from './ledger.ts';
import type { ContractState } from './notice.ts';
import { converge, listTables, OPERATOR_RUN, type Place, within } from './visit.ts';

export interface OperatorOptions {
  readonly bridge: string;
  /** Where Open vSwitch has its sockets. */
  readonly runDirectory: string;
  readonly clock?: Clock;
}

/** How far something is: as asked for, not there for a reason, or only in the ledger. */
export type Standing = ContractState | { readonly kind: 'missing' };

export interface Listing {
  readonly contracts: readonly {
    readonly contract: OperatorContract;
    readonly standing: Standing;
    readonly delivered: Counts;
  }[];
  readonly blocks: readonly {
    readonly block: OperatorBlock;
    readonly installed: boolean;
    readonly dropped: Counts;
  }[];
  /** Flows in our tables that engines or strangers have. */
  readonly others: number;
}

const NOTHING: Counts = { packets: 0, bytes: 0 };

/** Each call reads the ledger, changes it, and brings the switch to it: also what a switch that started again has lost. */
export class Operator {
  readonly #place: Place;

  constructor({ bridge, runDirectory, clock = systemClock }: OperatorOptions) {
    this.#place = { bridge, directory: runDirectory, clock };
  }

  /** @throws InputError `contract-refused` when it overlaps another one, or the switch refuses it */
  async tap(
    contract: Contract,
    request: Request,
  ): Promise<{ readonly id: ContractId; readonly standing: Standing }> {
    return this.#alone(async (row) => {
      const ids = await row.read();
      const ledger = readLedger(this.#place.bridge, ids);
      const grant = bookOf(ledger).ask(contract, request);
      if (grant.kind === 'overlap') throw overlap(contract, grant.with, grant.packet);
      if (grant.kind === 'full')
        throw new InputError(
          'contract-refused',
          null,
          `there are ${grant.capacity} contracts`,
          'end some with untap',
        );
      const granted = { ...grant.contract, why: request.why };
      const key = keyOf('c', granted.number);
      await row.change(ids, new Map([...this.#expired(ledger), [key, writeContract(granted)]]));
      const after = { ...ledger, contracts: [...ledger.contracts, granted] };
      const { standings } = await converge(this.#place, after);
      const standing = standings.get(granted.id) ?? { kind: 'missing' };
      if (standing.kind === 'failed') {
        await row.change(await row.read(), new Map([[key, null]]));
        throw new InputError(
          'contract-refused',
          null,
          `the switch refuses it: ${standing.why}`,
          'change the contract',
        );
      }
      return { id: granted.id, standing };
    });
  }

  /** Gives the contract that ended. @throws InputError `usage` when there is none of that name */
  async untap(id: string): Promise<OperatorContract> {
    return this.#alone(async (row) => {
      const ids = await row.read();
      const ledger = readLedger(this.#place.bridge, ids);
      const found = ledger.contracts.find((contract) => contract.id === id);
      if (found === undefined) throw unknown('contract', id, this.#place.bridge);
      await row.change(ids, new Map([...this.#expired(ledger), [keyOf('c', found.number), null]]));
      await converge(this.#place, {
        ...ledger,
        contracts: ledger.contracts.filter((contract) => contract !== found),
      });
      return found;
    });
  }

  /** Cuts both directions of a TCP connection. @throws InputError `contract-refused` when the switch refuses it */
  async drop(
    ends: readonly [Endpoint, Endpoint],
    vlan: number | null,
    until: Micros,
    request: Request,
  ): Promise<{ readonly id: string; readonly installed: boolean }> {
    return this.#alone(async (row) => {
      const ids = await row.read();
      const ledger = readLedger(this.#place.bridge, ids);
      const number = 1 + Math.max(0, ...ledger.blocks.map((block) => block.number));
      const block: OperatorBlock = { number, ends, vlan, until, ...request };
      const changes = new Map([...this.#expired(ledger), [keyOf('b', number), writeBlock(block)] as const]);
      await row.change(ids, changes);
      const { reports } = await converge(this.#place, { ...ledger, blocks: [...ledger.blocks, block] });
      const own = reports.filter((report) => report.block === `b${number}`);
      const failed = own.find((report) => report.kind === 'failed');
      if (failed?.kind === 'failed') {
        await row.change(await row.read(), new Map([[keyOf('b', number), null]]));
        throw new InputError(
          'contract-refused',
          null,
          `the switch refuses it: ${failed.why}`,
          'look at "flowtap list"',
        );
      }
      return { id: `b${number}`, installed: own.some(({ kind }) => kind === 'installed') };
    });
  }

  /** Lets a flow pass again. @throws InputError `usage` when there is no such block */
  async release(id: string): Promise<OperatorBlock> {
    return this.#alone(async (row) => {
      const ids = await row.read();
      const ledger = readLedger(this.#place.bridge, ids);
      const found = ledger.blocks.find(({ number }) => `b${number}` === id);
      if (found === undefined) throw unknown('block', id, this.#place.bridge);
      await row.change(ids, new Map([...this.#expired(ledger), [keyOf('b', found.number), null]]));
      await converge(this.#place, { ...ledger, blocks: ledger.blocks.filter((block) => block !== found) });
      return found;
    });
  }

  /** Changes nothing. */
  async list(): Promise<Listing> {
    return this.#with(async (row) => {
      const { contracts, blocks } = readLedger(this.#place.bridge, await row.read());
      const { cut, from, to } = DEFAULT_LAYOUT;
      const [cutFlows = [], ...tapFlows] = await listTables(this.#place, [cut, from, to]);
      const own = tapFlows.flat().filter(({ cookie }) => isOwn(cookie, OPERATOR_RUN));
      const delivered = deliveredBy(own);
      const others = [...cutFlows, ...tapFlows.flat()].filter(
        ({ cookie }) => cookie !== BASE_COOKIE && !isOwn(cookie, OPERATOR_RUN),
      );
      return {
        contracts: contracts.map((contract) => {
          const counts = delivered.get(contract.id);
          const standing: Standing = { kind: counts === undefined ? 'missing' : 'installed' };
          return { contract, standing, delivered: counts ?? NOTHING };
        }),
        blocks: blocks
          .filter(({ until }) => until > this.#place.clock.wall())
          .map((block) => {
            const flows = cutFlows.filter(({ cookie }) => cookie === blockCookie(OPERATOR_RUN, block.number));
            const sum = (of: 'packets' | 'bytes') =>
              flows.reduce((total, flow) => total + Number(flow[of]), 0);
            return {
              block,
              installed: flows.length === 2,
              dropped: { packets: sum('packets'), bytes: sum('bytes') },
            };
          }),
        others: others.length,
      };
    });
  }

  /** Changes go one after another, whoever makes them. */
  #alone<T>(run: (row: BridgeRow) => Promise<T>): Promise<T> {
    return this.#with(async (row) => {
      await row.lock();
      return run(row);
    });
  }

  async #with<T>(run: (row: BridgeRow) => Promise<T>): Promise<T> {
    const row = new BridgeRow(join(this.#place.directory, 'db.sock'), this.#place.bridge, this.#place.clock);
    try {
      return await within(run(row), 'it did not answer');
    } finally {
      row.stop();
    }
  }

  /** Keys of blocks whose time is over: the switch has ended them already. */
  #expired({ blocks }: Ledger): [string, null][] {
    const over = blocks.filter(({ until }) => until <= this.#place.clock.wall());
    return over.map(({ number }) => [keyOf('b', number), null]);
  }
}

function bookOf({ contracts }: Ledger): ContractBook {
  const book = new ContractBook();
  for (const contract of contracts) book.restore(contract);
  return book;
}

function overlap(
  contract: Contract,
  other: Contract & { readonly id: ContractId; readonly by: string },
  packet: string,
) {
  return new InputError(
    'contract-refused',
    null,
    `${printContract(contract)} overlaps ${other.id}, ${printContract(other)}, which ${other.by} asked for: both deliver ${packet}`,
    `make them disjoint, or end the other one by "untap ${other.id}"`,
  );
}

function unknown(what: string, id: string, bridge: string): InputError {
  return new InputError(
    'usage',
    null,
    `there is no ${what} "${id}" on bridge "${bridge}"`,
    '"flowtap list" shows them',
  );
}

/** `10.0.0.1:80 and 10.0.0.2:81`. */
export function formatEnds([one, other]: OperatorBlock['ends']): string {
  return `${formatEndpoint(one)} and ${formatEndpoint(other)}`;
}
