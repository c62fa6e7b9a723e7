// The life of a lab: one at a time, in a scratch folder, and without a trace however it ends. Enters: work; leaves: its exit code.
import { chmodSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { hasNetwork, removeNetwork, requireNoNetwork } from './network.ts';
import { LabError } from './system.ts';

const SCRATCH = 'flowtap-lab-';

/** Removes what a run that was killed with -9 has left. */
export async function cleanUp(): Promise<void> {
  await removeNetwork();
  for (const name of readdirSync(tmpdir())) {
    if (name.startsWith(SCRATCH)) rmSync(`${tmpdir()}/${name}`, { recursive: true, force: true });
  }
}

/** Runs `work` in a folder of its own and removes folder, processes and namespaces afterwards, also when it is told to stop. */
export async function lived(work: (scratch: string) => Promise<void>): Promise<void> {
  requireNoNetwork();
  const scratch = mkdtempSync(`${tmpdir()}/${SCRATCH}`);
  // The servers run as users of their own, each in a folder of its own below this one.
  chmodSync(scratch, 0o711);
  const before = process.env.TMPDIR;
  process.env.TMPDIR = scratch;
  let cleaned: Promise<void> | undefined;
  const clean = (): Promise<void> => {
    cleaned ??= removeNetwork().then(() => rmSync(scratch, { recursive: true, force: true }));
    return cleaned;
  };
  const leave = (code: number): void => {
    clean().then(
      () => process.exit(code),
      () => process.exit(code),
    );
  };
  const told = (): void => leave(130);
  const faulty = (error: Error): void => {
    process.stderr.write(`lab: ${String(error.stack)}\n`);
    leave(1);
  };
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const signal of signals) process.on(signal, told);
  process.on('uncaughtException', faulty);
  try {
    await work(scratch);
  } finally {
    await clean();
    for (const signal of signals) process.off(signal, told);
    process.off('uncaughtException', faulty);
    if (before === undefined) delete process.env.TMPDIR;
    else process.env.TMPDIR = before;
  }
  if (hasNetwork() || existsSync(scratch))
    throw new LabError(
      'namespaces or the folder of this run are left: remove them by `npm run lab -- --clean`',
    );
}

/** Ends the process as `main` ends: 2 for what a person can mend, 1 for a fault. */
export function exitWith(main: Promise<number>): void {
  main.then(
    (code) => process.exit(code),
    (error: unknown) => {
      process.stderr.write(
        `lab: ${error instanceof LabError ? error.message : String((error as Error).stack)}\n`,
      );
      process.exit(error instanceof LabError ? 2 : 1);
    },
  );
}
