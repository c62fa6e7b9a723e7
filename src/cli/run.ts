// `flowtap run`: the live service. Enters: a configuration file; leaves: the journal and the log, until it is told to stop.
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { systemClock } from '../broker/clock.ts';
import { readConfig, type ServiceConfig } from '../config/config.ts';
import { InputError } from '../errors.ts';
import { runService } from '../live/service.ts';
import { launchTcpdump } from '../live/tcpdump.ts';
import { launchZeek } from '../zeek/launch.ts';
import { EXIT, type Finish } from './exit-codes.ts';
import { usablePolicies } from './inputs.ts';
import { packageVersion } from './package-file.ts';
import type { Terminal } from './terminal.ts';

interface RunOptions {
  readonly config: string;
  readonly check?: true;
  readonly typecheck: boolean;
}

export function addRun(program: Command, terminal: Terminal, finish: Finish): void {
  program
    .command('run')
    .description('Judges live traffic as one or more Zeeks see it, until it is told to stop.')
    .requiredOption('-c, --config <file>', 'configuration, YAML or JSON (docs/operations.md)')
    .option('--check', 'only check the configuration and the policies')
    .option('--no-typecheck', 'load the policies without checking their types')
    .action(async ({ config: file, check, typecheck }: RunOptions) => {
      const config = await loadConfig(file);
      const policies = await usablePolicies({ policy: config.policies, typecheck }, terminal);
      if (check !== true) {
        await runService(config, policies, {
          version: packageVersion(),
          clock: systemClock,
          wall: () => Date.now() * 1000,
          random: Math.random,
          launch: launchZeek,
          capture: launchTcpdump,
          restart: { minMs: 1000, maxMs: 60_000 },
          stdout: terminal.stdout,
          stderr: terminal.stderr,
          stop: terminal.stop,
          reload: async () => {
            const { policies: policy } = await loadConfig(file);
            // The log of a service is lines of JSON: only what keeps the policies from being used is said there.
            return usablePolicies({ policy, typecheck }, { ...terminal, err: () => {} }, true);
          },
          onReopen: (run) => terminal.onHangUp(run),
        });
      }
      finish(EXIT.explained);
    });
}

/** @throws InputError for a file that cannot be read or used */
async function loadConfig(file: string): Promise<ServiceConfig> {
  const path = resolve(file);
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    const code = cause instanceof Error && 'code' in cause ? cause.code : null;
    const problem = code === 'ENOENT' ? 'there is no such file' : `it cannot be read (${code})`;
    throw new InputError('config-unreadable', { file: path }, problem, 'check path and permissions', {
      cause,
    });
  });
  return readConfig(path, text);
}
