// What readers of traffic are told of services. Enters: documents; leaves: endpoints with their protocols.
import { expect, test } from 'vitest';
import { application, outside } from '../../src/policy/author.ts';
import { hintsOf, hostsOf } from '../../src/policy/hints.ts';

test('services are told by address and port, prefixes by port, and contradictions not at all', () => {
  const document = application('test', ({ service }) => {
    service('a', { at: ['10.0.0.1', 'fd00:0:0::1'], http: [80, 8080] });
    service('b', { at: '10.0.1.0/24', postgres: 5432 });
    service('c', { at: '10.0.2.0/24', mysql: 5432 });
    service('d', { at: '10.0.3.1/32', amqp: 5672 });
    return outside();
  });
  expect(Object.fromEntries(hintsOf([document]))).toEqual({
    '10.0.0.1:80': 'http',
    '10.0.0.1:8080': 'http',
    '[fd00::1]:80': 'http',
    '[fd00::1]:8080': 'http',
    '10.0.3.1:5672': 'amqp',
  });
});

test('the hosts of services are told as subnets, each once', () => {
  const document = application('test', ({ service }) => {
    service('a', { at: ['10.0.0.1', 'fd00:0:0::1'], http: 80 });
    service('b', { at: '10.0.1.0/24', postgres: 5432 });
    service('c', { at: '10.0.0.1/32', http: 81 });
    return outside();
  });
  expect(hostsOf([document, document])).toEqual(['10.0.0.1/32', '10.0.1.0/24', 'fd00::1/128']);
});
