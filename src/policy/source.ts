// Where facts stand, in words and by kind. Enters: the source of a fact; leaves: what a person reads, and when it is read.
import { assertNever } from '../errors.ts';
import type { FactSource } from './fact.ts';

/** True for what stands in the answer: it comes too late to find the chain of its request. */
export function isAnswered(source: FactSource): boolean {
  switch (source.in) {
    case 'response-body':
    case 'response-header':
    case 'response-cookie':
    case 'response-status':
    case 'result':
    case 'affected':
      return true;
    default:
      return false;
  }
}

/** How a person reads where a fact stands. */
export function describeSource(source: FactSource): string {
  switch (source.in) {
    case 'path':
      return `path :${source.name}`;
    case 'query':
    case 'header':
    case 'cookie':
    case 'form':
    case 'multipart':
    case 'property':
      return `${source.in} ${source.name}`;
    case 'body':
      return `body ${source.pointer}`;
    case 'response-body':
      return `response ${source.pointer}`;
    case 'response-header':
      return `response header ${source.name}`;
    case 'response-cookie':
      return `response cookie ${source.name}`;
    case 'response-status':
      return 'response status';
    case 'result':
      return `result column ${source.column}${describeRow(source.row)}`;
    case 'affected':
      return 'number of rows changed';
    case 'routing-key':
      return 'routing key';
    case 'claim':
      return `claim ${source.name} of ${source.of === undefined ? 'the bearer token' : `${source.of.in} ${source.of.name}`}`;
    case 'exchange':
      return 'exchange';
    default:
      return assertNever(source);
  }
}

function describeRow(row: number | 'only' | undefined): string {
  if (row === undefined) return '';
  return row === 'only' ? ' of the only row' : ` of row ${row}`;
}
