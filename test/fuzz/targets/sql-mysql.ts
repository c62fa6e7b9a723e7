// SQL as the server of this dialect reads it. Enters: texts; leaves: readings.
import { loadSqlParsers } from '../../../src/sql/read.ts';
import type { Target } from '../target.ts';
import { sqlTarget } from './sql.ts';

export async function load(): Promise<Target> {
  await loadSqlParsers();
  return sqlTarget('mysql');
}
