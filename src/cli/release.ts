// `flowtap release`: lets a cut connection pass again. Enters: the block's name; leaves: what it was, and who had asked for it.
import type { Command } from 'commander';
import { formatEnds } from '../flowtap/ovs/operator.ts';
import { type BridgeOptions, moment, operatorOf, withBridgeOptions } from './bridge.ts';
import { EXIT, type Finish } from './exit-codes.ts';
import { safe } from './report/safe.ts';
import type { Terminal } from './terminal.ts';

export function addRelease(program: Command, terminal: Terminal, finish: Finish): void {
  const command = program
    .command('release')
    .description('Lets a connection that was cut by "drop" pass again.')
    .argument('<bridge>', 'the bridge')
    .argument('<block>', 'its name, as "flowtap list" prints it');
  withBridgeOptions(command).action(async (bridge: string, id: string, options: BridgeOptions) => {
    const { ends, by, at } = await operatorOf(bridge, options).release(id);
    terminal.out(`released ${id} ${safe(formatEnds(ends))}, asked for by ${safe(by)} at ${moment(at)}\n`);
    finish(EXIT.explained);
  });
}
