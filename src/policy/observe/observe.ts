// What any event of a declared connection means to the policy. Enters: an event; leaves: an observation, or null.
import { assertNever } from '../../errors.ts';
import type { FlowEvent } from '../../events/event.ts';
import type { AmbiguitySeen, AnalysisLost } from '../../events/lost.ts';
import type { CompiledPolicy } from '../compile.ts';
import { AmqpSession, observeAmqp } from './amqp.ts';
import { observeHttp } from './http.ts';
import { type Ends, type Observation, printable } from './observation.ts';
import { observeSql } from './sql.ts';

/** Reads one event. Null: it asks for nothing that a policy speaks of. */
export function observe(
  policy: CompiledPolicy,
  flow: { readonly ends: Ends; amqp: AmqpSession | null },
  event: FlowEvent,
): Observation | null {
  const { ends } = flow;
  switch (event.kind) {
    case 'connection-attempt':
    case 'connection-established':
    case 'connection-end':
      return null;
    case 'http-request':
    case 'http-response':
      return observeHttp(policy, ends, event);
    case 'amqp-method':
      flow.amqp ??= new AmqpSession();
      return observeAmqp(policy, ends, flow.amqp, event);
    case 'sql-session':
    case 'sql-login-failed':
    case 'sql-prepare':
    case 'sql-statement':
    case 'sql-command':
    case 'sql-result':
      return observeSql(policy, ends, event);
    case 'analysis-lost':
      return observeLost(ends, event);
    case 'ambiguity':
      return observeAmbiguity(ends, event);
    default:
      return assertNever(event);
  }
}

function base(ends: Ends, event: AnalysisLost | AmbiguitySeen, protocol: AnalysisLost['protocol']) {
  const fromClient = event.at.side === 'orig';
  const subject = {
    what: 'bytes',
    protocol: protocol ?? 'tcp',
    request: 'bytes that were not understood',
    from: fromClient ? ends.client : ends.server,
    to: fromClient ? ends.server : ends.client,
  } as const;
  return { subject, ts: event.ts, evidence: event.at };
}

/** Bytes of another protocol are no request that could be declared; everything else cannot be told. */
function observeLost(ends: Ends, event: AnalysisLost): Observation {
  const common = base(ends, event, event.protocol);
  const detail = printable(event.detail);
  if (event.cause !== 'other-protocol') {
    return {
      kind: 'blindness',
      cause: event.cause,
      text: `Cannot be read (${event.cause}): ${detail}.`,
      ...common,
    };
  }
  const text = `${common.subject.from} sends ${common.subject.to} bytes that are not ${event.protocol ?? 'of the declared protocol'}: ${detail}.`;
  return { kind: 'offence', code: 'other-protocol', decidedBy: 'connection', text, ...common };
}

function observeAmbiguity(ends: Ends, event: AmbiguitySeen): Observation {
  const text = `Readers can take these bytes differently: ${printable(event.detail)} (${event.code}).`;
  return { kind: 'offence', code: 'ambiguous-bytes', decidedBy: 'request', text, ...base(ends, event, null) };
}
