// What two documents say differently. Enters: documents; leaves: assertions on the changes.
import { amqp, application, body, chain, header, http, inOrder, once, settings } from 'flowtap/policy';
import { describe, expect, it } from 'vitest';
import dvdRental from '../../policies/dvd-rental.ts';
import { differenceOf } from '../../src/policy/difference.ts';
import type { PolicyDocument } from '../../src/policy/document.ts';

function policy(
  how: { swapped?: boolean; more?: boolean; within?: string; as?: 'user' | 'who' } = {},
): PolicyDocument {
  return application('shop', ({ external, service }) => {
    const customer = external('customer');
    const orders = service('orders', { at: '10.2.0.11', http: 8080 });
    const billing = service('billing', {
      at: how.more === true ? ['10.2.0.12', '10.2.0.13'] : '10.2.0.12',
      http: 8080,
    });
    const broker = service('broker', { at: '10.2.0.20', amqp: 5672 });
    const order = http
      .post('/orders')
      .from(customer)
      .to(orders)
      .facts({ [how.as ?? 'user']: header('x-user'), item: body('/item') });
    const charge = http.post('/charges').from(orders).to(billing);
    const publish = amqp.publish('orders', 'created').from(orders).to(broker);
    const steps = [once(charge), once(publish)];
    return [
      chain(order, inOrder(...(how.swapped === true ? steps.reverse() : steps))),
      ...(how.within === undefined ? [] : [settings({ reorder: how.within })]),
    ];
  });
}

const brief = (before: PolicyDocument, after: PolicyDocument): readonly string[] =>
  differenceOf(before, after).map(
    ({ kind, path, before, after }) =>
      `${kind} ${path.join(' > ')}: ${JSON.stringify(before)} ${JSON.stringify(after)}`,
  );

describe('the difference of two documents', () => {
  it('is nothing for the same declarations on other lines', () => {
    expect(brief(policy(), policy())).toEqual([]);
    const moved = {
      ...dvdRental,
      requests: [...dvdRental.requests].reverse(),
      services: [...dvdRental.services].reverse(),
    };
    expect(brief(dvdRental, moved)).toEqual([]);
  });

  it('names parts by what they are called', () => {
    expect(brief(policy(), policy({ more: true, within: '20ms' }))).toEqual([
      'added services > billing > at > 1: null "10.2.0.13"',
      'changed limits > reorder: 10000 20000',
    ]);
  });

  it('says what came and what went', () => {
    expect(brief(policy(), policy({ as: 'who' }))).toEqual([
      'removed requests > POST /orders > facts > user (header x-user): {"as":"text","optional":false} null',
      'added requests > POST /orders > facts > who (header x-user): null {"as":"text","optional":false}',
    ]);
    const without = { ...policy(), requests: policy().requests.filter(({ id }) => id !== 'POST /charges') };
    expect(brief(policy(), without)).toEqual([
      expect.stringMatching(/^removed requests > POST \/charges: \{.*\} null$/),
    ]);
  });

  it('sees the order of steps where order counts', () => {
    expect(brief(policy(), policy({ swapped: true }))).toEqual([
      'changed chains > POST /orders > sequence > 0: "POST /charges" "publish orders/created"',
      'changed chains > POST /orders > sequence > 1: "publish orders/created" "POST /charges"',
    ]);
  });

  it('keeps names apart that are escaped in JSON pointers', () => {
    const changed = {
      ...dvdRental,
      requests: dvdRental.requests.map((request) =>
        request.id === 'publish rentals/rental.created' ? { ...request, to: 'user-db' } : request,
      ),
    };
    expect(brief(dvdRental, changed)).toEqual([
      'changed requests > publish rentals/rental.created > to: "queue" "user-db"',
    ]);
  });
});
