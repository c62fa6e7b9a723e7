// Everything that a MySQL query touches, wherever it stands. Enters: a whole syntax tree; leaves: tables, functions, features.
import { asNode, listOf, type Node } from '../node.ts';
import { type Context, isName, nameOf, partsOf, Refusal, tableOf, tokenAt } from './context.ts';

/** Variants of the parser's tree that MySQL has too, and that this reader looks into. */
const TAGS: ReadonlySet<string> = new Set(
  (
    'Query Select SetOperation Values Table Derived NestedJoin TableName ColumnName Insert Update Delete WithFromKeyword ' +
    'WithoutKeyword UnnamedExpr ExprWithAlias Wildcard QualifiedWildcard ObjectName Expressions LimitOffset OffsetCommaLimit ' +
    'DuplicateKeyUpdate Join Inner Left LeftOuter Right RightOuter CrossJoin StraightJoin On Using Natural ' +
    'Identifier CompoundIdentifier Value Number SingleQuotedString Placeholder Boolean Null Nested UnaryOp BinaryOp ' +
    'Function List Unnamed Expr Tuple InList InSubquery Between Like RLike IsNull IsNotNull IsTrue IsNotTrue IsFalse ' +
    'IsNotFalse IsUnknown IsNotUnknown Exists Subquery AnyOp AllOp Case Cast Convert Collate Interval TypedString Substring Trim ' +
    'Extract Position MatchAgainst Ceil Floor OrderBy Limit Separator WindowSpec NamedWindow Char CharVarying Varchar Decimal ' +
    'Numeric Binary Varbinary Datetime Time Date Timestamp Float Double Nchar Nvarchar Integer Int IntegerLength ' +
    'PrecisionAndScale Precision JSON None Preceding Following'
  ).split(' '),
);

/** Fields of the parser's tree that MySQL has too. Another field may be there, but must be empty. */
const FIELDS: ReadonlySet<string> = new Set(
  (
    'with body distinct select_modifiers projection from relation joins join_operator selection group_by having named_window ' +
    'order_by limit_clause limit offset value rows limit_by locks lock_type of nonblock recursive cte_tables alias ' +
    'name columns query explicit left right op set_quantifier subquery lateral table_with_joins table assignments target ' +
    'tables using source on content explicit_row value_keyword into ignore priority replace_into after_columns returning expr ' +
    'args clauses duplicate_treatment over partition_by window_frame units start_bound end_bound window_name filter ' +
    'options asc kind list negated low high any pattern escape_char regexp compare_op is_some operand conditions condition ' +
    'result else_result data_type charset target_before_value collation leading_field leading_precision last_field ' +
    'fractional_seconds_precision substring_from substring_for special shorthand trim_where trim_what trim_characters field ' +
    'syntax in match_value opt_search_modifier span token start end line column quote_style select_token update_token insert_token ' +
    'delete_token with_token case_token end_token flavor parameters uses_odbc_syntax index_hints hint_type index_type ' +
    'index_names for_clause partitions partitioned length unit array expr_ sql_calc_found_rows sql_no_cache high_priority ' +
    'low_priority straight_join sql_small_result sql_big_result sql_buffer_result sql_cache quantifier with_from interpolate ' +
    'opening_token closing_token attached_token keyword wildcard_token has_table_keyword within_group null_treatment window_before_qualify targets'
  ).split(' '),
);

/** Walks the tree of one statement. Throws a `Refusal` at anything that it does not know. */
export function survey(root: Node, context: Context): void {
  visit(root, new Set(), context, 0);
}

const MAX_TREE_DEPTH = 5_000;

/** `names` are those of the WITH clauses that are visible. */
function visit(value: unknown, names: ReadonlySet<string>, context: Context, depth: number): void {
  if (typeof value !== 'object' || value === null) return;
  if (depth > MAX_TREE_DEPTH) throw new Refusal('nested too deeply');
  if (Array.isArray(value)) {
    for (const each of value) visit(each, names, context, depth + 1);
    return;
  }
  const node = asNode(value);
  if (node === null) return;
  const visible = node.with === undefined ? names : enterWith(asNode(node.with), names, context, depth);
  for (const [key, child] of Object.entries(node)) {
    if (key === 'with' || key === 'span' || key.endsWith('_token')) continue;
    const variant = /^[A-Z]/.test(key);
    if (variant ? !TAGS.has(key) : !FIELDS.has(key) && !isEmpty(child))
      throw new Refusal(`a construct that is not known (${key.slice(0, 40)})`);
    note(key, child, visible, context);
    visit(child, visible, context, depth + 1);
  }
}

function isEmpty(value: unknown): boolean {
  return (
    value === null || value === false || value === 'None' || (Array.isArray(value) && value.length === 0)
  );
}

function note(key: string, child: unknown, names: ReadonlySet<string>, context: Context): void {
  const { draft } = context;
  const node = asNode(child);
  switch (key) {
    case 'Table':
      if (node !== null) noteTable(node, names, context);
      return;
    case 'Function':
      draft.call(partsOf(node?.name, context).join('.'));
      return;
    case 'Derived':
    case 'Subquery':
    case 'InSubquery':
    case 'Exists':
    case 'AnyOp':
    case 'AllOp':
      draft.feature('subquery');
      return;
    case 'SetOperation':
      draft.feature('set-operation');
      return;
    case 'from':
      if (listOf(child).length > 1) draft.feature('join');
      return;
    case 'joins':
      if (listOf(child).length > 0) draft.feature('join');
      return;
    case 'into':
      // INSERT has a mere flag there; SELECT has where its result goes.
      if (node !== null) draft.feature('into');
      return;
    case 'OffsetCommaLimit':
      draft.feature('offset');
      return;
    case 'Substring':
    case 'Trim':
    case 'Extract':
    case 'Position':
    case 'Ceil':
    case 'Floor':
      draft.call(key);
      return;
    case 'MatchAgainst':
      draft.call('match');
      return;
    case 'partitions':
    case 'partitioned':
    case 'index_hints':
      if (!isEmpty(child)) draft.feature('modifier');
      return;
    default:
      return;
  }
}

/** A member of a FROM list, or the table of an UPDATE or DELETE: read, unless the statement makes it its target. */
function noteTable(node: Node, names: ReadonlySet<string>, context: Context): void {
  if (!isName(node.name)) {
    // `TABLE t`, whose place the tree does not keep.
    throw new Refusal('a table whose name cannot be found in the text');
  }
  if (isDual(node, context)) return;
  const { schema, name } = tableOf(node.name, context);
  if (schema === null && names.has(name.toLowerCase())) return;
  context.draft.table(schema, name, 'read');
}

/** `FROM DUAL`: no table at all, when it is not quoted. */
export function isDual(node: Node, context: Context): boolean {
  const parts = listOf(node.name);
  if (parts.length !== 1) return false;
  const token = tokenAt(asNode(parts[0])?.Identifier, context);
  return token.kind === 'word' && token.name.toUpperCase() === 'DUAL';
}

function enterWith(
  clause: Node | null,
  outer: ReadonlySet<string>,
  context: Context,
  depth: number,
): ReadonlySet<string> {
  if (clause === null) return outer;
  context.draft.feature('cte');
  const names = new Set(outer);
  const parts = listOf(clause.cte_tables).map(asNode);
  if (parts.length > MAX_WITH_QUERIES) throw new Refusal('too many WITH queries');
  const named = parts.map((part) => nameOf(asNode(part?.alias)?.name, context).toLowerCase());
  if (clause.recursive === true) for (const name of named) names.add(name);
  for (const [i, part] of parts.entries()) {
    visit(part, new Set(names), context, depth + 1);
    const name = named[i];
    if (name !== undefined) names.add(name);
  }
  return names;
}

/** Each of them sees the names of those before it, so that the work grows with the square. */
const MAX_WITH_QUERIES = 64;
