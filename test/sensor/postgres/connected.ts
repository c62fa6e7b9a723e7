// A PostgreSQL connection that is logged in. Enters: options; leaves: a parse whose emitted events begin after the login.
import { postgresParser } from '../../../src/sensor/postgres/parser.ts';
import { Parse, type ParseOptions } from '../../support/parse.ts';
import * as b from '../../support/postgres-bytes.ts';

/** User `app`, database `shop`, UTF-8 unless another encoding is given. */
export function connected(options: ParseOptions & { readonly encoding?: string } = {}): Parse {
  const { encoding = 'UTF8', ...rest } = options;
  const parse = new Parse(postgresParser, rest);
  parse.send('orig', b.startup({ user: 'app', database: 'shop' }));
  const status = b.parameterStatus('client_encoding', encoding);
  parse.send('resp', Buffer.concat([b.AUTHENTICATION_OK, status, b.KEY_DATA, b.ready()]));
  parse.emitted.length = 0;
  return parse;
}
