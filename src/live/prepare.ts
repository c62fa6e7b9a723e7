// What is checked of a Zeek before anything is started. Enters: configuration; leaves: certificates, or an InputError.
import { readFile } from 'node:fs/promises';
import type { TlsOptions } from '../broker/connection.ts';
import { BrokerError } from '../broker/failure.ts';
import { settingsOf } from '../broker/options.ts';
import type { ServiceConfig, TlsFiles, ZeekConfig } from '../config/config.ts';
import { InputError } from '../errors.ts';
import type { ServiceParts } from './parts.ts';
import { clientOptions } from './zeek.ts';

/**
 * What can be known of a Zeek before anything is started: its certificates, and that the broker client takes its options.
 * @throws InputError for a file that cannot be read, or for what the client refuses
 */
export async function checkZeek(
  zeek: ZeekConfig,
  { file, inbox }: ServiceConfig,
  { clock, random }: Pick<ServiceParts, 'clock' | 'random'>,
): Promise<TlsOptions | null> {
  if (zeek.at.kind !== 'url') return null;
  const tls = zeek.at.tls === null ? null : await readTls(zeek.at.tls);
  try {
    settingsOf(clientOptions({ config: zeek, inbox, tls, clock, random }, zeek.at.url));
  } catch (error) {
    if (!(error instanceof BrokerError)) throw error;
    const problem = `zeek ${zeek.name}: ${error.message}`;
    throw new InputError('config-invalid', { file }, problem, 'correct it', { cause: error });
  }
  return tls;
}

async function readTls(files: TlsFiles): Promise<TlsOptions> {
  const read = async (key: keyof TlsFiles): Promise<TlsOptions> => {
    const path = files[key];
    if (path === null) return {};
    const pem = await readFile(path).catch((cause: unknown) => {
      throw new InputError(
        'config-unreadable',
        { file: path },
        'it cannot be read',
        'check path and permissions',
        {
          cause,
        },
      );
    });
    // Node takes a CA file without certificates, and trusts nobody then.
    if (!pem.includes(key === 'key' ? 'PRIVATE KEY-----' : '-----BEGIN CERTIFICATE-----'))
      throw new InputError(
        'config-invalid',
        { file: path },
        `it has no ${key} in PEM form`,
        'name another file',
      );
    return { [key]: pem };
  };
  return { ...(await read('ca')), ...(await read('cert')), ...(await read('key')) };
}

/** True for an address that anybody on the way could read, and speak in the name of. */
export function isExposed({ at }: ZeekConfig): boolean {
  if (at.kind !== 'url') return false;
  const { protocol, hostname } = new URL(at.url);
  return protocol === 'ws:' && !/^(?:localhost|127\.[\d.]+|\[::1\])$/.test(hostname);
}
