// HTTP events as observations. Enters: a request or response; leaves: what it means to the policy.
import type { HttpRequest, HttpResponse } from '../../events/http.ts';
import type { CompiledPolicy } from '../compile.ts';
import { keysOf } from '../keys.ts';
import { matchHttp, readHttpResponse } from '../match/http.ts';
import { findClaim } from '../tokens/reading.ts';
import { type Ends, type Observation, printable } from './observation.ts';

/** Reads an HTTP event. */
export function observeHttp(
  policy: CompiledPolicy,
  ends: Ends,
  event: HttpRequest | HttpResponse,
): Observation | null {
  return event.kind === 'http-request'
    ? observeRequest(policy, ends, event)
    : observeResponse(policy, ends, event);
}

function observeRequest(policy: CompiledPolicy, ends: Ends, event: HttpRequest): Observation {
  const { ts, at: evidence } = event;
  const mark = event.target.indexOf('?');
  const target = mark < 0 ? event.target : `${event.target.slice(0, mark)}?...`;
  const subject = {
    what: 'request',
    protocol: 'http',
    request: printable(`${event.method} ${target}`),
    from: ends.client,
    to: ends.server,
  } as const;
  const [ambiguity] = event.ambiguities;
  if (ambiguity !== undefined) {
    const text = `readers can take these bytes differently: ${printable(ambiguity.detail)} (${ambiguity.code})`;
    return { kind: 'offence', code: 'ambiguous-bytes', decidedBy: 'request', text, subject, ts, evidence };
  }
  // Field by field: what is made of each request is copied nowhere.
  return {
    kind: 'request',
    subject,
    ts,
    evidence,
    match: matchHttp(policy.http(ends.client, ends.server), policy.normalisers, event, (token, name) =>
      findClaim(policy.tokens(token), name, event.ts, policy.document.limits.skew),
    ),
    keys: keysOf(policy.document.keys, event),
    awaits: event.exchange,
    source: event.flow.orig.ip,
    unanswered: false,
  };
}

function observeResponse(policy: CompiledPolicy, ends: Ends, event: HttpResponse): Observation | null {
  const subject = {
    what: 'response',
    protocol: 'http',
    request: `response ${event.status}`,
    from: ends.server,
    to: ends.client,
  } as const;
  const base = { subject, ts: event.ts, evidence: event.at };
  const [ambiguity] = event.ambiguities;
  if (ambiguity !== undefined && !event.flow.midstream) {
    const text = `readers can take this response differently: ${printable(ambiguity.detail)} (${ambiguity.code})`;
    return { kind: 'offence', code: 'ambiguous-bytes', decidedBy: 'request', text, ...base };
  }
  if (event.exchange === null) return null;
  return {
    kind: 'answer',
    of: [event.exchange],
    ok: event.status < 400,
    text: String(event.status),
    read: (id) => {
      const declaration = policy.requests.get(id);
      return declaration?.protocol === 'http'
        ? readHttpResponse(declaration, policy.normalisers, event)
        : null;
    },
    ...base,
  };
}
