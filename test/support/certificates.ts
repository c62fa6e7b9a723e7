// Certificates for tests, made on the spot. Enters: names; leaves: a private CA and what it signed, as PEM and as files for Zeek.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const OPENSSL = 'openssl';

/** Null, or why there can be no certificates here. */
export function whyNoCertificates(): string | null {
  return spawnSync(OPENSSL, ['version']).status === 0 ? null : 'needs openssl, for certificates';
}

export interface Certificate {
  /** PEM */
  readonly cert: string;
  readonly key: string;
  /** Paths of the same. */
  readonly certFile: string;
  readonly keyFile: string;
}

const KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];

/** A certificate authority of its own, in a folder that `stop` removes. */
export class Authority {
  readonly folder = mkdtempSync(join(tmpdir(), 'authority-'));
  readonly cert: string;
  readonly certFile = join(this.folder, 'ca.pem');
  readonly #keyFile = join(this.folder, 'ca-key.pem');

  constructor(name: string) {
    this.#run([
      'req',
      '-x509',
      ...KEY,
      '-days',
      '2',
      '-subj',
      `/CN=${name}`,
      '-keyout',
      this.#keyFile,
      '-out',
      this.certFile,
    ]);
    this.cert = readFileSync(this.certFile, 'utf8');
  }

  /** For 127.0.0.1 and localhost; `name` is its common name and that of its files. */
  sign(name: string): Certificate {
    const path = (suffix: string): string => join(this.folder, `${name}${suffix}`);
    this.#run(['req', ...KEY, '-subj', `/CN=${name}`, '-keyout', path('-key.pem'), '-out', path('.csr')]);
    writeFileSync(path('.ext'), 'subjectAltName=IP:127.0.0.1,DNS:localhost\n');
    const issuer = ['-CA', this.certFile, '-CAkey', this.#keyFile, '-CAcreateserial'];
    const signed = ['-days', '2', '-extfile', path('.ext'), '-out', path('.pem')];
    this.#run(['x509', '-req', '-in', path('.csr'), ...issuer, ...signed]);
    return {
      cert: readFileSync(path('.pem'), 'utf8'),
      key: readFileSync(path('-key.pem'), 'utf8'),
      certFile: path('.pem'),
      keyFile: path('-key.pem'),
    };
  }

  stop(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  #run(args: readonly string[]): void {
    execFileSync(OPENSSL, args, { stdio: 'ignore' });
  }
}
