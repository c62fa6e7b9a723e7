// Starts a Zeek, as far as the live service needs it to compile. Enters: what to listen to; leaves: an address and an end.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { InputError } from '../errors.ts';

export interface ZeekLaunch {
  readonly url: string;
  readonly exited: Promise<{ code: number | null; signal: string | null; errors: string }>;
  stop(): Promise<void>;
}

export interface LaunchOptions {
  readonly zeek?: string;
  readonly node: string;
  readonly interface?: string;
  readonly capture?: string;
  readonly port?: number;
  readonly extra?: readonly string[];
  readonly onLog: (line: string) => void;
}

/** @throws InputError when there is no Zeek */
export async function launchZeek(options: LaunchOptions): Promise<ZeekLaunch> {
  const program = options.zeek ?? process.env.ZEEK_BIN;
  if (program === undefined || !existsSync(program))
    throw new InputError('zeek-unusable', null, 'there is no Zeek', 'install it, or set ZEEK_BIN');
  const port = options.port ?? 27_759;
  const child = spawn(program, ['-i', options.interface ?? '', ...(options.extra ?? [])], {
    env: { ...process.env, FLOWTAP_NODE: options.node, FLOWTAP_PORT: String(port) },
  });
  const exited = new Promise<Awaited<ZeekLaunch['exited']>>((resolve) => {
    child.once('error', (error) => resolve({ code: null, signal: null, errors: error.message }));
    child.once('close', (code, signal) => resolve({ code, signal, errors: '' }));
  });
  child.stderr.on('data', (data: Buffer) => options.onLog(data.toString()));
  return {
    url: `ws://127.0.0.1:${port}`,
    exited,
    async stop() {
      child.kill('SIGTERM');
      await exited;
    },
  };
}
