// Makes sure that unknown data is a policy document. Enters: what a module exports or a file holds; leaves: a document.
import { InputError } from '../errors.ts';
import type { PolicyDocument } from './document.ts';
import { DEFAULT_POSTURES } from './document.ts';
import {
  count,
  flag,
  list,
  literal,
  oneOf,
  orNull,
  record,
  recursive,
  type Shape,
  tagged,
  text,
} from './shape.ts';

const place = orNull(
  record({ file: text, line: count, column: count, offset: count }, ['line', 'column', 'offset']),
);
const ports = record({ http: list(count), amqp: list(count), postgres: list(count), mysql: list(count) }, [
  'http',
  'amqp',
  'postgres',
  'mysql',
]);
const service = record(
  { name: text, kind: oneOf('service', 'external'), at: list(text), ports, audited: oneOf(true), place },
  ['audited'],
);

const named = (kind: string): Shape => record({ in: oneOf(kind), name: text });
const pointed = (kind: string): Shape => record({ in: oneOf(kind), pointer: text });
const source = tagged('in', {
  path: named('path'),
  query: named('query'),
  header: named('header'),
  cookie: named('cookie'),
  form: named('form'),
  body: pointed('body'),
  property: record({
    in: oneOf('property'),
    name: oneOf('message-id', 'correlation-id', 'reply-to', 'type', 'user-id', 'app-id'),
  }),
  'routing-key': record({ in: oneOf('routing-key') }),
  'response-body': pointed('response-body'),
  'response-header': named('response-header'),
  result: record({ in: oneOf('result'), column: text }),
});
const fact = record({ fact: text, source, as: oneOf('text', 'decimal', 'integer', 'lower'), optional: flag });

const operand = recursive(4, (self) =>
  tagged('kind', {
    fact: record({ kind: text, fact: text }),
    literal: record({ kind: text, value: literal }),
    any: record({ kind: text }),
    increase: record({ kind: text, by: self }),
    decrease: record({ kind: text, by: self }),
  }),
);

const action = tagged('kind', {
  publish: record({ kind: text, exchange: text, routingKey: text }),
  deliver: record({ kind: text, queue: text }),
  get: record({ kind: text, queue: text }),
  consume: record({ kind: text, queue: text }),
  'declare-queue': record({ kind: text, queue: text }),
  'declare-exchange': record({ kind: text, exchange: text }),
  'bind-queue': record({ kind: text, queue: text, exchange: text, routingKey: text }),
  'purge-queue': record({ kind: text, queue: text }),
  'delete-queue': record({ kind: text, queue: text }),
  'delete-exchange': record({ kind: text, exchange: text }),
});

const containment = tagged('kind', {
  report: record({ kind: text }),
  cut: record({ kind: text, lifetime: count }),
});
const base = {
  id: text,
  from: text,
  to: text,
  facts: list(fact),
  audited: oneOf(true),
  containment,
  place,
  protocol: text,
};
const OPTIONAL = ['audited', 'containment'];
const request = tagged('protocol', {
  http: record({ ...base, method: text, path: text, query: list(text) }, OPTIONAL),
  amqp: record({ ...base, action }, OPTIONAL),
  sql: record(
    {
      ...base,
      verb: text,
      table: orNull(text),
      columns: orNull(list(text)),
      where: list(record({ column: text, operator: text, operand })),
      values: list(record({ column: text, operand })),
      returning: list(text),
      allowing: list(text),
      calling: list(text),
      setting: orNull(text),
    },
    OPTIONAL,
  ),
});

const step = recursive(64, (self) =>
  record({
    request: text,
    cardinality: oneOf('once', 'optional', 'many', 'required', 'eventually'),
    within: orNull(count),
    least: count,
    most: orNull(count),
    retries: count,
    children: list(self),
    order: oneOf('any', 'in-order'),
    place,
  }),
);

const postures = record(
  Object.fromEntries(Object.keys(DEFAULT_POSTURES).map((cause) => [cause, oneOf('drop', 'pass')])),
);

const document = record({
  format: oneOf(1),
  application: text,
  mode: oneOf('audit', 'enforce'),
  services: list(service),
  requests: list(request),
  chains: list(record({ root: step, every: orNull(count), place })),
  outside: list(text),
  keys: list(
    record({
      key: text,
      in: oneOf('http-header', 'amqp-header', 'amqp-property', 'sql-comment'),
      name: text,
      part: oneOf('all', 'trace-id', 'b3'),
    }),
  ),
  postures,
  limits: record({ reorder: count, skew: count, chain: count, chains: count, block: count }),
});

/**
 * Checks the structure of a document; what it means is for `checkPolicy`.
 * @throws InputError with the path of the first thing that is wrong
 */
export function readDocument(value: unknown, file: string): PolicyDocument {
  const wrong = document(value, '') ?? unknownRequest(value as PolicyDocument);
  if (wrong === null) return value as PolicyDocument;
  throw new InputError(
    'policy-invalid',
    { file },
    `this is no policy document: ${wrong}`,
    'export default what application() returns',
  );
}

/** Chains and `outside` name requests by id. */
function unknownRequest(checked: PolicyDocument): string | null {
  const ids = new Set(checked.requests.map(({ id }) => id));
  if (ids.size < checked.requests.length) return 'two requests have the same id';
  const names = [...checked.outside];
  const walk = (at: PolicyDocument['chains'][number]['root']): void => {
    names.push(at.request);
    for (const child of at.children) walk(child);
  };
  for (const { root } of checked.chains) walk(root);
  const unknown = names.find((id) => !ids.has(id));
  return unknown === undefined ? null : `it names request "${unknown}", which it does not declare`;
}
