// `flowtap check`: what follows from a policy. Enters: a policy; leaves: its services, requests, chains, connections and contracts.
import type { Command } from 'commander';
import type { Containment } from '../engine.ts';
import { EXIT, type Finish } from './exit-codes.ts';
import { containmentOption, loadOptions, requireUsable, showNotes } from './inputs.ts';
import { loadPolicies } from './load-policy.ts';
import { describePolicy } from './report/policy.ts';
import type { Terminal } from './terminal.ts';

interface CheckOptions {
  readonly json?: true;
  readonly containment: Containment;
}

export function addCheck(program: Command, terminal: Terminal, finish: Finish): void {
  program
    .command('check')
    .description('Type-checks a policy, says what is wrong with it, and prints what follows from it.')
    .argument('<policy>', 'policy module (.ts) or document (.json)')
    .option('--json', 'print the document itself')
    .addOption(containmentOption())
    .action(async (file: string, options: CheckOptions) => {
      const [policy] = await loadPolicies([file], loadOptions(true, terminal));
      if (policy === undefined) return;
      requireUsable(policy, terminal);
      showNotes(policy, terminal);
      const { document } = policy;
      terminal.out(
        options.json === true
          ? `${JSON.stringify(document, null, 2)}\n`
          : describePolicy(document, options.containment, terminal.colours),
      );
      finish(EXIT.explained);
    });
}
