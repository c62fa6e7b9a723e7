// A WebSocket to Zeek without a client around it. Enters: an address at which somebody will listen; leaves: an open socket.
import { setTimeout as delay } from 'node:timers/promises';
import { WebSocket } from 'ws';

/** Tries until somebody listens. @throws Error after half a minute */
export async function connectWhenThere(url: string): Promise<WebSocket> {
  for (let attempt = 0; attempt < 600; attempt += 1) {
    const socket = new WebSocket(`${url}/v1/messages/json`, {
      perMessageDeflate: false,
      skipUTF8Validation: true,
    });
    const opened = await new Promise<boolean>((resolve) => {
      socket.once('open', () => resolve(true));
      socket.once('error', () => resolve(false));
    });
    if (opened) return socket;
    await delay(50);
  }
  throw new Error(`nobody listens at ${url}`);
}
