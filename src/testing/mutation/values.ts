// The values in any event. Enters: an event; leaves: fields that can be changed.
import { assertNever } from '../../errors.ts';
import type { FlowEvent } from '../../events/event.ts';
import { amqpFields } from './amqp-fields.ts';
import type { Field } from './field.ts';
import { httpFields } from './http-fields.ts';
import { resultFields, sqlFields } from './sql-fields.ts';

/** Everything that a request or an answer says. */
export function valuesOf(event: FlowEvent): readonly Field[] {
  switch (event.kind) {
    case 'http-request':
    case 'http-response':
      return httpFields(event);
    case 'amqp-method':
      return amqpFields(event);
    case 'sql-statement':
      return sqlFields(event);
    case 'sql-result':
      return resultFields(event);
    case 'connection-attempt':
    case 'connection-established':
    case 'connection-end':
    case 'sql-session':
    case 'sql-login-failed':
    case 'sql-prepare':
    case 'sql-command':
    case 'analysis-lost':
    case 'ambiguity':
      return [];
    default:
      return assertNever(event);
  }
}
