// The first line of an HTTP message (RFC 9112 sections 3 and 4). Enters: its text; leaves: its parts, and notes on what is odd in it.
import type { Ambiguity } from '../../events/common.ts';
import { note } from './head.ts';

export interface RequestLine {
  readonly method: string;
  readonly target: string;
  readonly version: string;
}

const REQUEST_LINE = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+) ([!-~]+) HTTP\/(\d\.\d)$/;
const STATUS_LINE = /^HTTP\/(\d\.\d) (\d{3})(?: .*)?$/;
const LOOSE_STATUS_LINE = /^http\/(\d+(?:\.\d+)?)[ \t]+(\d{3})(?:[ \t].*)?$/i;

/** Null for what cannot be a request of HTTP/1.x. */
export function readRequestLine(text: string, ambiguities: Ambiguity[]): RequestLine | null {
  const strict = REQUEST_LINE.exec(text);
  const [, method, target, version] = strict ?? looseRequestLine(text) ?? [];
  if (method === undefined || target === undefined || version === undefined) return null;
  if (strict === null) {
    const detail = /[^!-~]/.test(target)
      ? 'the target has bytes outside printable ASCII'
      : 'the request line is not method, target and version';
    note(ambiguities, 'http-bad-request-line', detail);
  }
  if (version !== '1.1' && version !== '1.0') {
    if (Number(version) >= 2 || !version.startsWith('1.')) return null;
    note(ambiguities, 'http-version', `version ${version}`);
  }
  return { method, target, version };
}

/**
 * A method, blanks, a target, blanks, a version, perhaps blanks; parts as an expression would give them. It is none, since
 * blanks between two runs of blanks take an expression time in the cube of their number.
 */
function looseRequestLine(text: string): readonly (string | undefined)[] | null {
  const method = /^\S+/.exec(text)?.[0] ?? '';
  let end = text.length;
  while (isBlank(text, end - 1)) end--;
  let last = end;
  while (last > 0 && !isBlank(text, last - 1)) last--;
  const version = /^HTTP\/(\d+(?:\.\d+)?)$/.exec(text.slice(last, end))?.[1];
  let [from, to] = [method.length, last];
  // At least one blank on either side of the target, which may be nothing.
  if (method === '' || !isBlank(text, from) || to - from < 2) return null;
  while (from < to && isBlank(text, from)) from++;
  while (to > from && isBlank(text, to - 1)) to--;
  const target = text.slice(from, to);
  return target.includes('\r') ? null : [text, method, target, version];
}

/** Null for what cannot be a response of HTTP/1.x. */
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

function isBlank(text: string, at: number): boolean {
  return text[at] === ' ' || text[at] === '\t';
}
