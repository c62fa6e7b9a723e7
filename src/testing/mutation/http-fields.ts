// The values in HTTP messages, and their targets. Enters: an event; leaves: fields and other targets.
import type { Header } from '../../events/common.ts';
import type { HttpRequest, HttpResponse } from '../../events/http.ts';
import { bodyOfText, type Field, jsonFields, textOf } from './field.ts';

/** What clients and servers say about the transfer, not about its content. `docs/testing.md` lists them. */
const TRANSPORT_HEADERS: ReadonlySet<string> = new Set([
  'accept',
  'accept-encoding',
  'accept-language',
  'cache-control',
  'connection',
  'content-encoding',
  'content-length',
  'content-type',
  'date',
  'etag',
  'expect',
  'host',
  'keep-alive',
  'last-modified',
  'server',
  'te',
  'trailer',
  'transfer-encoding',
  'user-agent',
  'vary',
  'via',
]);

/** Values in the path, the query, headers and the body. */
export function httpFields(event: HttpRequest | HttpResponse): readonly Field[] {
  const target = event.kind === 'http-request' ? [...pathFields(event), ...queryFields(event)] : [];
  return [...target, ...headerFields(event), ...bodyFields(event)];
}

/** The segments of the path, counted from 1. */
export function pathFields(event: HttpRequest): readonly Field[] {
  const [path = '', ...query] = event.target.split('?');
  const rest = query.length === 0 ? '' : `?${query.join('?')}`;
  const segments = path.split('/');
  return segments.slice(1).flatMap((segment, i): readonly Field[] =>
    segment === ''
      ? []
      : [
          {
            name: `path ${i + 1}`,
            value: decoded(segment),
            write: (value) => ({
              ...event,
              target: `${segments.with(i + 1, encodeURIComponent(value)).join('/')}${rest}`,
            }),
          },
        ],
  );
}

function queryFields(event: HttpRequest): readonly Field[] {
  const mark = event.target.indexOf('?');
  if (mark < 0) return [];
  const pairs = event.target.slice(mark + 1).split('&');
  return pairs.flatMap((pair, i): readonly Field[] => {
    const equals = pair.indexOf('=');
    if (equals < 0) return [];
    const name = pair.slice(0, equals);
    const write = (value: string): HttpRequest => {
      const changed = pairs.with(i, `${name}=${encodeURIComponent(value)}`).join('&');
      return { ...event, target: `${event.target.slice(0, mark)}?${changed}` };
    };
    return [{ name: `query ${decoded(name)}`, value: decoded(pair.slice(equals + 1)), write }];
  });
}

function headerFields(event: HttpRequest | HttpResponse): readonly Field[] {
  return event.headers.flatMap(({ name, value }, i): readonly Field[] => {
    const lower = name.toLowerCase();
    if (TRANSPORT_HEADERS.has(lower)) return [];
    const write = (changed: string): HttpRequest | HttpResponse => {
      const headers: readonly Header[] = event.headers.map((header, j) =>
        j === i ? { name, value: changed } : header,
      );
      return { ...event, headers };
    };
    return [{ name: `header ${lower}`, value, write }];
  });
}

function bodyFields(event: HttpRequest | HttpResponse): readonly Field[] {
  const text = textOf(event.body);
  if (text === null || text === '') return [];
  const type = event.headers.find(({ name }) => name.toLowerCase() === 'content-type')?.value ?? '';
  const write = (changed: string): HttpRequest | HttpResponse => ({ ...event, body: bodyOfText(changed) });
  if (type.startsWith('application/x-www-form-urlencoded')) {
    const pairs: readonly (readonly [string, string])[] = [...new URLSearchParams(text)];
    return pairs.map(([name, value], i) => ({
      name: `form ${name}`,
      value,
      write: (changed) => {
        const others = pairs.map(([key, before], j): [string, string] => [key, j === i ? changed : before]);
        return write(new URLSearchParams(others).toString());
      },
    }));
  }
  const fields = jsonFields(text);
  if (fields.length > 0)
    return fields.map((field) => ({
      name: `body ${field.pointer}`,
      value: field.value,
      write: (value) => write(field.write(value)),
    }));
  return [{ name: 'body', value: text, write }];
}

/** A segment as a reader takes it; a broken escape stays as it is. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
