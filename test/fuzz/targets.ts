// All fuzz targets by name. Enters: a name; leaves: the target, loaded.
import type { Target } from './target.ts';

type Loader = () => Promise<{ load(): Promise<Target> }>;

/** Loaded one by one, so that coverage can begin before the code of a target is loaded. */
export const TARGETS: Readonly<Record<string, Loader>> = {
  capture: () => import('./targets/capture.ts'),
  packets: () => import('./targets/packets.ts'),
  http: () => import('./targets/http.ts'),
  amqp: () => import('./targets/amqp.ts'),
  postgres: () => import('./targets/postgres.ts'),
  mysql: () => import('./targets/mysql.ts'),
  detect: () => import('./targets/detect.ts'),
  'sql-postgres': () => import('./targets/sql-postgres.ts'),
  'sql-mysql': () => import('./targets/sql-mysql.ts'),
  facts: () => import('./targets/facts.ts'),
  fields: () => import('./targets/fields.ts'),
  keys: () => import('./targets/keys.ts'),
  tokens: () => import('./targets/tokens.ts'),
  engine: () => import('./targets/engine.ts'),
  zeek: () => import('./targets/zeek.ts'),
  broker: () => import('./targets/broker.ts'),
  openflow: () => import('./targets/openflow.ts'),
  ovsdb: () => import('./targets/ovsdb.ts'),
};

export async function loadTarget(name: string): Promise<Target> {
  const loader = TARGETS[name];
  if (loader === undefined)
    throw new Error(`no such target: ${name}; there are ${Object.keys(TARGETS).join(', ')}`);
  return (await loader()).load();
}
