// Which host a request is for, if all readers agree on one. Enters: a target, a head; leaves: ambiguities.
import { type Head, note, valuesOf } from './head.ts';

/** `uri-host [":" port]` without the characters that RFC 3986 allows in a name and at which readers split or cut. */
const HOST = /^(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._~!$&'()*+=%-]*)(?::\d*)?$/;

/** RFC 9112 section 3.2: exactly one Host in HTTP/1.1, and an absolute target must not name another. */
export function checkHost(target: string, version: string, { headers, ambiguities }: Head): void {
  const hosts = valuesOf(headers, 'host');
  const [host] = hosts;
  if (hosts.length > 1) note(ambiguities, 'http-duplicate-host', 'Host stands there more than once');
  if (host === undefined && version === '1.1') note(ambiguities, 'http-missing-host', 'no Host');
  if (host !== undefined && !HOST.test(host))
    note(ambiguities, 'http-bad-header', 'Host is more than a host and a port');
  const authority = /^[a-z]+:\/\/([^/?#]*)/i.exec(target)?.[1];
  if (authority !== undefined && host !== undefined && authority.toLowerCase() !== host.toLowerCase())
    note(ambiguities, 'http-duplicate-host', 'the target names another host than Host');
}
