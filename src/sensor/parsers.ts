// The parsers of the embedded sensor. Enters: nothing; leaves: one factory a protocol.
import { amqpParser } from './amqp/parser.ts';
import { httpParser } from './http/parser.ts';
import { mysqlParser } from './mysql/parser.ts';
import { postgresParser } from './postgres/parser.ts';
import type { ParserFactories } from './select.ts';

export const PARSERS: ParserFactories = {
  http: httpParser,
  amqp: amqpParser,
  postgres: postgresParser,
  mysql: mysqlParser,
};
