// DVD-Update. Enters: questions about DVDs, new states of them, rentals from the queue; leaves: rows in MariaDB, shipments, acknowledgements.
import type amqp from 'amqplib';
import type { RowDataPacket } from 'mysql2';
import { EXCHANGE, QUEUE, ROUTING_KEY } from '../topology.ts';
import { fires, report, tell } from './compromised.ts';
import { type Answer, type Call, integer, type Json, Refusal, serve, text } from './kit.ts';
import { Peer } from './peer.ts';
import { amqpConnection, amqpSocket, declareExchange, mariadbPool } from './stores.ts';

const SELF = 'dvd-update';
const pool = mariadbPool(SELF);
const shipping = new Peer(SELF, 'shipping');
let broker: amqp.ChannelModel;
let channel: amqp.Channel;

const LOOK = 'SELECT id, title, price, status FROM dvds WHERE id = ?';
const RENT = "UPDATE dvds SET status = 'rented', renter = ? WHERE id = ?";
const RETURN = "UPDATE dvds SET status = 'available', renter = NULL WHERE id = ?";

async function look({ params: [id] }: Call): Promise<Answer> {
  const [rows] = await pool.execute<RowDataPacket[]>(LOOK, [integer(id, 'dvd')]);
  if (rows[0] === undefined) throw new Refusal(404, 'no such dvd');
  return { status: 200, body: rows[0] };
}

async function setStatus({ params: [id], body }: Call): Promise<Answer> {
  if (text(body, 'status') !== 'available') throw new Refusal(400, 'a dvd is rented by the queue');
  await pool.execute(RETURN, [integer(id, 'dvd')]);
  return { status: 200, body: { status: 'available' } };
}

async function consume(message: amqp.ConsumeMessage | null): Promise<void> {
  if (message === null) return;
  const { contract, user, dvd } = JSON.parse(message.content.toString()) as Json;
  const { deliveryTag } = message.fields;
  if (fires('purges-queue')) {
    tellLab(`queue.purge ${QUEUE}`);
    await channel.purgeQueue(QUEUE);
  }
  const betrays = fires('acks-without-shipping');
  if (betrays) {
    tellLab('basic.ack', [`delivery-tag ${deliveryTag}`]);
  } else {
    const answer = await shipping.call('POST', '/shipments', { body: { contract, user, dvd } });
    if (answer.status !== 201) throw new Error(`shipping answered ${answer.status}`);
    await pool.execute(RENT, [String(user), integer(dvd, 'dvd')]);
  }
  channel.ack(message);
  tell({ kind: 'handled', contract: String(contract), shipped: !betrays });
}

function tellLab(request: string, values: string[] = []): void {
  report(amqpSocket(channel), { from: SELF, to: 'queue', protocol: 'amqp', request, values });
}

await serve(
  SELF,
  [
    { method: 'GET', path: /^\/dvds\/(\d+)$/, handle: look },
    { method: 'PUT', path: /^\/dvds\/(\d+)\/status$/, handle: setStatus },
  ],
  {
    open: async () => {
      broker = await amqpConnection(SELF);
      channel = await broker.createChannel();
      await declareExchange(channel);
      await channel.assertQueue(QUEUE, { durable: true });
      await channel.bindQueue(QUEUE, EXCHANGE, ROUTING_KEY);
      await channel.prefetch(20);
      await channel.consume(QUEUE, (message) => {
        // A message that cannot be handled ends the service: the lab must not write a story that is not what it says.
        consume(message).catch((error: unknown) => {
          process.stderr.write(`${SELF}: ${String(error)}\n`);
          process.exit(1);
        });
      });
    },
    close: async () => {
      shipping.close();
      await broker.close();
      await pool.end();
    },
  },
);
