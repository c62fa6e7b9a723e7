// `flowtap list`: what operators asked for on a bridge, and what the switch has of it. Enters: a bridge; leaves: two tables, or JSON.
import type { Command } from 'commander';
import { printContract } from '../flowtap/contract.ts';
import { formatEnds, type Listing } from '../flowtap/ovs/operator.ts';
import { type BridgeOptions, moment, operatorOf, withBridgeOptions } from './bridge.ts';
import { EXIT, type Finish } from './exit-codes.ts';
import { safe } from './report/safe.ts';
import { drawTable } from './report/table.ts';
import type { Terminal } from './terminal.ts';

interface ListOptions extends BridgeOptions {
  readonly json?: true;
}

export function addList(program: Command, terminal: Terminal, finish: Finish): void {
  const command = program
    .command('list')
    .description(
      'Shows contracts and cut connections: who asked, when, why, and whether the switch has them.',
    )
    .argument('<bridge>', 'the bridge');
  withBridgeOptions(command)
    .option('--json', 'as one JSON object')
    .action(async (bridge: string, options: ListOptions) => {
      const listing = await operatorOf(bridge, options).list();
      terminal.out(
        options.json === true
          ? `${JSON.stringify(recordOf(listing), null, 2)}\n`
          : describe(listing, terminal),
      );
      finish(EXIT.explained);
    });
}

function recordOf({ contracts, blocks, others }: Listing) {
  return {
    contracts: contracts.map(({ contract, standing, delivered }) => ({
      id: contract.id,
      contract: printContract(contract),
      by: contract.by,
      at: moment(contract.at),
      why: contract.why,
      installed: standing.kind === 'installed',
      delivered_packets: delivered.packets,
      delivered_bytes: delivered.bytes,
    })),
    blocks: blocks.map(({ block, installed, dropped }) => ({
      id: `b${block.number}`,
      ends: block.ends.map(({ ip, port }) => ({ ip, port })),
      vlan: block.vlan,
      by: block.by,
      at: moment(block.at),
      why: block.why,
      until: moment(block.until),
      installed,
      dropped_packets: dropped.packets,
      dropped_bytes: dropped.bytes,
    })),
    flows_of_others: others,
  };
}

const HEAD = ['in the switch', 'packets', 'asked by', 'at', 'why'];

function describe({ contracts, blocks, others }: Listing, { colours }: Terminal): string {
  const asked = ({ by, at, why }: { readonly by: string; readonly at: number; readonly why: string }) => [
    safe(by, 80),
    moment(at),
    safe(why, 200),
  ];
  const yes = (installed: boolean): string => (installed ? 'yes' : colours.red('no'));
  const contractRows = contracts.map(({ contract, standing, delivered }) => [
    contract.id,
    safe(printContract(contract)),
    yes(standing.kind === 'installed'),
    String(delivered.packets),
    ...asked(contract),
  ]);
  const blockRows = blocks.map(({ block, installed, dropped }) => [
    `b${block.number}`,
    `${formatEnds(block.ends)}${block.vlan === null ? '' : `, VLAN ${block.vlan}`}, until ${moment(block.until)}`,
    yes(installed),
    String(dropped.packets),
    ...asked(block),
  ]);
  const section = (title: string, what: string, rows: readonly string[][]): string =>
    rows.length === 0 ? '' : `${colours.bold(title)}\n${drawTable(['', what, ...HEAD], rows, colours)}\n`;
  const parts = [
    section('contracts', 'FlowTap(SRC, DST, Flow_Syntax, Action)', contractRows),
    section('cut connections', 'between', blockRows),
    contracts.length + blocks.length === 0 ? 'no operator asked for anything on this bridge\n' : '',
    others === 0 ? '' : `${others} flows in the same tables are those of engines or of strangers\n`,
  ];
  return parts.join('');
}
