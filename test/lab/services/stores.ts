// The ways to the databases and the queue. Enters: who asks; leaves: pools and channels, and the sockets under them.
import type { Socket } from 'node:net';
import amqp from 'amqplib';
import mysql from 'mysql2/promise';
import pg from 'pg';
import { address, DATABASE, EXCHANGE, login, port, type ServiceName } from '../topology.ts';

const POOL = Number(process.env.POOL ?? '10');

export function postgresPool(self: ServiceName): pg.Pool {
  return new pg.Pool({
    host: address('user-db'),
    port: port('user-db'),
    database: DATABASE,
    ...login(self),
    max: POOL,
    idleTimeoutMillis: 0,
    // Housekeeping as one finds it: a statement that belongs to no request.
    onConnect: (client) => client.query(`SET application_name = '${self}'`) as unknown as undefined,
  });
}

const mariadbOptions = (identity: ServiceName): mysql.PoolOptions => ({
  host: address('dvd-db'),
  port: port('dvd-db'),
  database: DATABASE,
  ...login(identity),
});

export const mariadbPool = (self: ServiceName): mysql.Pool =>
  mysql.createPool({ ...mariadbOptions(self), connectionLimit: POOL, idleTimeout: 600_000 });

/** @param stream the connection that it speaks on */
export const mariadbConnection = (identity: ServiceName, stream: Socket): Promise<mysql.Connection> =>
  mysql.createConnection({ ...mariadbOptions(identity), stream });

export function amqpConnection(self: ServiceName): Promise<amqp.ChannelModel> {
  const { user, password } = login(self);
  return amqp.connect(`amqp://${user}:${password}@${address('queue')}:${port('queue')}`, { noDelay: true });
}

/** Both sides declare it: neither knows who is up first. */
export const declareExchange = (channel: amqp.Channel): Promise<unknown> =>
  channel.assertExchange(EXCHANGE, 'direct', { durable: true });

/** The drivers do not publish their sockets; the truth of a capture needs the ports. */
interface Inner {
  connection: { stream: Socket };
}
export const postgresSocket = (client: pg.PoolClient): Socket =>
  (client as unknown as Inner).connection.stream;
export const amqpSocket = (channel: amqp.Channel): Socket => (channel as unknown as Inner).connection.stream;
