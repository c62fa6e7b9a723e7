// Makes sure that unknown data is a policy document. Enters: what a module exports or a file holds; leaves: a document.
import { InputError } from '../errors.ts';
import { DEFAULT_POSTURES } from './defaults.ts';
import type { PolicyDocument } from './document.ts';
import { TOKEN_ALGORITHMS } from './document.ts';
import { JSON_TYPES, NORMALISERS, PROPERTY_NAMES } from './fact.ts';
import { ORDERINGS } from './relation.ts';
import {
  count,
  dictionary,
  either,
  flag,
  list,
  literal,
  map,
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
const bare = (kind: string): Shape => record({ in: oneOf(kind) });
const pointed = (kind: string): Shape =>
  record({ in: oneOf(kind), pointer: text, type: oneOf(...JSON_TYPES) }, ['type']);
const source = tagged('in', {
  path: named('path'),
  query: named('query'),
  header: named('header'),
  cookie: named('cookie'),
  form: named('form'),
  body: pointed('body'),
  claim: record(
    { in: oneOf('claim'), name: text, of: record({ in: oneOf('cookie', 'header'), name: text }) },
    ['of'],
  ),
  multipart: named('multipart'),
  property: record({ in: oneOf('property'), name: oneOf(...PROPERTY_NAMES) }),
  'routing-key': bare('routing-key'),
  exchange: bare('exchange'),
  'response-body': pointed('response-body'),
  'response-header': named('response-header'),
  'response-cookie': named('response-cookie'),
  'response-status': bare('response-status'),
  result: record({ in: oneOf('result'), column: text, row: either(count, oneOf('only')) }, ['row']),
  affected: bare('affected'),
});
/** A power of ten. More digits than this no amount has. */
const scale = oneOf(...Array.from({ length: 37 }, (_, i) => i - 18));
const fact = record(
  {
    fact: text,
    source,
    as: oneOf(...NORMALISERS),
    optional: flag,
    trim: oneOf(true),
    scale,
    all: oneOf(true),
  },
  ['trim', 'scale', 'all'],
);

const term = tagged('kind', {
  fact: record({ kind: text, fact: text }),
  literal: record({ kind: text, value: text }),
});
const relation = tagged('kind', {
  compare: record({ kind: text, fact: text, operator: oneOf('=', '<>', ...ORDERINGS), with: term }),
  'one-of': record({ kind: text, fact: text, values: list(text) }),
  member: record({ kind: text, fact: text, of: text }),
  sum: record({ kind: text, fact: text, of: list(term) }),
  product: record({ kind: text, fact: text, of: list(term) }),
  'starts-with': record({ kind: text, fact: text, with: term }),
});

const operand = recursive(4, (self) =>
  tagged('kind', {
    fact: record({ kind: text, fact: text, scale }, ['scale']),
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
  transaction: record({ kind: text }),
});
const feature = oneOf(
  'expiration',
  'priority',
  'reply-to',
  'delay',
  'immediate',
  'exclusive',
  'auto-delete',
  'internal',
  'no-ack',
);

const containment = tagged('kind', {
  report: record({ kind: text }),
  cut: record({ kind: text, lifetime: count }),
});
const refusal = oneOf('reset', 'answer');
const base = {
  id: text,
  from: text,
  to: text,
  facts: list(fact),
  remembers: list(text),
  recalls: list(text),
  forgets: list(text),
  requires: list(relation),
  audited: oneOf(true),
  containment,
  place,
  protocol: text,
  refused: refusal,
};
const OPTIONAL = ['remembers', 'recalls', 'forgets', 'requires', 'audited', 'containment', 'refused'];
const request = tagged('protocol', {
  http: record(
    { ...base, method: text, path: text, query: list(text), overriding: orNull(text), streams: oneOf(true) },
    [...OPTIONAL, 'streams'],
  ),
  amqp: record(
    {
      ...base,
      action,
      allowing: list(feature),
      copies: list(text),
      arguments: map(literal),
      exchangeType: orNull(text),
    },
    OPTIONAL,
  ),
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
  // Documents that were written before there were memories have none.
  ['unremembered'],
);

const jwk = dictionary(either(list(text), text));
const tokens = record({
  keys: list(jwk),
  algorithms: list(oneOf(...TOKEN_ALGORITHMS)),
  issuer: orNull(text),
  audience: list(text),
});

const memory = record({ name: text, by: text, keeps: list(text), lifetime: count, most: count, place });

const document = record(
  {
    refuse: refusal,
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
    memories: list(memory),
    tokens,
  },
  ['memories', 'tokens', 'refuse'],
);

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
