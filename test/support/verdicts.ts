// Made-up verdicts, chains and blocks. Enters: what a test cares for; leaves: whole values of the contract.
import type { Evidence, Flow, FlowId } from '../../src/flow.ts';
import type { ChainId, ChainRecord, ChainView, Verdict, VerdictId } from '../../src/verdict.ts';

export const NOON = Date.UTC(2026, 10, 23, 12) * 1000;

export function flowOf(given: Partial<Flow> = {}): Flow {
  return {
    id: 'f7' as FlowId,
    orig: { ip: '10.1.0.11', port: 60936 },
    resp: { ip: '10.1.0.12', port: 8080 },
    vlans: [],
    seenAt: 'bob.pcap',
    midstream: false,
    ...given,
  };
}

export function evidenceOf(given: Partial<Evidence> = {}): Evidence {
  return {
    flow: 'f7' as FlowId,
    side: 'orig',
    start: 0,
    end: 214,
    ts: NOON,
    capture: 'bob.pcap',
    packets: [134],
    ...given,
  };
}

/** Contract-Update bills Bob for Alice's rental. */
export function dropOf(given: Partial<Verdict> = {}): Verdict {
  return {
    id: 'v45' as VerdictId,
    kind: 'drop',
    ts: NOON + 123_456,
    application: 'dvd-rental',
    policy: '3fa94b1c22d0e877',
    subject: {
      what: 'request',
      protocol: 'http',
      request: 'POST /users/bob/charge',
      from: 'contract-update',
      to: 'user-update',
      flow: flowOf(),
    },
    decidedBy: 'integrity',
    reasons: [{ code: 'fact-differs', text: 'It bills bob; the rental is of alice.' }],
    cannotTell: null,
    step: 'POST /users/:user/charge',
    chain: null,
    nearest: {
      id: 'c2' as ChainId,
      root: 'POST /contracts of customer 198.51.100.7',
      opened: NOON,
      facts: { user: 'alice', dvd: '7' },
      differences: [
        {
          fact: 'user',
          expected: 'alice',
          expectedFrom: 'POST /contracts: header x-user',
          seen: 'bob',
          seenAt: 'path :user',
        },
      ],
    },
    candidates: 0,
    action: 'block',
    restraint: null,
    effect: 'detected',
    evidence: [evidenceOf(), evidenceOf({ flow: 'f3' as FlowId, packets: [101, 102] })],
    ...given,
  };
}

/** The same request for Alice. */
export function passOf(given: Partial<Verdict> = {}): Verdict {
  return dropOf({
    id: 'v44' as VerdictId,
    kind: 'pass',
    decidedBy: 'request',
    reasons: [{ code: 'explained', text: 'It serves the rental of alice.' }],
    chain: {
      id: 'c2' as ChainId,
      root: 'POST /contracts of customer 198.51.100.7',
      opened: NOON,
      facts: { user: 'alice' },
    },
    nearest: null,
    candidates: 1,
    action: 'none',
    restraint: null,
    effect: 'none',
    ...given,
  });
}

/** TLS where HTTP was declared. */
export function untoldOf(given: Partial<Verdict> = {}): Verdict {
  return dropOf({
    id: 'v46' as VerdictId,
    kind: 'indeterminate',
    decidedBy: 'request',
    reasons: [{ code: 'cannot-read', text: 'The bytes are encrypted.' }],
    cannotTell: { code: 'cannot-read', cause: 'tls' },
    step: null,
    nearest: null,
    ...given,
  });
}

export function chainOf(given: Partial<ChainRecord> = {}): ChainRecord {
  return {
    id: 'c2' as ChainId,
    application: 'dvd-rental',
    policies: ['0123456789abcdef'],
    root: 'POST /contracts of customer 198.51.100.7',
    opened: NOON,
    ended: NOON + 2_500_000,
    outcome: 'complete',
    missing: [],
    requests: 9,
    facts: { user: 'alice' },
    ...given,
  };
}

export function viewOf(): ChainView {
  const seen = {
    request: 'POST /contracts',
    ts: NOON,
    evidence: evidenceOf({ packets: [101] }),
    answered: null,
    origins: {},
  };
  return {
    id: 'c2' as ChainId,
    root: 'POST /contracts of customer 198.51.100.7',
    opened: NOON,
    facts: { user: 'alice' },
    keys: ['trace=4bf92f3577b34da6a3ce929d0e0e4736'],
    origins: {
      user: {
        value: 'alice',
        source: 'POST /contracts: header x-user',
        evidence: evidenceOf({ packets: [101] }),
      },
    },
    tree: {
      step: 'POST /contracts',
      expected: 'the user request',
      state: 'open',
      seen: [seen],
      children: [
        {
          step: 'GET /dvds/:dvd',
          expected: 'exactly once',
          state: 'answered',
          seen: [{ ...seen, request: 'GET /dvds/7', answered: '200' }],
          children: [
            { step: 'select dvds', expected: 'exactly once', state: 'waiting', seen: [], children: [] },
          ],
        },
        {
          step: 'POST /users/:user/charge',
          expected: 'exactly once',
          state: 'waiting',
          seen: [],
          children: [],
        },
      ],
    },
  };
}
