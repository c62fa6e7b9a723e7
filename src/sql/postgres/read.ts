// PostgreSQL texts as templates. Enters: a statement text; leaves: what each of its statements does, without values.
import { StatementDraft } from '../draft.ts';
import { type Node, tagged } from '../node.ts';
import { shapeOf } from '../shape.ts';
import type { StatementTemplate, Template } from '../template.ts';
import { refuseShape } from '../token.ts';
import { parsePostgres } from './grammar.ts';
import { lexPostgres } from './lexer.ts';
import { readDelete, readInsert, readMerge, readSelect, readUpdate, targetOf } from './query.ts';
import { survey } from './survey.ts';
import { readUtility } from './utility.ts';

/** Statements in one text; each becomes an object. */
const MAX_STATEMENTS = 256;

/**
 * Reads a text with the server's grammar (PostgreSQL 17, through libpg-query). Names are as the server folds them. The
 * reading holds for `standard_conforming_strings = on`, which only SET or a start-up parameter can change.
 */
export function readPostgres(text: string): Template {
  const lexed = lexPostgres(text);
  const shape = shapeOf(text, lexed);
  const unparsable = (reason: string): Template => ({ kind: 'unparsable', reason, shape });
  if (lexed.kind === 'broken') return unparsable(lexed.reason);
  const refused = refuseShape(lexed.tokens);
  if (refused !== null) return unparsable(refused);
  const parsed = parsePostgres(text);
  if (parsed.kind === 'refused') return unparsable(parsed.reason);
  if (parsed.statements.length > MAX_STATEMENTS) return unparsable('too many statements in one text');
  if (parsed.statements.length === 0) {
    return { kind: 'template', statements: [new StatementDraft().finish('empty')], parameters: 0, shape };
  }
  const statements: StatementTemplate[] = [];
  let parameters = 0;
  for (const node of parsed.statements) {
    const draft = new StatementDraft();
    const found = survey(node, draft);
    if (found.refused !== null) return unparsable(found.refused);
    parameters = Math.max(parameters, found.parameters);
    statements.push(readStatement(node, draft, found.writesInWith));
  }
  return { kind: 'template', statements, parameters, shape };
}

function readStatement(statement: Node, draft: StatementDraft, writesInWith: boolean): StatementTemplate {
  const each = tagged(statement);
  if (each === null) return draft.finish('other');
  const { tag, node } = each;
  switch (tag) {
    case 'SelectStmt':
      return draft.finish(writesInWith ? 'other' : 'select', readSelect(node));
    case 'InsertStmt': {
      const { parts, fromQuery } = readInsert(node);
      if (fromQuery) draft.feature('insert-select');
      if (node.override !== undefined && node.override !== 'OVERRIDING_NOT_SET') draft.feature('modifier');
      return write(draft, writesInWith ? 'other' : 'insert', node, parts);
    }
    case 'UpdateStmt':
      return write(draft, writesInWith ? 'other' : 'update', node, readUpdate(node));
    case 'DeleteStmt':
      return write(draft, writesInWith ? 'other' : 'delete', node, readDelete(node));
    case 'MergeStmt':
      return write(draft, writesInWith ? 'other' : 'merge', node, readMerge(node));
    default:
      return readUtility(tag, node, draft);
  }
}

/** A statement that writes into `relation`, which the survey has put among the tables. */
function write(
  draft: StatementDraft,
  verb: StatementTemplate['verb'],
  node: Node,
  parts: Parameters<StatementDraft['finish']>[1],
): StatementTemplate {
  return draft.finish(verb, { ...parts, target: targetOf(node.relation, draft) });
}
