// Fifty users on one connection to a real service, one of them forged. Enters: drivers of users; leaves: assertions on who finishes.
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, createServer as createTcp } from 'node:net';
import amqplib from 'amqplib';
import mysql from 'mysql2/promise';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AT, type Ports, shopPolicy } from '../support/gate-policy.ts';
import { askHttp } from '../support/http-client.ts';
import { LoopbackGate } from '../support/loopback-gate.ts';
import { RealServices, whyNoService } from '../support/real-services.ts';

const USERS = Array.from({ length: 50 }, (_, index) => `user${index}`);
/** Whose requests say another name than the user's. */
const FORGED = 'user17';
const said = (user: string): string => (user === FORGED ? 'mallory' : user);
const why = [whyNoService('postgres'), whyNoService('mariadb'), whyNoService('rabbitmq')].find(
  (each) => each !== null,
);

async function freePort(ip: string): Promise<number> {
  const server = createTcp().listen(0, ip);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

describe.skipIf(why !== undefined)(
  `fifty users on one connection${why === undefined ? '' : ` (skipped: ${why})`}`,
  () => {
    const services = new RealServices();
    let shop: Server;
    let path: LoopbackGate;
    let ports: Ports;

    beforeAll(async () => {
      const asked = new Promise<void>((resolve) => {
        // It answers nobody: what a user has asked for is being done all the time.
        let count = 0;
        shop = createServer(() => {
          if (++count === USERS.length) resolve();
        }).listen(0, '127.0.0.1');
      });
      await once(shop, 'listening');
      ports = {
        http: (shop.address() as AddressInfo).port,
        postgres: await freePort(AT.postgres),
        mysql: await freePort(AT.mysql),
        amqp: await freePort(AT.broker),
      };
      const stock = USERS.map((user) => `('of ${user}', false)`).join(', ');
      await Promise.all([
        services.postgres(AT.postgres, ports.postgres, 'CREATE TABLE orders (buyer text, item text);'),
        services.mariadb(
          AT.mysql,
          ports.mysql,
          `CREATE DATABASE shop; CREATE TABLE shop.stock (item varchar(64), taken bool); INSERT INTO shop.stock VALUES ${stock};
         CREATE USER shop@'%' IDENTIFIED BY ''; GRANT ALL ON shop.* TO shop@'%';`,
        ),
        services.rabbitmq(AT.broker, ports.amqp),
      ]);
      const policy = shopPolicy({ reorder: '2ms', clockSkew: '1ms' }, ports, '127.0.0.1');
      path = await LoopbackGate.open(policy, [
        { ip: '127.0.0.1', port: ports.http },
        { ip: AT.postgres, port: ports.postgres },
        { ip: AT.mysql, port: ports.mysql },
        { ip: AT.broker, port: ports.amqp },
      ]);
      for (const user of USERS) {
        const asking = askHttp({
          host: '127.0.0.1',
          port: path.ports[0] ?? 0,
          localAddress: AT.user,
          method: 'POST',
          path: '/buy',
          headers: { 'x-user': user, 'content-type': 'application/json' },
          body: JSON.stringify({ item: `of ${user}` }),
        });
        asking.catch(() => {
          // Cut off at the end.
        });
      }
      await asked;
    }, 120_000);

    afterAll(async () => {
      await path?.close();
      await services.stop();
      shop?.close();
    }, 30_000);

    it('of PostgreSQL: the forged one gets an error within its transaction, all others commit', async () => {
      const client = new pg.Client({
        host: '127.0.0.1',
        port: path.ports[1] ?? 0,
        user: 'postgres',
        database: 'postgres',
      });
      await client.connect();
      const results: string[] = [];
      for (const user of USERS) {
        await client.query('begin');
        try {
          await client.query('insert into orders (buyer, item) values ($1, $2)', [said(user), `of ${user}`]);
          await client.query('commit');
          results.push('ok');
        } catch (error) {
          results.push(`${(error as pg.DatabaseError).code} ${(error as Error).message}`);
          await client.query('rollback');
        }
      }
      await client.end();
      expect(results.filter((result) => result === 'ok')).toHaveLength(49);
      expect(results[USERS.indexOf(FORGED)]).toBe('42501 refused by policy');
      const direct = new pg.Client({
        host: AT.postgres,
        port: ports.postgres,
        user: 'postgres',
        database: 'postgres',
      });
      await direct.connect();
      const { rows } = await direct.query<{ buyer: string }>('SELECT buyer FROM orders');
      await direct.end();
      expect(rows.map(({ buyer }) => buyer)).toEqual(USERS.filter((user) => user !== FORGED));
    }, 30_000);

    it('of MariaDB: the forged one gets an error, all others commit', async () => {
      const connection = await mysql.createConnection({
        host: '127.0.0.1',
        port: path.ports[2] ?? 0,
        user: 'shop',
        database: 'shop',
      });
      const results: string[] = [];
      for (const user of USERS) {
        const item = user === FORGED ? 'of nobody' : `of ${user}`;
        try {
          const sql = 'update stock set taken = true where item = ?';
          if (USERS.indexOf(user) % 2 === 0) await connection.execute(sql, [item]);
          else await connection.query(sql, [item]);
          results.push('ok');
        } catch (error) {
          results.push(`${(error as { errno?: number }).errno} ${(error as Error).message}`);
        }
      }
      await connection.end();
      expect(results.filter((result) => result === 'ok')).toHaveLength(49);
      expect(results[USERS.indexOf(FORGED)]).toBe('1142 refused by policy');
    }, 30_000);

    it('of RabbitMQ: the channel of the forged one is closed, all other messages arrive', async () => {
      const direct = await amqplib.connect({ hostname: AT.broker, port: ports.amqp });
      const admin = await direct.createChannel();
      await admin.assertExchange('shop', 'direct');
      await admin.assertQueue('bought');
      await admin.bindQueue('bought', 'shop', 'bought');

      // One, which the consumer must never see, and which the broker must not deliver again.
      admin.publish('shop', 'bought', Buffer.from('{"user":"mallory","item":"of user17"}'), {
        contentType: 'application/json',
      });

      const connection = await amqplib.connect({ hostname: '127.0.0.1', port: path.ports[3] ?? 0 });
      const closed: string[] = [];
      const channels: amqplib.ConfirmChannel[] = [];
      for (const user of USERS) {
        const channel = await connection.createConfirmChannel();
        channel.on('error', (error: Error & { code?: number }) => closed.push(`${user} ${error.code}`));
        channels.push(channel);
      }
      const sent = await Promise.allSettled(
        USERS.map(async (user, index) => {
          const body = Buffer.from(JSON.stringify({ user: said(user), item: `of ${user}` }));
          const channel = channels[index];
          await new Promise<void>((resolve, reject) => {
            channel?.publish('shop', 'bought', body, { contentType: 'application/json' }, (error: unknown) =>
              error === null ? resolve() : reject(error),
            );
          });
        }),
      );
      expect(sent.map(({ status }) => status).filter((status) => status === 'fulfilled')).toHaveLength(49);
      expect(closed).toEqual([`${FORGED} 403`]);
      // The broker agrees: the channel's number can be used again.
      const again = await connection.createChannel();
      await again.close();
      await connection.close();
      const { messageCount } = await admin.checkQueue('bought');
      expect(messageCount).toBe(50);

      const got: string[] = [];
      const worker = await amqplib.connect(
        { hostname: '127.0.0.1', port: path.ports[3] ?? 0 },
        // Of net.connect, which its types leave out.
        { localAddress: AT.worker } as object,
      );
      const consumer = await worker.createChannel();
      const all = new Promise<void>((resolve) => {
        void consumer.consume('bought', (message) => {
          if (message === null) return;
          got.push((JSON.parse(message.content.toString()) as { user: string }).user);
          consumer.ack(message);
          if (got.length === 49) resolve();
        });
      });
      await all;
      await consumer.close();
      await worker.close();
      expect(got.sort()).toEqual(USERS.filter((user) => user !== FORGED).sort());
      const left = await admin.checkQueue('bought');
      await direct.close();
      expect(left.messageCount).toBe(0);
    }, 60_000);

    it('was all on one connection each, and no other was cut', () => {
      expect(path.reports.map(({ kind }) => kind)).toEqual(['refused', 'refused', 'refused', 'refused']);
      expect(path.reports.every((report) => report.kind === 'refused' && report.how === 'answer')).toBe(true);
    });
  },
);
