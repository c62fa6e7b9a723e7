// Whether an HTTP request is judged by its head alone. Enters: a policy, the flow's ends, a head; leaves: what was declared.
import type { HttpRequest } from '../events/http.ts';
import type { CompiledPolicy } from './compile.ts';
import type { FlowRecord } from './flows.ts';
import { matchPath, undeclaredParameter } from './match/http.ts';
import { readTarget } from './match/target.ts';

/** True when the declared request that this is, as `matchHttp` would say, may be judged before its body has come. */
export function streams(
  policy: CompiledPolicy,
  record: FlowRecord | null,
  { method, target }: Pick<HttpRequest, 'method' | 'target'>,
): boolean {
  if (record?.status !== 'declared') return false;
  const read = readTarget(target);
  if (read.kind === 'refused') return false;
  const found = policy
    .http(record.ends.client, record.ends.server)
    .filter(
      (declaration) =>
        declaration.method === method &&
        matchPath(declaration.path, read.segments) !== null &&
        undeclaredParameter(declaration, read.query) === null,
    );
  const [first] = found;
  // By an override, which may stand in the body, the request may be one that stands further down.
  return (
    first !== undefined &&
    found.every(({ overriding, streams }) => overriding === first.overriding || streams === true) &&
    first.streams === true
  );
}
