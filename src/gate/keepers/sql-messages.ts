// SQL messages that the gate itself sends. Enters: a word that no grammar knows; leaves: bytes of the two protocols.

const REFUSED = 'refused by policy';

function typed(type: string, body: Buffer): Buffer {
  const bytes = Buffer.alloc(5 + body.length);
  bytes.write(type, 0, 'latin1');
  bytes.writeUInt32BE(4 + body.length, 1);
  body.copy(bytes, 5);
  return bytes;
}

/** A simple query that cannot be parsed. */
export const postgresQuery = (word: string): Buffer => typed('Q', Buffer.from(`${word}\0`, 'latin1'));

/** A Parse of the unnamed statement that cannot be parsed: the server skips everything up to the next Sync. */
export const postgresParse = (word: string): Buffer => typed('P', Buffer.from(`\0${word}\0\0\0`, 'latin1'));

/** ErrorResponse: insufficient_privilege (PostgreSQL documentation, "Error and Notice Message Fields"). */
export function postgresError(): Buffer {
  return typed('E', Buffer.from(`SERROR\0VERROR\0C42501\0M${REFUSED}\0\0`, 'latin1'));
}

function packet(sequence: number, body: Buffer): Buffer {
  const head = Buffer.alloc(4);
  head.writeUIntLE(body.length, 0, 3);
  head.writeUInt8(sequence & 0xff, 3);
  return Buffer.concat([head, body]);
}

/** COM_INIT_DB of a database that does not exist: it fails, and changes nothing. */
export const mysqlInitDb = (word: string): Buffer => packet(0, Buffer.from(`\x02${word}`, 'latin1'));

/** ERR_Packet: ER_TABLEACCESS_DENIED_ERROR. */
export function mysqlError(sequence: number): Buffer {
  const code = Buffer.alloc(3);
  code.writeUInt8(0xff, 0);
  code.writeUInt16LE(1142, 1);
  return packet(sequence, Buffer.concat([code, Buffer.from(`#42000${REFUSED}`, 'latin1')]));
}
