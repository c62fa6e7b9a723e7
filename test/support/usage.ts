// The options of a command that is not the product's. Enters: how they are read; leaves: them, or one line, how to call it, and exit code 2.

/** What `read` gives; where it throws, says why and how the command is called, and ends the process. */
export function readOrExit<T>(read: () => T, usage: string): T {
  try {
    return read();
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n${usage}\n`);
    process.exit(2);
  }
}
