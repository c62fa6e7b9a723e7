// What a fresh clone needs before anything runs. Enters: package.json and its lock; leaves: assertions on both.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';

interface Locked {
  readonly packages: Readonly<
    Record<string, { readonly optionalDependencies?: Readonly<Record<string, string>> }>
  >;
}

interface Manifest {
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
  readonly files: readonly string[];
}

const ROOT = new URL('..', import.meta.url).pathname;
const read = <T>(file: string): T => JSON.parse(readFileSync(join(ROOT, file), 'utf8')) as T;

it('the lock file names the packages of all platforms, without which "npm ci" refuses it', () => {
  const { packages } = read<Locked>('package-lock.json');
  const missing = Object.entries(packages).flatMap(([path, { optionalDependencies = {} }]) =>
    Object.keys(optionalDependencies)
      .filter((name) => !(`node_modules/${name}` in packages || `${path}/node_modules/${name}` in packages))
      .map((name) => `${path}: ${name}`),
  );
  // npm leaves out those that it could not look up; they have to be added with their version, os and cpu.
  expect(missing).toEqual([]);
});

it('every dependency has one exact version', () => {
  const { dependencies, devDependencies } = read<Manifest>('package.json');
  const loose = Object.entries({ ...dependencies, ...devDependencies }).filter(
    ([, version]) => !/^\d+\.\d+\.\d+$/.test(version),
  );
  expect(loose).toEqual([]);
});

it('what is published exists, once it is built', () => {
  const published = read<Manifest>('package.json').files.filter((file) => !file.startsWith('dist/'));
  expect(published.filter((file) => !existsSync(join(ROOT, file)))).toEqual([]);
});
