// TLS towards a real Zeek. Enters: certificates of private CAs; leaves: who gets in, and who is refused by whom.
import { describe, expect } from 'vitest';
import type { TlsOptions } from '../../src/broker/connection.ts';
import { count, string } from '../../src/broker/value/value.ts';
import { Authority, whyNoCertificates } from '../support/certificates.ts';
import { argsOf, is, kind, kinds, stream, until } from '../support/stream-items.ts';
import { type RunningZeek, send, type ZeekLab, zeekTest } from '../support/zeek-lab.ts';

function authority(lab: ZeekLab, name: string): Authority {
  const reason = whyNoCertificates();
  if (reason !== null) lab.skip(reason);
  const made = new Authority(name);
  lab.defer(() => made.stop());
  return made;
}

const secure = (zeek: RunningZeek, host = '127.0.0.1'): string => `wss://${host}:${zeek.port}`;

/** Why the first attempts fail. */
async function refusal(lab: ZeekLab, url: string, tls: TlsOptions): Promise<string> {
  const items = await until(stream(lab.client(url, { tls })), kind('reconnecting'));
  const last = items.at(-1);
  if (last?.kind !== 'reconnecting') throw new Error('no attempt failed');
  expect(last.loss).toMatchObject({ code: 'broker-transport', closeCode: null });
  return last.loss.message;
}

async function pingPong(lab: ZeekLab, url: string, tls: TlsOptions): Promise<void> {
  const { client, items } = await lab.connected(url, { tls });
  for (let n = 0; n < 5; n += 1) {
    send(client, 'ping', string('secret'), count(n));
    expect(argsOf(await until(items, is('pong')), 'pong')).toEqual([[string('secret'), count(n)]]);
  }
}

describe('TLS with a real Zeek', () => {
  zeekTest('a server certificate of a private CA: in with that CA, refused by us without it', async (lab) => {
    const ca = authority(lab, 'ca');
    const server = ca.sign('server');
    for (const backend of lab.backends) {
      const zeek = await lab.zeek({ backend, set: { CERT: server.certFile, KEY: server.keyFile } });
      await pingPong(lab, secure(zeek), { ca: ca.cert });
      await pingPong(lab, secure(zeek, 'localhost'), { ca: ca.cert });
      expect(await refusal(lab, secure(zeek), {})).toMatch(/certificate/);
      const other = authority(lab, 'other');
      expect(await refusal(lab, secure(zeek), { ca: other.cert })).toMatch(/certificate/);
      expect(await refusal(lab, secure(zeek), { ca: ca.cert, servername: 'elsewhere' })).toMatch(/altnames/);
    }
  });

  zeekTest('client certificates: only those of the private CA get in', async (lab) => {
    const ca = authority(lab, 'ca');
    const [server, engine] = [ca.sign('server'), ca.sign('engine')];
    const stranger = authority(lab, 'other').sign('stranger');
    const zeek = await lab.zeek({
      set: { CERT: server.certFile, KEY: server.keyFile, CA: ca.certFile },
    });
    await pingPong(lab, secure(zeek), { ca: ca.cert, cert: engine.cert, key: engine.key });
    await refusal(lab, secure(zeek), { ca: ca.cert });
    await refusal(lab, secure(zeek), { ca: ca.cert, cert: stranger.cert, key: stranger.key });
    // Those who were refused cost the others nothing.
    await pingPong(lab, secure(zeek), { ca: ca.cert, cert: engine.cert, key: engine.key });
  });

  zeekTest('without TLS at a port that has it, and the other way round, there is no way in', async (lab) => {
    const ca = authority(lab, 'ca');
    const server = ca.sign('server');
    const zeek = await lab.zeek({ set: { CERT: server.certFile, KEY: server.keyFile } });
    await lab.connected(secure(zeek), { tls: { ca: ca.cert } });
    const plain = await until(stream(lab.client(zeek, { connectTimeoutMs: 1000 })), kind('reconnecting'));
    expect(kinds(plain)).toEqual([]);
    const open = await lab.zeek();
    await lab.connected(open);
    await refusal(lab, secure(open), { ca: ca.cert });
  });

  zeekTest('a Zeek with anonymous ciphers is refused by us: it could be anybody', async (lab) => {
    authority(lab, 'ca');
    const zeek = await lab.zeek({ set: { CIPHERS: 'AECDH-AES256-SHA@SECLEVEL=0:AECDH-AES256-SHA:P-384' } });
    const items = stream(lab.client(secure(zeek), { tls: {} }));
    // Until it listens there are other reasons.
    const seen = await until(
      items,
      (item) => item.kind === 'reconnecting' && !/ECONNREFUSED/.test(item.loss.message),
    );
    expect(seen.at(-1)).toMatchObject({
      loss: { code: 'broker-transport', message: expect.stringMatching(/handshake/) },
    });
  });

  zeekTest(
    'a certificate without its key is an error in the script; so is another server on the same port',
    async (lab) => {
      const server = authority(lab, 'ca').sign('server');
      const zeek = await lab.zeek({
        script: 'listening.zeek',
        set: { CERT: server.certFile, KEY: server.keyFile },
      });
      // Zeek does not go on after errors in zeek_init.
      expect(await zeek.process.exited).toBe(1);
      const said = zeek.process.output.split('\n').filter((line) => line.startsWith('listen '));
      expect(said).toEqual([
        'listen certificate without key: F',
        'listen key without certificate: F',
        'listen plain: T',
        'listen plain again: T',
        'listen plain port with TLS: F',
        'listen TLS: T',
        'listen TLS, equal options: T',
        'listen TLS port without: F',
        'listen other queue size: F',
        'listen default queue size: T',
      ]);
      expect(zeek.process.output).toMatch(/Already listening on 127\.0\.0\.1:\d+/);
    },
  );
});
