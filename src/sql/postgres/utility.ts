// PostgreSQL's statements that are no queries. Enters: their nodes, surveyed; leaves: verb, setting, tables named as lists.
import type { StatementDraft } from '../draft.ts';
import { asNode, listOf, type Node, tagged, textOf } from '../node.ts';
import type { SqlVerb } from '../reading.ts';
import type { StatementTemplate } from '../template.ts';
import { fromOf, nameOf, readWhere } from './query.ts';

const VERBS: { readonly [tag: string]: SqlVerb } = {
  DiscardStmt: 'discard',
  PrepareStmt: 'prepare',
  ExecuteStmt: 'execute',
  DeallocateStmt: 'deallocate',
  DeclareCursorStmt: 'declare',
  FetchStmt: 'fetch',
  ClosePortalStmt: 'close',
  ListenStmt: 'listen',
  NotifyStmt: 'notify',
  LockStmt: 'lock',
  DoStmt: 'do',
  CallStmt: 'call',
  ExplainStmt: 'explain',
  LoadStmt: 'load',
  ViewStmt: 'create',
  IndexStmt: 'create',
  RuleStmt: 'create',
  DefineStmt: 'create',
  CompositeTypeStmt: 'create',
  RenameStmt: 'alter',
};

const TRANSACTIONS: { readonly [kind: string]: SqlVerb } = {
  TRANS_STMT_BEGIN: 'begin',
  TRANS_STMT_START: 'begin',
  TRANS_STMT_COMMIT: 'commit',
  TRANS_STMT_ROLLBACK: 'rollback',
  TRANS_STMT_ROLLBACK_TO: 'rollback',
  TRANS_STMT_SAVEPOINT: 'savepoint',
  TRANS_STMT_RELEASE: 'release',
};

/** Reads a statement that is no query; what has no verb of its own is `other`. */
export function readUtility(tag: string, node: Node, draft: StatementDraft): StatementTemplate {
  switch (tag) {
    case 'TransactionStmt': {
      const kind = textOf(node.kind);
      // Part of the work is taken back and the rest goes on, or another transaction begins: more than the word says.
      if (kind === 'TRANS_STMT_ROLLBACK_TO' || node.chain === true) draft.feature('modifier');
      return draft.finish((Object.hasOwn(TRANSACTIONS, kind) && TRANSACTIONS[kind]) || 'other');
    }
    case 'VariableSetStmt':
      return readSet(node, draft);
    case 'VariableShowStmt':
      return draft.finish('show', { setting: textOf(node.name).toLowerCase() });
    case 'CopyStmt':
      return readCopy(node, draft);
    case 'TruncateStmt':
      if (listOf(node.relations).length > 1) draft.feature('multi-table');
      return draft.finish('truncate', { target: draft.onlyWritten() });
    case 'DropStmt':
      return readDrop(node, draft);
    case 'GrantStmt':
    case 'GrantRoleStmt':
      return draft.finish(node.is_grant === true ? 'grant' : 'revoke', { target: draft.onlyWritten() });
    case 'CallStmt':
    case 'DoStmt':
    case 'LockStmt':
      return draft.finish(verbOf(tag));
    default:
      return draft.finish(verbOf(tag), { target: draft.onlyWritten() });
  }
}

function verbOf(tag: string): SqlVerb {
  const verb = Object.hasOwn(VERBS, tag) ? VERBS[tag] : undefined;
  if (verb !== undefined) return verb;
  const prefix = /^(Create|Alter|Drop)[A-Z]/.exec(tag)?.[1];
  switch (prefix) {
    case 'Create':
      return 'create';
    case 'Alter':
      return 'alter';
    case 'Drop':
      return 'drop';
    default:
      return 'other';
  }
}

function readSet(node: Node, draft: StatementDraft): StatementTemplate {
  const setting = textOf(node.name).toLowerCase();
  switch (node.kind) {
    case 'VAR_RESET':
      return draft.finish('reset', { setting });
    case 'VAR_RESET_ALL':
      return draft.finish('reset', { setting: 'all' });
    case 'VAR_SET_VALUE':
    case 'VAR_SET_DEFAULT':
    case 'VAR_SET_CURRENT':
    case 'VAR_SET_MULTI':
      return draft.finish('set', { setting });
    default:
      return draft.finish('other');
  }
}

function readCopy(node: Node, draft: StatementDraft): StatementTemplate {
  if (node.is_program === true) draft.feature('copy-program');
  else if (node.filename !== undefined) draft.feature('copy-file');
  const from = fromOf(asNode(node.relation), [], new Set());
  const names = nameList(node.attlist);
  return draft.finish('copy', {
    target: node.is_from === true ? draft.onlyWritten() : null,
    columns: names.length > 0 ? names : node.relation === undefined ? ['?'] : ['*'],
    where: readWhere(node.whereClause, from),
  });
}

function nameList(value: unknown): readonly string[] {
  return listOf(value).map((each) => nameOf([each])?.name ?? '?');
}

const RELATIONS: ReadonlySet<unknown> = new Set([
  'OBJECT_TABLE',
  'OBJECT_VIEW',
  'OBJECT_MATVIEW',
  'OBJECT_FOREIGN_TABLE',
  'OBJECT_SEQUENCE',
  'OBJECT_INDEX',
]);

function readDrop(node: Node, draft: StatementDraft): StatementTemplate {
  const objects = listOf(node.objects);
  for (const each of RELATIONS.has(node.removeType) ? objects : []) {
    const name = tagged(each)?.tag === 'List' ? nameOf(each) : null;
    if (name !== null) draft.table(name.schema, name.name, 'write');
  }
  if (objects.length > 1) draft.feature('multi-table');
  return draft.finish('drop', { target: draft.onlyWritten() });
}
