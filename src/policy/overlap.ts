// Whether two declared requests could be one and the same on the wire. Enters: two declarations; leaves: an example, or null.
import type { AmqpRequestDeclaration, RequestDeclaration } from './document.ts';
import type { Normaliser } from './fact.ts';
import { overlapHttp } from './overlap/http.ts';
import type { Overlap } from './overlap/relation.ts';
import { overlapSql } from './overlap/sql.ts';

/**
 * A request that the first, which stands before the second, takes although the second would match it too; null when there
 * is none.
 * @param normalisers how facts are compared: a literal may be no value of a fact's kind
 */
export function overlapOf(
  first: RequestDeclaration,
  second: RequestDeclaration,
  normalisers: ReadonlyMap<string, Normaliser>,
): Overlap | null {
  if (first.from !== second.from || first.to !== second.to) return null;
  if (first.protocol === 'http' && second.protocol === 'http') return overlapHttp(first, second);
  if (first.protocol === 'amqp' && second.protocol === 'amqp') return overlapAmqp(first, second);
  if (first.protocol === 'sql' && second.protocol === 'sql')
    return overlapSql(first, second, (fact) => normalisers.get(fact) ?? 'text');
  return null;
}

function overlapAmqp(a: AmqpRequestDeclaration, b: AmqpRequestDeclaration): Overlap | null {
  const same =
    JSON.stringify(Object.entries(a.action).sort()) === JSON.stringify(Object.entries(b.action).sort());
  return same ? { example: Object.values(a.action).join(' '), relation: 'same' } : null;
}
