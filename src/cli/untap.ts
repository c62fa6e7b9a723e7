// `flowtap untap`: ends a contract. Enters: its name; leaves: what it was, and who had asked for it.
import type { Command } from 'commander';
import { printContract } from '../flowtap/contract.ts';
import { type BridgeOptions, moment, operatorOf, withBridgeOptions } from './bridge.ts';
import { EXIT, type Finish } from './exit-codes.ts';
import { safe } from './report/safe.ts';
import type { Terminal } from './terminal.ts';

export function addUntap(program: Command, terminal: Terminal, finish: Finish): void {
  const command = program
    .command('untap')
    .description('Ends a contract.')
    .argument('<bridge>', 'the bridge')
    .argument('<contract>', 'its name, as "flowtap list" prints it');
  withBridgeOptions(command).action(async (bridge: string, id: string, options: BridgeOptions) => {
    const contract = await operatorOf(bridge, options).untap(id);
    const { by, at } = contract;
    terminal.out(`ended ${id} ${safe(printContract(contract))}, asked for by ${safe(by)} at ${moment(at)}\n`);
    finish(EXIT.explained);
  });
}
