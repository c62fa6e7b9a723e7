// Certificates for tests of TLS. Enters: a folder; leaves: PEM texts, also as key.pem and cert.pem in that folder.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Makes certificates; where it is missing, tests of TLS are skipped. */
export const OPENSSL = 'openssl';

/** One certificate for both sides, for 127.0.0.1, signed by itself. */
export function certificates(folder: string): { ca: string; cert: string; key: string } {
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
  const subject = ['-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1', '-days', '2'];
  const args = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  execFileSync(OPENSSL, [...args, ...subject, '-keyout', key, '-out', cert], { stdio: 'ignore' });
  const pem = readFileSync(cert, 'utf8');
  return { ca: pem, cert: pem, key: readFileSync(key, 'utf8') };
}
