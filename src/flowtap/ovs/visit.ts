// One visit to the switch on behalf of an operator. Enters: a ledger, tables; leaves: what the switch made of it, flows.
import { join } from 'node:path';
import type { InputError } from '../../errors.ts';
import type { ContractId } from '../contract.ts';
import type { BlockId, Change, Report } from '../driver.ts';
import { BridgeLink } from './bridge-link.ts';
import { unreachable } from './bridge-row.ts';
import type { Clock } from './clock.ts';
import { controlSocket } from './datapath.ts';
import { OvsDriver } from './driver.ts';
import { runOf } from './layout.ts';
import type { Ledger, OperatorBlock } from './ledger.ts';
import type { ContractState } from './notice.ts';
import type { FlowEntry } from './openflow/message.ts';

export interface Place {
  readonly bridge: string;
  /** Where Open vSwitch has its sockets. */
  readonly directory: string;
  readonly clock: Clock;
}

/** What the driver said while it brought the switch there. */
export interface Converged {
  readonly reports: readonly Report[];
  readonly standings: ReadonlyMap<ContractId, ContractState>;
}

/** All operators are one owner: what one asked for, another may end. They have no runs. */
export const OPERATOR_RUN = runOf('operator', 0);
/** Milliseconds that the switch may take. */
const PATIENCE = 15_000;

/** Brings the switch to what the ledger says. @throws InputError `switch-unreachable` */
export async function converge({ bridge, directory, clock }: Place, ledger: Ledger): Promise<Converged> {
  const reports: Report[] = [];
  const standings = new Map<ContractId, ContractState>();
  let lost: (why: string) => void = () => {};
  const away = new Promise<never>((_, reject) => {
    lost = (why) => reject(unreachable(why));
  });
  let ported: () => void = () => {};
  const ports = new Promise<void>((resolve) => {
    ported = resolve;
  });
  const driver = new OvsDriver({
    bridge,
    management: join(directory, `${bridge}.mgmt`),
    database: join(directory, 'db.sock'),
    control: controlSocket(directory),
    run: OPERATOR_RUN,
    clock,
    onNotice: (notice) => {
      if (notice.kind === 'down') lost(notice.why);
      if (notice.kind === 'contract') standings.set(notice.contract, notice.state);
    },
    onPlaces: () => ported(),
  });
  driver.listen((report) => reports.push(report));
  driver.setContracts(ledger.contracts);
  driver.apply(ledger.blocks.filter(({ until }) => until > clock.wall()).map(setOf), clock.wall());
  try {
    await within(Promise.race([ports, away]), 'OVSDB did not say where the ports are');
    await within(Promise.race([driver.settled(), away]), 'the switch did not take it');
    // The way through our tables costs every packet something.
    if (ledger.contracts.length + ledger.blocks.length === 0) await driver.uninstall();
  } finally {
    driver.stop();
  }
  return { reports, standings };
}

/** The flows of tables, each. @throws InputError `switch-unreachable` */
export async function listTables(
  { bridge, directory, clock }: Place,
  tables: readonly number[],
): Promise<readonly (readonly FlowEntry[])[]> {
  const management = join(directory, `${bridge}.mgmt`);
  let up: () => void = () => {};
  let down: (error: InputError) => void = () => {};
  const opened = new Promise<void>((resolve, reject) => {
    up = resolve;
    down = reject;
  });
  const handler = { up: () => up(), down: (why: string) => down(unreachable(why)), said: () => {} };
  const link = new BridgeLink(management, handler, clock, () => 0);
  try {
    await opened;
    const lists = await Promise.all(tables.map((table) => link.list(table)));
    return lists.map((flows) => flows ?? []);
  } finally {
    link.stop();
  }
}

function setOf({ number, ends: [orig, resp], vlan, until }: OperatorBlock): Change {
  const ip = orig.ip.includes(':') ? 6 : 4;
  const vlans = vlan === null ? [] : [vlan];
  const there = { ip, vlans, source: orig, destination: resp } as const;
  const back = { ip, vlans, source: resp, destination: orig } as const;
  const cookie = { run: OPERATOR_RUN, block: number };
  const rule = {
    block: `b${number}` as BlockId,
    cookie,
    where: 'operator',
    matches: [there, back],
    until,
  } as const;
  return { kind: 'set', rule };
}

/** @throws InputError when it takes too long */
export async function within<T>(work: Promise<T>, why: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(unreachable(`${why} within ${PATIENCE / 1000} s`)), PATIENCE);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
