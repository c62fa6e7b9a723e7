// The words that a policy module is written in: the public surface `flowtap/policy`. Enters: nothing; leaves: functions.
export { amqp } from './author/amqp.ts';
export { application, type ServiceOptions, type Tools } from './author/application.ts';
export {
  type Causes,
  chain,
  eventually,
  inOrder,
  many,
  once,
  optional,
  outside,
  type Rule,
  required,
  type Settings,
  type Step,
  settings,
} from './author/chain.ts';
export { type HttpWords, http } from './author/http.ts';
export type { Principal, Request } from './author/request.ts';
export {
  above,
  affected,
  any,
  atLeast,
  atMost,
  below,
  body,
  type Comparison,
  cookie,
  decimal,
  decreasedBy,
  exchange,
  fact,
  form,
  header,
  increasedBy,
  integer,
  isNotNull,
  isNull,
  lowerCase,
  maybe,
  multipart,
  not,
  type Operand,
  property,
  query,
  response,
  responseCookie,
  responseHeader,
  responseStatus,
  result,
  routingKey,
  type Source,
} from './author/sources.ts';
export { type SqlWords, sql } from './author/sql.ts';
export type { PolicyDocument } from './document.ts';
