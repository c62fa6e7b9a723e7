// Mutants that say something else, or ask for something else. Enters: an honest request; leaves: mutants.
import type { FlowEvent } from '../../events/event.ts';
import type { HttpRequest } from '../../events/http.ts';
import type { PolicyDocument } from '../../policy/document.ts';
import type { Field } from './field.ts';
import type { Honest, HonestRequest } from './honest.ts';
import { pathFields } from './http-fields.ts';
import type { Mutant } from './mutant.ts';
import type { Random } from './random.ts';
import { otherTexts } from './sql-fields.ts';
import { Timeline } from './timeline.ts';
import { valuesOf } from './values.ts';

/** Each value of the request, and each of its answer, becomes that of another request, and one that is made up. */
export function changeValues(
  policy: PolicyDocument,
  honest: Honest,
  request: HonestRequest,
  random: Random,
): readonly Mutant[] {
  const own = valuesOf(request.event).filter(({ name }) => !isLiteralSegment(policy, request, name));
  const answer = answerOf(honest, request);
  return [
    ...own.flatMap((field) => {
      const others = honest.requests
        .filter((other) => other.request === request.request)
        .map(({ event }) => event);
      return changes(honest, request, request.index, 'request-value', field, others, random);
    }),
    ...(answer === null ? [] : valuesOf(answer.event)).flatMap((field) => {
      const others = honest.requests
        .filter((other) => other.request === request.request)
        .flatMap((other) => answerOf(honest, other)?.event ?? []);
      return changes(honest, request, answer?.index ?? 0, 'answer-value', field, others, random);
    }),
  ];
}

function changes(
  honest: Honest,
  request: HonestRequest,
  index: number,
  kind: 'request-value' | 'answer-value',
  field: Field,
  alike: readonly FlowEvent[],
  random: Random,
): readonly Mutant[] {
  const values = alike.flatMap((event) => valuesOf(event).filter(({ name }) => name === field.name));
  const theirs = random.pick(
    [...new Set(values.map(({ value }) => value))].filter((value) => value !== field.value),
  );
  const chosen = [theirs, madeUp(field.value)].filter((value) => value !== undefined);
  const place = kind === 'answer-value' ? `answer, ${field.name}` : field.name;
  return chosen.map((value) => ({
    kind: 'value',
    of: request,
    what: `${place} ${short(field.value)} becomes ${short(value)}`,
    way: { kind, field: place },
    timeline: () => Timeline.of(honest.events).replace(index, field.write(value)),
  }));
}

/** What it asks for becomes something else that the application has, or something that it does not have. */
export function changeTarget(
  policy: PolicyDocument,
  honest: Honest,
  request: HonestRequest,
): readonly Mutant[] {
  return othersOf(policy, request).map(({ what, event }) => ({
    kind: 'target',
    of: request,
    what,
    way: { kind: 'other-target' },
    timeline: () => Timeline.of(honest.events).replace(request.index, event),
  }));
}

interface Other {
  readonly what: string;
  readonly event: FlowEvent;
}

function othersOf(policy: PolicyDocument, request: HonestRequest): readonly Other[] {
  const { event } = request;
  switch (event.kind) {
    case 'http-request':
      return otherHttp(policy, request, event);
    case 'sql-statement': {
      const tables = policy.requests.flatMap((each) =>
        each.protocol === 'sql' && each.to === request.to && each.table !== null ? [each.table] : [],
      );
      return otherTexts(event, [...new Set([...tables, 'pg_shadow'])]);
    }
    case 'amqp-method': {
      const { method } = event;
      if (method.name !== 'basic.publish') return [];
      return [
        {
          what: `exchange ${method.exchange} becomes the default one`,
          event: { ...event, method: { ...method, exchange: '' } },
        },
        {
          what: `routing key ${method.routingKey} becomes #`,
          event: { ...event, method: { ...method, routingKey: '#' } },
        },
      ];
    }
    default:
      return [];
  }
}

const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'];

function otherHttp(policy: PolicyDocument, request: HonestRequest, event: HttpRequest): readonly Other[] {
  const query = event.target.includes('?') ? '&' : '?';
  const methods = METHODS.filter((method) => method !== event.method).map((method) => ({
    what: `method ${event.method} becomes ${method}`,
    event: { ...event, method },
  }));
  const literal = pathFields(event).filter(({ name }) => isLiteralSegment(policy, request, name));
  const segments = literal.flatMap((field) =>
    [madeUp(field.value), `${field.value}/..`].map((value) => ({
      what: `path segment ${field.value} becomes ${value}`,
      event: field.write(value),
    })),
  );
  return [
    ...methods,
    ...segments,
    { what: 'a path segment is added', event: { ...event, target: `${event.target.split('?')[0]}/all` } },
    { what: 'a query parameter is added', event: { ...event, target: `${event.target}${query}all=true` } },
  ];
}

function isLiteralSegment(policy: PolicyDocument, { request, event }: HonestRequest, field: string): boolean {
  const declaration = policy.requests.find(({ id }) => id === request);
  const position = /^path (\d+)$/.exec(field)?.[1];
  if (event.kind !== 'http-request' || declaration?.protocol !== 'http' || position === undefined)
    return false;
  return declaration.path.split('/')[Number(position)]?.startsWith(':') === false;
}

function answerOf(
  { events }: Honest,
  { answer }: HonestRequest,
): { readonly index: number; readonly event: FlowEvent } | null {
  const event = answer === null ? undefined : events[answer];
  // What settles a delivery says nothing.
  if (answer === null || event === undefined || event.kind === 'source-end' || event.kind === 'amqp-method')
    return null;
  return { index: answer, event };
}

/** Another value of the same kind: the next number, another id, another name. */
function madeUp(value: string): string {
  if (/^-?\d{1,15}$/.test(value)) return String(Number(value) + 1);
  const decimals = /^-?\d{1,12}\.(\d{1,6})$/.exec(value)?.[1];
  if (decimals !== undefined) return (Number(value) + 1).toFixed(decimals.length);
  if (value === 'true' || value === 'false') return String(value !== 'true');
  // The first hex digit of a long id, which in a traceparent is one of the trace id.
  const id = /^(.*?)([0-9a-f])([0-9a-f]{5,}.*)$/.exec(value.replace(/^00-/, ''));
  if (id !== null && /\d/.test(value))
    return `${value.startsWith('00-') ? '00-' : ''}${id[1]}${id[2] === 'e' ? 'd' : 'e'}${id[3]}`;
  return `${value}-x`;
}

/** Bodies and tokens are long, and the change may be at the end of either. */
function short(value: string): string {
  return JSON.stringify(value.length > 60 ? `${value.slice(0, 40)}...${value.slice(-17)}` : value);
}
