// Verdicts, chains, blocks and ends as records. Enters: made-up ones; leaves: assertions on single fields.
import { describe, expect, it } from 'vitest';
import { explanationRecord } from '../../src/audit/explanation-record.ts';
import { blockRecord, chainRecord } from '../../src/audit/other-records.ts';
import { seconds, timestamp } from '../../src/audit/timestamp.ts';
import { verdictRecord } from '../../src/audit/verdict-record.ts';
import type { FlowId } from '../../src/flow.ts';
import { Blocks } from '../../src/flowtap/blocks.ts';
import { MemoryDriver } from '../../src/flowtap/memory.ts';
import type { VerdictId } from '../../src/verdict.ts';
import { chainOf, dropOf, evidenceOf, flowOf, NOON, passOf, untoldOf, viewOf } from '../support/verdicts.ts';

describe('a timestamp', () => {
  it('is RFC 3339 in UTC with microseconds', () => {
    expect(timestamp(1_795_416_531_215_540)).toBe('2026-11-23T06:48:51.215540Z');
    expect(timestamp(0)).toBe('1970-01-01T00:00:00.000000Z');
    expect(timestamp(1_000_001)).toBe('1970-01-01T00:00:01.000001Z');
  });

  it('never fails, whatever time a capture claims', () => {
    expect(timestamp(-5)).toBe('1970-01-01T00:00:00.000000Z');
    expect(timestamp(Number.NaN)).toBe('1970-01-01T00:00:00.000000Z');
    expect(timestamp(Number.POSITIVE_INFINITY)).toMatch(/^2255-/);
  });

  it('has no rest below a microsecond', () => {
    expect(seconds(2_500_000)).toBe(2.5);
    expect(seconds(1)).toBe(0.000001);
  });
});

describe('the record of a verdict', () => {
  it('says what, who, which rule, which chain came closest and what differed', () => {
    expect(verdictRecord(dropOf(), 'b1')).toMatchObject({
      schema: 1,
      record: 'verdict',
      id: 'v45',
      time: '2026-11-23T12:00:00.123456Z',
      verdict: 'drop',
      code: 'fact-differs',
      decided_by: 'integrity',
      request: 'POST /users/bob/charge',
      from: 'contract-update',
      from_endpoint: '10.1.0.11:60936',
      to: 'user-update',
      to_endpoint: '10.1.0.12:8080',
      step: 'POST /users/:user/charge',
      chain: null,
      nearest: 'c2',
      nearest_facts: { user: 'alice', dvd: '7' },
      differences: [{ fact: 'user', expected: 'alice', seen: 'bob', seen_at: 'path :user' }],
      action: 'block',
      effect: 'detected',
      block: 'b1',
    });
  });

  it('points to each packet once, the request first', () => {
    const verdict = dropOf({ evidence: [evidenceOf(), evidenceOf({ packets: [101, 134] })] });
    const record = verdictRecord(verdict, null);
    expect(record.evidence).toEqual(['bob.pcap:134', 'bob.pcap:101']);
    expect(record.ranges).toMatchObject([
      { flow: 'f7', side: 'orig', start: 0, end: 214, packets: ['bob.pcap:134'] },
      { packets: ['bob.pcap:101', 'bob.pcap:134'] },
    ]);
  });

  it('points to the stream alone where the source keeps no packets', () => {
    const record = verdictRecord(dropOf({ evidence: [evidenceOf({ capture: null, packets: [] })] }), null);
    expect(record.evidence).toEqual([]);
    expect(record.ranges).toHaveLength(1);
  });

  it('gives the sender of the bytes as "from", also when the connection was opened by the other', () => {
    const delivered = dropOf({ evidence: [evidenceOf({ side: 'resp' })] });
    expect(verdictRecord(delivered, null)).toMatchObject({
      from_endpoint: '10.1.0.12:8080',
      to_endpoint: '10.1.0.11:60936',
      flow_orig: '10.1.0.11:60936',
    });
  });

  it('gives whoever did not meet an obligation as "from", and no address of whom it should have asked', () => {
    const overdue = dropOf({ subject: { ...dropOf().subject, what: 'obligation' } });
    expect(verdictRecord(overdue, null)).toMatchObject({
      from_endpoint: '10.1.0.12:8080',
      to_endpoint: null,
    });
  });

  it('puts brackets around IPv6', () => {
    const flow = flowOf({ orig: { ip: 'fd00::b', port: 1 } });
    expect(verdictRecord(dropOf({ subject: { ...dropOf().subject, flow } }), null).flow_orig).toBe(
      '[fd00::b]:1',
    );
  });

  it('names the cause of what could not be told, or the verdict that it follows from', () => {
    expect(verdictRecord(untoldOf(), null)).toMatchObject({ cannot_tell: 'tls', consequence_of: null });
    const of = 'v45' as VerdictId;
    expect(verdictRecord(untoldOf({ cannotTell: { code: 'consequence', of } }), null)).toMatchObject({
      cannot_tell: null,
      consequence_of: 'v45',
    });
  });

  it('has the same fields for every kind of verdict, so that no query meets a surprise', () => {
    const names = [dropOf(), passOf(), untoldOf()].map((verdict) =>
      Object.keys(verdictRecord(verdict, null)),
    );
    expect(names[1]).toEqual(names[0]);
    expect(names[2]).toEqual(names[0]);
  });
});

describe('the record of a chain', () => {
  it('says how long it took and how it ended', () => {
    expect(chainRecord(chainOf({ outcome: 'incomplete', missing: ['POST /shipments'] }))).toMatchObject({
      record: 'chain',
      time: '2026-11-23T12:00:02.500000Z',
      seconds: 2.5,
      outcome: 'incomplete',
      missing: ['POST /shipments'],
    });
  });
});

describe('the record of a block', () => {
  it('says on whose behalf, until when and how far it is', () => {
    const blocks = new Blocks({ driver: new MemoryDriver(), run: 0 });
    const verdict = 'v45' as VerdictId;
    const asked = {
      flow: flowOf(),
      verdict,
      cause: 'It bills bob.',
      owner: 'dvd-rental',
      from: NOON,
      lifetime: 60e6,
    };
    blocks.block(asked);
    blocks.block({ ...asked, verdict: 'v47' as VerdictId });
    const [block] = blocks.takeChanges();
    if (block === undefined) throw new Error('no block');
    expect(blockRecord(block, NOON)).toMatchObject({
      record: 'block',
      id: 'b1',
      state: 'effective',
      verdicts: ['v45', 'v47'],
      owners: ['dvd-rental'],
      cause: 'It bills bob.',
      cause_count: 2,
      until: '2026-11-23T12:01:00.000000Z',
      reached: { installed: '2026-11-23T12:00:00.000000Z', effective: '2026-11-23T12:00:00.000000Z' },
      dropped_packets: null,
    });
  });
});

describe('the explanation of a verdict', () => {
  it('has the chain as a tree, each fact with its packets, and the values that would have agreed', () => {
    const record = explanationRecord(dropOf(), 'b1', viewOf(), true);
    expect(record.would_agree_with).toEqual({ user: 'alice' });
    expect(record.would_pass).toBe(true);
    expect(record.chain).toMatchObject({
      id: 'c2',
      facts: [{ fact: 'user', value: 'alice', range: { packets: ['bob.pcap:101'] } }],
      tree: {
        step: 'POST /contracts',
        children: [{ children: [{ state: 'waiting' }] }, { state: 'waiting' }],
      },
    });
  });

  it('promises nothing where more than values stands against a request', () => {
    const spent = dropOf({ reasons: [{ code: 'already-done', text: 'It has been billed.' }] });
    expect(explanationRecord(spent, null, null, null)).toMatchObject({ would_agree_with: null, chain: null });
  });
});

it('a flow is named as its evidence names it', () => {
  const flow = flowOf({ id: 'f9' as FlowId });
  expect(verdictRecord(dropOf({ subject: { ...dropOf().subject, flow } }), null).flow).toBe('f9');
});
