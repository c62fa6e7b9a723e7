// `flowtap check`: what follows from a policy. Enters: a policy; leaves: its services, requests, chains, connections and contracts.
import type { Command } from 'commander';
import { EXIT, type Finish } from './exit-codes.ts';
import { requireUsable } from './inputs.ts';
import { loadPolicies } from './load-policy.ts';
import { describePolicy } from './report/policy.ts';
import type { Terminal } from './terminal.ts';

/** Milliseconds that a policy module may take to load. */
const LOAD_TIMEOUT = 10_000;

export function addCheck(program: Command, terminal: Terminal, finish: Finish): void {
  program
    .command('check')
    .description('Type-checks a policy, says what is wrong with it, and prints what follows from it.')
    .argument('<policy>', 'policy module (.ts) or document (.json)')
    .option('--json', 'print the document itself')
    .action(async (file: string, options: { readonly json?: true }) => {
      const print = (text: string): void => terminal.err(text);
      const [policy] = await loadPolicies([file], { typecheck: true, timeout: LOAD_TIMEOUT, print });
      if (policy === undefined) return;
      requireUsable(policy, terminal);
      const { document } = policy;
      terminal.out(
        options.json === true
          ? `${JSON.stringify(document, null, 2)}\n`
          : describePolicy(document, terminal.colours),
      );
      finish(EXIT.explained);
    });
}
