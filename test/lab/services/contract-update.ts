// Contract-Update. Enters: POST /contracts of a customer; leaves: a look at the DVD, a charge to the customer, a message to the queue.
import { randomBytes, randomUUID } from 'node:crypto';
import type amqp from 'amqplib';
import { EXCHANGE, ROUTING_KEY } from '../topology.ts';
import { fires, intrude, onAttack, report } from './compromised.ts';
import { type Answer, type Call, integer, Refusal, serve } from './kit.ts';
import { childOf, newTraceparent, Peer, TimedOut } from './peer.ts';
import { amqpConnection, amqpSocket, declareExchange } from './stores.ts';

const SELF = 'contract-update';
const dvds = new Peer(SELF, 'dvd-update');
const users = new Peer(SELF, 'user-update');
let broker: amqp.ChannelModel;
let channel: amqp.ConfirmChannel;

interface Rental {
  readonly contract: string;
  readonly user: string;
  readonly dvd: number;
  readonly amount: string;
  readonly traceparent: string | undefined;
}

const newContract = (): string => `c-${randomBytes(4).toString('hex')}`;

async function rent({ user, traceparent, body }: Call): Promise<Answer> {
  const dvd = integer(body.dvd, 'dvd');
  const found = await dvds.call('GET', `/dvds/${dvd}`, { traceparent: childOf(traceparent) });
  if (found.status !== 200) throw new Refusal(404, 'no such dvd');
  if (found.body.status !== 'available') throw new Refusal(409, 'rented already');
  const rental = { contract: newContract(), user, dvd, amount: String(found.body.price), traceparent };
  if (fires('other-protocol-on-allowed-port')) await talkSsh();
  const bill = await charge(rental);
  if (bill.status !== 200) throw new Refusal(bill.status, String(bill.body.error));
  await publish(rental);
  return { status: 201, body: { contract: rental.contract, dvd, amount: rental.amount } };
}

async function charge(rental: Rental): Promise<Answer> {
  if (fires('bills-bob-for-alice')) return bill({ ...rental, user: 'bob' }, true);
  if (fires('forged-trace-header')) {
    return bill({ ...rental, user: 'bob', traceparent: newTraceparent() }, true);
  }
  if (fires('bills-another-amount')) {
    return bill({ ...rental, amount: (Number(rental.amount) + 10).toFixed(2) }, true);
  }
  const first = await bill(rental);
  if (first.status === 200 && fires('bills-twice')) await bill(rental, true);
  return first;
}

async function bill({ user, contract, amount, traceparent }: Rental, offending = false): Promise<Answer> {
  const path = `/users/${encodeURIComponent(user)}/charge`;
  const attempt = (fresh: boolean): Promise<Answer> =>
    users.call('POST', path, {
      body: { contract, amount },
      traceparent: childOf(traceparent),
      fresh,
      offending,
    });
  try {
    return await attempt(false);
  } catch (error) {
    // Once more, with the same contract: User-Update does not debit for a caller that has hung up.
    if (error instanceof TimedOut) return attempt(true);
    throw error;
  }
}

async function publish({ contract, user, dvd, traceparent }: Rental): Promise<void> {
  const another = fires('another-dvd-in-message');
  const body = JSON.stringify({ contract, user, dvd: another ? dvd + 200 : dvd });
  if (another) {
    const request = `basic.publish ${EXCHANGE} ${ROUTING_KEY}`;
    report(amqpSocket(channel), { from: SELF, to: 'queue', protocol: 'amqp', request, values: [body] });
  }
  await new Promise<void>((resolve, reject) => {
    const properties = {
      contentType: 'application/json',
      messageId: randomUUID(),
      correlationId: contract,
      headers: { traceparent: childOf(traceparent) },
    };
    const confirmed = (error: unknown): void => (error ? reject(error) : resolve());
    channel.publish(EXCHANGE, ROUTING_KEY, Buffer.from(body), properties, confirmed);
  });
}

function talkSsh(): Promise<void> {
  const banner = 'SSH-2.0-OpenSSH_9.2p1';
  const keyExchange = Buffer.concat([Buffer.from([0, 0, 1, 0x3c, 6, 20]), randomBytes(314)]);
  const bytes = Buffer.concat([Buffer.from(`${banner}\r\n`), keyExchange]);
  return intrude(SELF, 'user-update', bytes, [{ protocol: 'tcp', request: banner }]);
}

onAttack('bills-without-request', async () => {
  const invented = { contract: newContract(), user: 'bob', dvd: 0, amount: '4.99', traceparent: undefined };
  await bill(invented, true);
});

await serve(SELF, [{ method: 'POST', path: /^\/contracts$/, handle: rent }], {
  open: async () => {
    broker = await amqpConnection(SELF);
    channel = await broker.createConfirmChannel();
    await declareExchange(channel);
  },
  close: async () => {
    dvds.close();
    users.close();
    await broker.close();
  },
});
