#!/usr/bin/env node
// The program `flowtap`. Enters: the arguments of this process; leaves: its exit code.
import { runProgram } from './program.ts';
import { processTerminal } from './terminal.ts';

process.exitCode = await runProgram(process.argv.slice(2), processTerminal());
