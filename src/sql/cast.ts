// Casts that leave a value what it is. Enters: a value and a type; leaves: the value, or null when the cast would change it.
import type { SqlValue } from '../events/sql.ts';

/** The types that a cast is seen through; a cast to any other is an expression of its own. */
export type Cast = 'text' | 'integer' | 'decimal' | 'uuid' | 'date';

const CANONICAL: { readonly [cast in Exclude<Cast, 'text'>]: RegExp } = {
  integer: /^[+-]?[0-9]{1,19}$/,
  decimal: /^[+-]?(?:[0-9]{1,1000}(?:\.[0-9]{0,1000})?|\.[0-9]{1,1000})$/,
  uuid: /^[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$/,
  date: /^[0-9]{4}-[0-9]{2}-[0-9]{2}$/,
};

/**
 * The value after the cast. Null when the server could round, cut, fold or refuse it (`5.7::int`, `'2020-01-01 10:00'::date`):
 * a policy then sees no value at all rather than another one.
 */
export function applyCast(value: SqlValue, cast: Cast): SqlValue | null {
  if (value.type === 'null') return value;
  if (value.type !== 'text' && value.type !== 'number' && value.type !== 'time') {
    return value.type === 'boolean' && cast === 'text' ? { type: 'text', text: value.text } : null;
  }
  if (cast === 'text') {
    const plain = value.type === 'text' || (value.type === 'number' && CANONICAL.decimal.test(value.text));
    return plain ? { type: 'text', text: value.text } : null;
  }
  if (!CANONICAL[cast].test(value.text)) return null;
  switch (cast) {
    case 'integer':
    case 'decimal':
      return value.type === 'time' ? null : { type: 'number', text: value.text.replace(/^\+/, '') };
    case 'uuid':
      return value.type === 'text' ? { type: 'text', text: value.text.toLowerCase() } : null;
    case 'date':
      return value.type === 'number' ? null : { type: 'time', text: value.text };
  }
}
