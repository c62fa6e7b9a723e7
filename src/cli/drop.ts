// `flowtap drop`: cuts a TCP connection, both ways, for a while. Enters: its two ends; leaves: the name of the block.
import { type Command, InvalidArgumentError } from 'commander';
import { InputError } from '../errors.ts';
import { formatEnds } from '../flowtap/ovs/operator.ts';
import {
  type ChangeOptions,
  duration,
  endpoint,
  moment,
  operatorOf,
  requestOf,
  withRequestOptions,
} from './bridge.ts';
import { EXIT, type Finish } from './exit-codes.ts';
import { safe } from './report/safe.ts';
import type { Terminal } from './terminal.ts';

interface DropOptions extends ChangeOptions {
  readonly for: string;
  readonly vlan?: number;
}

export function addDrop(program: Command, terminal: Terminal, finish: Finish): void {
  const command = program
    .command('drop')
    .description('Cuts a TCP connection in both directions, for a while.')
    .argument('<bridge>', 'the bridge that it passes')
    .argument('<end>', 'address and port: 10.0.0.1:40000 or [fd00::1]:40000')
    .argument('<end>', 'the other one');
  withRequestOptions(command)
    .option('--for <time>', 'how long: 90s, 10m, 2h, 1d', '1h')
    .option('--vlan <number>', 'the VLAN tag that its frames bear', vlanOf)
    .action(async (bridge: string, one: string, other: string, options: DropOptions) => {
      const request = requestOf(options);
      const ends = [endpoint(one), endpoint(other)] as const;
      if (ends[0].ip.includes(':') !== ends[1].ip.includes(':'))
        throw new InputError(
          'usage',
          null,
          `${one} and ${other} are of two kinds`,
          'give two IPv4 or two IPv6 ends',
        );
      const until = request.at + duration(options.for);
      const { id } = await operatorOf(bridge, options).drop(ends, options.vlan ?? null, until, request);
      terminal.out(`${id} ${safe(formatEnds(ends))} until ${moment(until)}\n`);
      finish(EXIT.explained);
    });
}

function vlanOf(text: string): number {
  const number = Number(text);
  if (!/^\d{1,4}$/.test(text) || number > 4095) throw new InvalidArgumentError('VLANs go from 0 to 4095.');
  return number;
}
