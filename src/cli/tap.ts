// `flowtap tap`: asks for a contract on a bridge. Enters: a contract; leaves: its name, and whether the switch has it.
import type { Command } from 'commander';
import { InputError } from '../errors.ts';
import { type Contract, makeContract, parseContract, printContract } from '../flowtap/contract.ts';
import { type ChangeOptions, operatorOf, requestOf, withRequestOptions } from './bridge.ts';
import { EXIT, type Finish } from './exit-codes.ts';
import { safe } from './report/safe.ts';
import type { Terminal } from './terminal.ts';

export function addTap(program: Command, terminal: Terminal, finish: Finish): void {
  const command = program
    .command('tap')
    .description('Has packets of a port delivered to a security VM: FlowTap(SRC, DST, Flow_Syntax, Action).')
    .argument('<bridge>', 'the bridge that both ports are on')
    .argument('<contract...>', 'SRC DST FLOW forward|redirect, or "FlowTap(SRC, DST, FLOW, forward)"');
  withRequestOptions(command).action(
    async (bridge: string, words: readonly string[], options: ChangeOptions) => {
      const contract = contractOf(words);
      const { id, standing } = await operatorOf(bridge, options).tap(contract, requestOf(options));
      terminal.out(`${id} ${safe(printContract(contract))}\n`);
      // Kept, and set as soon as it can be; whoever asked should know that nothing is delivered yet.
      if (standing.kind === 'waiting') terminal.err(`flowtap: ${id} waits: ${safe(standing.why)}\n`);
      finish(EXIT.explained);
    },
  );
}

function contractOf(words: readonly string[]): Contract {
  const [first = '', destination, flow, action, ...more] = words;
  if (destination === undefined) return parseContract(first);
  if (flow === undefined || action === undefined || more.length > 0)
    throw new InputError(
      'usage',
      null,
      `a contract has four parts, not ${words.length}`,
      'write SRC DST FLOW forward|redirect, with the flow in quotes when it has spaces',
    );
  return makeContract(first, destination, flow, action.toLowerCase());
}
