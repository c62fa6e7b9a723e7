// The words for HTTP requests. Enters: method, path; leaves: declarations.
import type { FactDeclaration } from '../fact.ts';
import { callSite } from './context.ts';
import { declare, type NeedsFrom, type Request } from './request.ts';

/** An HTTP request under declaration. */
export interface HttpWords {
  /** Query parameters that may occur; any other makes it a request that is not declared. */
  query(...names: string[]): Request & HttpWords;
  /** It carries a method override (X-HTTP-Method-Override and the like, or a field `_method`) that asks for this method, in any case. */
  overriding(method: string): Request & HttpWords;
  /** A large upload: it is judged by its head, and where requests are held its body is passed on as it comes. */
  streams(): Request & HttpWords;
}

/** A request with any method. Segments of the path such as `:user` are facts of that name. */
function request(method: string, path: string): NeedsFrom<Request & HttpWords> {
  const implied: FactDeclaration[] = path
    .split('/')
    .filter((segment) => segment.startsWith(':'))
    .map((segment) => ({
      fact: segment.slice(1),
      source: { in: 'path', name: segment.slice(1) },
      as: 'text',
      optional: false,
    }));
  return declare(
    {
      label: `${method} ${path}`,
      place: callSite(),
      implied,
      fields: { method, path, query: [] as string[], overriding: null as string | null, streams: false },
      build: (base, { streams, ...fields }) => ({
        ...base,
        protocol: 'http',
        ...fields,
        ...(streams ? { streams } : {}),
      }),
    },
    (fields, self) => ({
      query(...names) {
        fields.query.push(...names);
        return self();
      },
      overriding(other) {
        fields.overriding = other.toUpperCase();
        return self();
      },
      streams() {
        fields.streams = true;
        return self();
      },
    }),
  );
}

/** HTTP requests by method; `http.request` for any other method. */
export const http = {
  request,
  get: (path: string) => request('GET', path),
  head: (path: string) => request('HEAD', path),
  post: (path: string) => request('POST', path),
  put: (path: string) => request('PUT', path),
  patch: (path: string) => request('PATCH', path),
  delete: (path: string) => request('DELETE', path),
} as const;
