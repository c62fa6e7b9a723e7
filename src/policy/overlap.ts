// Whether two declared requests could be one and the same on the wire. Enters: two declarations; leaves: an example, or null.
import type {
  AmqpRequestDeclaration,
  HttpRequestDeclaration,
  RequestDeclaration,
  SqlOperand,
  SqlRequestDeclaration,
} from './document.ts';

/** A request that both would match, for a person; null when there is none. */
export function overlapOf(a: RequestDeclaration, b: RequestDeclaration): string | null {
  if (a.from !== b.from || a.to !== b.to) return null;
  if (a.protocol === 'http' && b.protocol === 'http') return overlapHttp(a, b);
  if (a.protocol === 'amqp' && b.protocol === 'amqp') return overlapAmqp(a, b);
  if (a.protocol === 'sql' && b.protocol === 'sql') return overlapSql(a, b);
  return null;
}

function overlapHttp(a: HttpRequestDeclaration, b: HttpRequestDeclaration): string | null {
  if (a.method !== b.method || a.overriding !== b.overriding) return null;
  const left = a.path.split('/');
  const right = b.path.split('/');
  if (left.length !== right.length) return null;
  const example: string[] = [];
  for (const [i, segment] of left.entries()) {
    const other = right[i] ?? '';
    if (!segment.startsWith(':') && !other.startsWith(':') && segment !== other) return null;
    example.push(segment.startsWith(':') ? (other.startsWith(':') ? 'x' : other) : segment);
  }
  return `${a.method} ${example.join('/')}`;
}

function overlapAmqp(a: AmqpRequestDeclaration, b: AmqpRequestDeclaration): string | null {
  const same =
    JSON.stringify(Object.entries(a.action).sort()) === JSON.stringify(Object.entries(b.action).sort());
  return same ? Object.values(a.action).join(' ') : null;
}

function overlapSql(a: SqlRequestDeclaration, b: SqlRequestDeclaration): string | null {
  if (a.verb !== b.verb || a.table !== b.table || a.setting !== b.setting) return null;
  if (!samePlaces(a.where, b.where) || !samePlaces(a.values, b.values)) return null;
  return `${a.verb} ${a.table ?? a.setting ?? ''}`.trim();
}

interface Placed {
  readonly column: string;
  readonly operator?: string;
  readonly operand: SqlOperand;
}

/** True when both ask for the same columns and no literal tells them apart. */
function samePlaces(a: readonly Placed[], b: readonly Placed[]): boolean {
  if (a.length !== b.length) return false;
  return a.every((place) =>
    b.some(
      (other) =>
        other.column.toLowerCase() === place.column.toLowerCase() &&
        other.operator === place.operator &&
        compatible(place.operand, other.operand),
    ),
  );
}

function compatible(a: SqlOperand, b: SqlOperand): boolean {
  if (a.kind === 'any' || b.kind === 'any') return true;
  if (a.kind === 'literal' && b.kind === 'literal') return String(a.value) === String(b.value);
  const plain = (operand: SqlOperand): boolean => operand.kind === 'literal' || operand.kind === 'fact';
  if (plain(a) && plain(b))
    return !(a.kind === 'literal' && a.value === null) && !(b.kind === 'literal' && b.value === null);
  if ((a.kind === 'increase' || a.kind === 'decrease') && a.kind === b.kind) return compatible(a.by, b.by);
  return false;
}
