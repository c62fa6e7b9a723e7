// Empties RabbitMQ between stories. Enters: `close` over IPC; leaves: no exchange and no queue of the application, then `closed`.
// Runs in the queue's own namespace, so that its connection stays on the loopback and off the captured bridge.
import amqp from 'amqplib';
import type { FromClient, ToClient } from '../messages.ts';
import { address, EXCHANGE, login, port, QUEUE } from '../topology.ts';

const tell = (message: FromClient): void => {
  process.send?.(message);
};

async function sweep(): Promise<void> {
  const { user, password } = login('queue');
  const connection = await amqp.connect(`amqp://${user}:${password}@${address('queue')}:${port('queue')}`);
  const channel = await connection.createChannel();
  await channel.deleteQueue(QUEUE);
  await channel.deleteExchange(EXCHANGE);
  await connection.close();
}

process.on('disconnect', () => process.exit(0));
process.on('message', (message: ToClient) => {
  if (message.kind !== 'close') return;
  sweep().then(
    () => tell({ kind: 'closed' }),
    (error: unknown) => {
      process.stderr.write(`queue janitor: ${String(error)}\n`);
      process.exit(1);
    },
  );
});
tell({ kind: 'ready' });
