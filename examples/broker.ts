// Follows a Zeek: node --import jiti/register examples/broker.ts [ws://127.0.0.1:27759]. Enters: events; leaves: lines.
import { BrokerClient, string } from 'flowtap/broker';

const client = new BrokerClient({
  url: process.argv[2] ?? 'ws://127.0.0.1:27759',
  topics: ['example/from-zeek/'],
  applicationName: 'example',
  overflow: { kind: 'drop', afterMs: 2000 },
});
process.once('SIGINT', () => void client.close());

for await (const item of client) {
  switch (item.kind) {
    case 'connected':
      console.log(`connected to Zeek ${item.version} as ${item.endpoint}`);
      client.publish({ topic: 'example/to-zeek/', name: 'Example::hello', args: [string('hello')] });
      break;
    case 'event':
      console.log(item.name, item.args);
      break;
    case 'gap':
      console.log(
        item.dropped === null ? 'events are missing here' : `${item.dropped} events are missing here`,
      );
      break;
    case 'lost':
    case 'reconnecting':
      console.log(item.kind, item.loss.code, item.loss.message);
      break;
    case 'error':
      console.log('Zeek refused an event:', item.code, item.context);
      break;
    default:
      console.log(item.kind);
  }
}
