// What a SQL text does, in terms that a policy can compare. Enters: nothing; leaves: types.
import type { SqlValue } from '../events/sql.ts';

/** A text is either read whole, every statement of it, or not at all. */
export type SqlReading =
  | {
      readonly kind: 'read';
      readonly statements: readonly SqlStatement[];
      /** The text with every literal replaced by `?` and comments removed: safe to log. */
      readonly shape: string;
    }
  | { readonly kind: 'unparsable'; readonly reason: string; readonly shape: string };

export type SqlVerb =
  | 'select'
  | 'insert'
  | 'update'
  | 'delete'
  | 'replace'
  | 'merge'
  | 'truncate'
  | 'copy'
  | 'call'
  | 'do'
  | 'begin'
  | 'commit'
  | 'rollback'
  | 'savepoint'
  | 'release'
  | 'set'
  | 'reset'
  | 'discard'
  | 'show'
  | 'explain'
  | 'prepare'
  | 'execute'
  | 'deallocate'
  | 'declare'
  | 'fetch'
  | 'close'
  | 'listen'
  | 'notify'
  | 'lock'
  | 'use'
  | 'create'
  | 'alter'
  | 'drop'
  | 'grant'
  | 'revoke'
  | 'load'
  | 'kill'
  | 'empty'
  | 'other';

export interface TableUse {
  /** Null when the statement names none. */
  readonly schema: string | null;
  readonly name: string;
  readonly use: 'read' | 'write';
}

/** An expression, as far as a policy can reason about it; everything else is `other`. */
export type SqlExpr =
  | { readonly kind: 'literal'; readonly value: SqlValue }
  /** `index` counts from 1; `value` is null when no value was bound. */
  | { readonly kind: 'parameter'; readonly index: number; readonly value: SqlValue | null }
  | { readonly kind: 'column'; readonly name: string }
  | { readonly kind: 'default' }
  | {
      readonly kind: 'arithmetic';
      readonly operator: '+' | '-' | '*' | '/';
      readonly left: SqlExpr;
      readonly right: SqlExpr;
    }
  | { readonly kind: 'other'; readonly what: string };

export type SqlComparison =
  | '='
  | '<>'
  | '<'
  | '<='
  | '>'
  | '>='
  | 'in'
  | 'not-in'
  | 'like'
  | 'is-null'
  | 'is-not-null'
  | 'between';

/** `column operator values`; `values` is empty for `is-null`, two long for `between`. */
export interface SqlPredicate {
  readonly column: string;
  readonly operator: SqlComparison;
  readonly values: readonly SqlExpr[];
}

/**
 * `all`: a conjunction of simple predicates and nothing else, those of ON and USING after those of WHERE. `complex`: anything
 * else, never comparable.
 */
export type SqlWhere =
  | { readonly kind: 'none' }
  | { readonly kind: 'all'; readonly predicates: readonly SqlPredicate[] }
  | { readonly kind: 'complex'; readonly what: string };

/** Things that widen what a statement does or reads; a policy must allow each by name. */
export type SqlFeature =
  | 'cte'
  | 'subquery'
  | 'set-operation'
  | 'join'
  /** A LEFT, RIGHT or FULL JOIN: its condition does not restrict the rows of the outer side. */
  | 'outer-join'
  | 'group-by'
  | 'having'
  | 'window'
  | 'distinct'
  | 'order-by'
  | 'limit'
  | 'offset'
  | 'for-update'
  | 'on-conflict'
  | 'into'
  | 'copy-program'
  | 'copy-file'
  | 'executable-comment'
  | 'session-variable'
  | 'lateral'
  | 'insert-select'
  | 'multi-table'
  | 'only'
  | 'modifier';

export interface SqlStatement {
  readonly verb: SqlVerb;
  /** Every table named anywhere in the statement. */
  readonly tables: readonly TableUse[];
  /** The one table that is written; null for a select. */
  readonly target: TableUse | null;
  /**
   * Columns of the output list: the column that is read, `name as alias` when it leaves under another name, `*` for a star,
   * `@@name` for a variable (MySQL), `?` for any other expression.
   */
  readonly columns: readonly string[];
  readonly where: SqlWhere;
  readonly assigns: readonly { readonly column: string; readonly value: SqlExpr }[];
  /** Rows of an INSERT ... VALUES; `columns` is null when the statement names none. */
  readonly inserts: {
    readonly columns: readonly string[] | null;
    readonly rows: readonly (readonly SqlExpr[])[];
  } | null;
  /** Columns of RETURNING. */
  readonly returning: readonly string[];
  /** Functions called anywhere, lower case, schema-qualified when written so. */
  readonly functions: readonly string[];
  readonly features: readonly SqlFeature[];
  /** For `set` and `reset`: the setting's name in lower case; for `use`: the database. */
  readonly setting: string | null;
}
