// A MySQL connection that is logged in. Enters: options; leaves: a parse whose emitted events begin after the login.
import { mysqlParser } from '../../../src/sensor/mysql/parser.ts';
import * as b from '../../support/mysql-bytes.ts';
import { Parse, type ParseOptions } from '../../support/parse.ts';

export interface ConnectedOptions extends ParseOptions {
  /** Capabilities of the client besides the usual ones. */
  readonly also?: number;
  readonly collation?: number;
}

/** User `app`, database `shop`, utf8mb4 unless another collation is given. */
export function connected({ also = 0, collation = 255, ...options }: ConnectedOptions = {}): Parse {
  const parse = new Parse(mysqlParser, options);
  parse.send('resp', b.greeting());
  parse.send('orig', b.login({ flags: b.USUAL | also, collation }));
  parse.send('resp', b.ok(2));
  parse.emitted.length = 0;
  return parse;
}
