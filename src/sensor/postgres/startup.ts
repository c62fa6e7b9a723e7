// PostgreSQL's messages that have no type byte. Enters: the body of the first message; leaves: what the client asks for.
import { ByteReader } from '../sql/byte-reader.ts';
import { decodeText } from '../sql/text.ts';

const CANCEL_REQUEST = 80_877_102;
const SSL_REQUEST = 80_877_103;
const GSS_REQUEST = 80_877_104;

export type Startup =
  | {
      readonly kind: 'session';
      readonly user: string;
      /** The user's name where none is given (PostgreSQL documentation, "StartupMessage"). */
      readonly database: string;
      readonly parameters: ReadonlyMap<string, string>;
    }
  | { readonly kind: 'ssl' }
  | { readonly kind: 'gss' }
  /** The secret key of the other connection is not kept. */
  | { readonly kind: 'cancel'; readonly process: number }
  | { readonly kind: 'unknown'; readonly detail: string };

/** Reads the body (without its length) of a StartupMessage, SSLRequest, GSSENCRequest or CancelRequest. */
export function readStartup(body: Uint8Array): Startup {
  const reader = new ByteReader(body);
  const code = reader.u32be();
  switch (code) {
    case SSL_REQUEST:
      return body.length === 4 ? { kind: 'ssl' } : unknown('an SSLRequest of another length');
    case GSS_REQUEST:
      return body.length === 4 ? { kind: 'gss' } : unknown('a GSSENCRequest of another length');
    case CANCEL_REQUEST:
      return body.length >= 12
        ? { kind: 'cancel', process: reader.u32be() }
        : unknown('a CancelRequest of another length');
    default:
      return code >>> 16 === 3 ? readSession(reader) : unknown('a start-up message of no protocol version 3');
  }
}

/** Names and values, each ended by a zero byte, and one more zero byte. Of a name given twice the server takes the last. */
function readSession(reader: ByteReader): Startup {
  const parameters = new Map<string, string>();
  for (;;) {
    const name = reader.untilZero();
    if (!reader.ok) return unknown('a start-up message that does not end');
    if (name.length === 0) break;
    parameters.set(decodeText(name).text, decodeText(reader.untilZero()).text);
  }
  if (!reader.finished) return unknown('a start-up message with more behind its end');
  const user = parameters.get('user') ?? '';
  const database = parameters.get('database') ?? '';
  parameters.delete('user');
  parameters.delete('database');
  return { kind: 'session', user, database: database === '' ? user : database, parameters };
}

function unknown(detail: string): Startup {
  return { kind: 'unknown', detail };
}
