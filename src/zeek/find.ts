// Where Zeek and our scripts are. Enters: the environment; leaves: paths.
import { existsSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The `zeek` of ZEEK_BIN, else the first on PATH, else the one under /opt/zeek; null where there is none. */
export function findZeek(environment: NodeJS.ProcessEnv = process.env): string | null {
  const named = environment.ZEEK_BIN;
  if (named !== undefined && named !== '') return existsSync(named) ? named : null;
  const folders = [...(environment.PATH ?? '').split(delimiter), '/opt/zeek/bin'];
  return (
    folders
      .filter((folder) => folder !== '')
      .map((folder) => join(folder, 'zeek'))
      .find((path) => existsSync(path)) ?? null
  );
}

/** The folder `zeek-scripts` of this package, from its sources or from what was built of them. */
export function scriptsFolder(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'zeek-scripts', '__load__.zeek'))) folder = dirname(folder);
  return join(folder, 'zeek-scripts');
}
