// Names a policy document by its content. Enters: a document; leaves: a short hash.
import { createHash } from 'node:crypto';
import type { PolicyDocument } from './document.ts';

/** First 16 hex digits of the SHA-256 of the document without places: moving lines changes no meaning. */
export function hashOf(document: PolicyDocument): string {
  return createHash('sha256').update(canonical(document)).digest('hex').slice(0, 16);
}

function canonical(value: unknown): string {
  return JSON.stringify(value, (key, inner: unknown) => {
    if (key === 'place') return undefined;
    if (typeof inner !== 'object' || inner === null || Array.isArray(inner)) return inner;
    return Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)));
  });
}
