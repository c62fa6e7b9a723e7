// One HTTP request. Enters: where, from which address, what; leaves: status and body, or the socket's error.
import { Agent, request } from 'node:http';

export interface Reply {
  readonly status: number;
  readonly body: string;
}

export interface Asking {
  readonly host: string;
  readonly port: number;
  readonly localAddress?: string;
  readonly method?: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Without one, the connection is of this request alone. */
  readonly agent?: Agent;
}

export function askHttp({ body = '', agent = new Agent(), headers = {}, ...where }: Asking): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const options = { ...where, agent, headers: { ...headers, 'content-length': body.length } };
    const asked = request(options, (reply) => {
      let text = '';
      reply.setEncoding('latin1');
      reply.on('data', (part: string) => {
        text += part;
      });
      reply.on('error', reject);
      reply.on('end', () => resolve({ status: reply.statusCode ?? 0, body: text }));
    });
    asked.on('error', reject);
    asked.end(body);
  });
}
