// The first line of an HTTP message, and the host that it is for. Enters: a line; leaves: its parts, and what readers disagree on.
import type { Ambiguity } from '../../events/common.ts';
import { type Head, note, valuesOf } from './head.ts';

export interface RequestLine {
  readonly method: string;
  readonly target: string;
  readonly version: string;
}

const REQUEST_LINE = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+) ([^ ]+) HTTP\/(\d\.\d)$/;
const LOOSE_REQUEST_LINE = /^([^\s]+)[ \t]+(.*?)[ \t]+HTTP\/(\d+(?:\.\d+)?)[ \t]*$/;
const STATUS_LINE = /^HTTP\/(\d\.\d) (\d{3})(?: .*)?$/;
const LOOSE_STATUS_LINE = /^http\/(\d+(?:\.\d+)?)[ \t]+(\d{3})(?:[ \t].*)?$/i;

export function readRequestLine(text: string, ambiguities: Ambiguity[]): RequestLine | null {
  const strict = REQUEST_LINE.exec(text);
  const parts = strict ?? LOOSE_REQUEST_LINE.exec(text);
  const [, method, target, version] = parts ?? [];
  if (method === undefined || target === undefined || version === undefined) return null;
  if (strict === null)
    note(ambiguities, 'http-bad-request-line', 'the request line is not method, target and version');
  if (/[^!-~]/.test(target))
    note(ambiguities, 'http-bad-request-line', 'the target has bytes outside printable ASCII');
  if (version !== '1.1' && version !== '1.0') {
    if (Number(version) >= 2 || !version.startsWith('1.')) return null;
    note(ambiguities, 'http-version', `version ${version}`);
  }
  return { method, target, version };
}

export function readStatusLine(
  text: string,
  ambiguities: Ambiguity[],
): { status: number; version: string } | null {
  const strict = STATUS_LINE.exec(text);
  const [, version, status] = strict ?? LOOSE_STATUS_LINE.exec(text) ?? [];
  if (version === undefined || status === undefined) return null;
  if (strict === null || (version !== '1.1' && version !== '1.0')) {
    note(ambiguities, 'http-bad-status-line', 'the status line is not version, code and reason');
  }
  return { status: Number(status), version };
}

/** RFC 9112 section 3.2: exactly one Host in HTTP/1.1, and an absolute target must not name another. */
export function checkHost(line: RequestLine, head: Head): void {
  const hosts = valuesOf(head.headers, 'host');
  if (hosts.length > 1) note(head.ambiguities, 'http-duplicate-host', 'Host stands there more than once');
  if (hosts.length === 0 && line.version === '1.1') note(head.ambiguities, 'http-missing-host', 'no Host');
  const authority = /^[a-z]+:\/\/([^/?#]*)/i.exec(line.target)?.[1];
  if (
    authority !== undefined &&
    hosts[0] !== undefined &&
    authority.toLowerCase() !== hosts[0].toLowerCase()
  ) {
    note(head.ambiguities, 'http-duplicate-host', 'the target names another host than Host');
  }
}
