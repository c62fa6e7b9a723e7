// Policies that are read again while the service runs. Enters: how to read them; leaves: the policies, lines of the log.
import type { AuditEntry } from '../audit/entry.ts';
import { type Log, short } from '../audit/log.ts';
import type { PolicyDocument } from '../policy/document.ts';
import { hintsOf, hostsOf } from '../policy/hints.ts';
import type { ZeekSourceOptions } from '../zeek/source.ts';
import type { ServiceParts } from './parts.ts';

/** The policies as they are now; null, and one error in the log, when they cannot be used. */
export async function reload(
  parts: Pick<ServiceParts, 'reload'>,
  log: Log,
): Promise<readonly PolicyDocument[] | null> {
  try {
    return await parts.reload();
  } catch (error) {
    const why = error instanceof Error ? short(error.message) : 'unknown';
    log.error({ why }, 'the policies cannot be used; those before them stay');
    return null;
  }
}

/** What policies ask of a Zeek. */
export function wantedBy(
  policies: readonly PolicyDocument[],
): Required<Pick<ZeekSourceOptions, 'hints' | 'hosts'>> {
  return { hints: hintsOf(policies), hosts: hostsOf(policies) };
}

/** Says what came of it, one line an application. */
export function tellChanges(entries: readonly AuditEntry[], log: Log): void {
  const changes = entries.flatMap((entry) => (entry.kind === 'policy' ? [entry.change] : []));
  if (changes.length === 0) log.info('the policies are as before');
  for (const { application, before, after, flows, chains, cut, released } of changes)
    log.info({ application, before, after, flows, chains, cut, released }, 'the policy was replaced');
}
