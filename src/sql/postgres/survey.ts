// Everything that a statement touches, wherever it stands. Enters: a whole syntax tree; leaves: tables, functions, features.
import type { StatementDraft } from '../draft.ts';
import { asNode, listOf, type Node, stringsOf, textOf, under } from '../node.ts';
import type { SqlFeature, TableUse } from '../reading.ts';

/** What the walk found besides what it put into the draft. */
export interface Survey {
  /** The highest `$n`; those inside PREPARE and function bodies are not counted. */
  readonly parameters: number;
  /** A `$0`, or a tree too deep to be walked. */
  readonly refused: string | null;
  /** A WITH clause holds an INSERT, UPDATE, DELETE or MERGE. */
  readonly writesInWith: boolean;
}

const MAX_TREE_DEPTH = 6_000;

/** Each of them sees the names of those before it, so that the work grows with the square. */
const MAX_WITH_QUERIES = 64;

const FIELD_FEATURES: { readonly [field: string]: SqlFeature } = {
  groupClause: 'group-by',
  groupDistinct: 'group-by',
  havingClause: 'having',
  windowClause: 'window',
  over: 'window',
  distinctClause: 'distinct',
  agg_distinct: 'distinct',
  sortClause: 'order-by',
  agg_order: 'order-by',
  limitCount: 'limit',
  limitOffset: 'offset',
  lockingClause: 'for-update',
  intoClause: 'into',
  onConflictClause: 'on-conflict',
  withClause: 'cte',
  lateral: 'lateral',
};

const TAG_FEATURES: { readonly [tag: string]: SqlFeature } = {
  SubLink: 'subquery',
  RangeSubselect: 'subquery',
  JoinExpr: 'join',
  RangeTableSample: 'modifier',
};

/** Parts of the grammar that call code without being a function call in the tree. */
const TAG_FUNCTIONS: { readonly [tag: string]: string } = {
  CoalesceExpr: 'coalesce',
  XmlSerialize: 'xmlserialize',
  RangeTableFunc: 'xmltable',
  JsonTable: 'json_table',
  JsonObjectConstructor: 'json_object',
  JsonArrayConstructor: 'json_array',
  JsonArrayQueryConstructor: 'json_array',
  JsonObjectAgg: 'json_objectagg',
  JsonArrayAgg: 'json_arrayagg',
  JsonParseExpr: 'json',
  JsonScalarExpr: 'json_scalar',
  JsonSerializeExpr: 'json_serialize',
  GroupingFunc: 'grouping',
};

const WRITERS: ReadonlySet<string> = new Set(['InsertStmt', 'UpdateStmt', 'DeleteStmt', 'MergeStmt']);

/** Walks the whole tree of one statement, so that nothing in it stays unseen wherever the grammar allows it to stand. */
export function survey(statement: Node, draft: StatementDraft): Survey {
  const walk = new Walk(draft);
  walk.visit(statement, { use: 'write', names: new Set(), inWith: false, counts: true, depth: 0 });
  return walk;
}

interface Place {
  /** What a table named here is used for. */
  readonly use: TableUse['use'];
  /** Names of WITH clauses that are visible here. */
  readonly names: ReadonlySet<string>;
  readonly inWith: boolean;
  /** False where `$n` are not of this statement. */
  readonly counts: boolean;
  readonly depth: number;
}

class Walk implements Survey {
  parameters = 0;
  refused: string | null = null;
  writesInWith = false;
  readonly #draft: StatementDraft;

  constructor(draft: StatementDraft) {
    this.#draft = draft;
  }

  visit(value: unknown, outer: Place): void {
    if (typeof value !== 'object' || value === null || this.refused !== null) return;
    if (outer.depth > MAX_TREE_DEPTH) {
      this.refused = 'nested too deeply';
      return;
    }
    const place = { ...outer, depth: outer.depth + 1 };
    if (Array.isArray(value)) {
      for (const each of value) this.visit(each, place);
      return;
    }
    const node = asNode(value);
    if (node === null) return;
    if (typeof node.relname === 'string') this.#table(node, place);
    const names = node.funcname === undefined ? null : stringsOf(node.funcname);
    if (names !== null && names.length > 0) this.#call(node, names);
    const inside = this.#enterWith(node, place);
    for (const [field, child] of Object.entries(node)) {
      // FOR UPDATE OF names members of FROM, by their aliases.
      if (field === 'withClause' || field === 'lockedRels') continue;
      this.#field(field, child, inside);
    }
  }

  #field(field: string, child: unknown, place: Place): void {
    const feature = Object.hasOwn(FIELD_FEATURES, field) ? FIELD_FEATURES[field] : undefined;
    if (feature !== undefined && child !== false) this.#draft.feature(feature);
    if (field === 'fromClause' && listOf(child).length > 1) this.#draft.feature('join');
    if (field === 'op' && typeof child === 'string' && child.startsWith('SETOP_') && child !== 'SETOP_NONE')
      this.#draft.feature('set-operation');
    const inner = asNode(child);
    if (inner === null || !/^[A-Z]/.test(field)) {
      this.visit(child, field === 'intoClause' ? { ...place, use: 'write', names: new Set() } : place);
      return;
    }
    this.#tag(field, inner, place);
  }

  #tag(tag: string, node: Node, place: Place): void {
    const feature = Object.hasOwn(TAG_FEATURES, tag) ? TAG_FEATURES[tag] : undefined;
    if (feature !== undefined) this.#draft.feature(feature);
    const call = Object.hasOwn(TAG_FUNCTIONS, tag) ? TAG_FUNCTIONS[tag] : undefined;
    if (call !== undefined) this.#draft.call(call);
    if (tag === 'JoinExpr' && node.jointype !== 'JOIN_INNER') this.#draft.feature('outer-join');
    if (tag === 'ParamRef' && place.counts) this.#parameter(node);
    if (tag === 'SQLValueFunction')
      this.#draft.call(
        textOf(node.op)
          .replace(/^SVFOP_/, '')
          .replace(/_N$/, ''),
      );
    if (tag === 'MinMaxExpr') this.#draft.call(node.op === 'IS_LEAST' ? 'least' : 'greatest');
    if (tag === 'XmlExpr') this.#draft.call(textOf(node.op).replace(/^IS_/, ''));
    if (tag === 'JsonFuncExpr') this.#draft.call(textOf(node.op).replace(/_OP$/, ''));
    if (tag === 'A_Expr' && node.kind === 'AEXPR_NULLIF') this.#draft.call('nullif');
    if (WRITERS.has(tag)) {
      if (place.inWith) this.writesInWith = true;
      this.#writer(node, place);
      return;
    }
    const counts = place.counts && tag !== 'PrepareStmt' && tag !== 'CreateFunctionStmt';
    const use = tag === 'SelectStmt' || tag === 'CopyStmt' ? 'read' : place.use;
    if (tag === 'CopyStmt') this.#copy(node, { ...place, use, counts });
    else this.visit(node, { ...place, use, counts });
  }

  /** INSERT, UPDATE, DELETE, MERGE: what follows the verb is written, whatever a WITH clause calls itself; the rest is read. */
  #writer(node: Node, place: Place): void {
    const relation = asNode(node.relation);
    if (relation !== null) this.#table(relation, { ...place, use: 'write', names: new Set() });
    if ([node.fromClause, node.usingClause, node.sourceRelation].some((more) => more !== undefined))
      this.#draft.feature('multi-table');
    const { relation: _, ...rest } = node;
    this.visit(rest, { ...place, use: 'read' });
  }

  #copy(node: Node, place: Place): void {
    const relation = asNode(node.relation);
    if (relation !== null) this.#table(relation, { ...place, use: node.is_from === true ? 'write' : 'read' });
    const { relation: _, ...rest } = node;
    this.visit(rest, place);
  }

  #table(node: Node, place: Place): void {
    const name = textOf(node.relname);
    const schema = typeof node.schemaname === 'string' ? node.schemaname : null;
    if (node.inh !== true) this.#draft.feature('only');
    // `catalog.schema.table` is only accepted for the current database.
    if (node.catalogname !== undefined) this.#draft.feature('modifier');
    if (schema === null && place.names.has(name)) return;
    this.#draft.table(schema, name, place.use);
  }

  #call(node: Node, names: readonly string[]): void {
    // EXTRACT, AT TIME ZONE and the like come with a schema that nobody wrote.
    const written = node.funcformat === 'COERCE_SQL_SYNTAX' ? names.slice(-1) : names;
    this.#draft.call(written.join('.'));
  }

  #parameter(node: Node): void {
    if (typeof node.number !== 'number' || node.number < 1) this.refused = 'there is no parameter $0';
    else this.parameters = Math.max(this.parameters, node.number);
  }

  /** The place inside a node whose WITH clause hides tables of the same name; its queries are visited on the way. */
  #enterWith(node: Node, place: Place): Place {
    const clause = asNode(node.withClause);
    if (clause === null) return place;
    this.#draft.feature('cte');
    const names = new Set(place.names);
    const parts = listOf(clause.ctes).map((each) => under(each, 'CommonTableExpr'));
    if (parts.length > MAX_WITH_QUERIES) {
      this.refused = 'too many WITH queries';
      return place;
    }
    // Without RECURSIVE a name is visible only after its own query.
    if (clause.recursive === true) for (const part of parts) names.add(textOf(part?.ctename));
    for (const part of parts) {
      this.visit(part, { ...place, names: new Set(names), use: 'read', inWith: true });
      names.add(textOf(part?.ctename));
    }
    return { ...place, names };
  }
}
