// FlowTap contracts and their book. Enters: texts, requests; leaves: contracts, refusals that name both, a trail.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import policy from '../../policies/dvd-rental.ts';
import { contractsOf } from '../../src/cli/report/contracts.ts';
import { type Contract, type ContractId, parseContract, printContract } from '../../src/flowtap/contract.ts';
import { ContractBook, type Request } from '../../src/flowtap/contracts.ts';
import { anyPacket } from '../../src/flowtap/syntax/space.ts';
import { flowSyntaxes } from '../support/syntaxes.ts';

const REQUEST: Request = { by: 'alice', at: 1000, why: 'the paper says so' };

function contract(source: string, flow: string, destination = 'ids'): Contract {
  return parseContract(`FlowTap(${source}, ${destination}, ${flow}, forward)`);
}

describe('a contract', () => {
  it('is read from the notation of the paper', () => {
    const text = 'FlowTap(web, waf, nw_src = 0.0.0.0/0; nw_proto = TCP; tp_dst = 80, Forward)';
    expect(printContract(parseContract(text))).toBe('FlowTap(web, waf, tcp,tp_dst=80, forward)');
  });

  it('printed and read again is the same', () => {
    const contracts = fc
      .record({ syntax: flowSyntaxes, action: fc.constantFrom('forward' as const, 'redirect' as const) })
      .filter(({ syntax }) => anyPacket(syntax) !== null)
      .map(({ syntax, action }) => ({ ...contract('web', 'tcp'), syntax, action }));
    fc.assert(
      fc.property(contracts, (each) => {
        expect(parseContract(printContract(each))).toEqual(each);
      }),
    );
  });

  it.each([
    ['FlowTap(web, web, tcp, forward)', 'SRC and DST are both "web"'],
    ['FlowTap(web, ids, tcp, drop)', 'there is no action "drop"'],
    ['FlowTap(we b, ids, tcp, forward)', 'SRC "we b" is no name of a port'],
    ['FlowTap(web, ids)', 'is no contract'],
    ['tcp,tp_dst=80', 'is no contract'],
    ['FlowTap(web, ids, vlan_tci=0x0001/0x1001, forward)', 'no packet can match'],
    ['FlowTap(web, ids, tcp,ip_frag=later,tp_dst=80, forward)', 'no packet can match'],
  ])('"%s" is refused', (text, problem) => {
    expect(() => parseContract(text)).toThrow(problem);
  });
});

describe('the contracts that "flowtap check" prints for a policy', () => {
  it.each(['forward', 'redirect'] as const)(
    'are all read and granted, none overlaps another: %s',
    (action) => {
      const lines = contractsOf(policy, action);
      expect(lines.length).toBeGreaterThan(5);
      const book = new ContractBook();
      const kinds = lines.map((line) => book.ask(parseContract(line), REQUEST).kind);
      expect(kinds).toEqual(lines.map(() => 'granted'));
    },
  );
});

describe('the contracts of one port', () => {
  it('may be many while their flows do not overlap, as with the paper’s Contract-Update', () => {
    const book = new ContractBook();
    expect(book.ask(contract('web', 'tcp,tp_dst=80', 'waf'), REQUEST).kind).toBe('granted');
    expect(book.ask(contract('web', 'tcp,tp_dst=5672'), REQUEST).kind).toBe('granted');
    expect(book.list().map(({ id }) => id)).toEqual(['c1', 'c2']);
  });

  it('are refused when they overlap, with the other one and a packet of both', () => {
    const book = new ContractBook();
    book.ask(contract('web', 'tcp,nw_src=10.0.0.0/8'), REQUEST);
    expect(book.ask(contract('web', 'tcp,tp_dst=80'), REQUEST)).toMatchObject({
      kind: 'overlap',
      with: { id: 'c1' },
      packet: 'dl_type=0x0800,nw_src=10.0.0.0,nw_proto=6,ip_frag=no,tp_dst=80',
    });
    expect(book.list()).toHaveLength(1);
  });

  it('may say the same on another port', () => {
    const book = new ContractBook();
    book.ask(contract('web', 'tcp'), REQUEST);
    expect(book.ask(contract('db', 'tcp'), REQUEST).kind).toBe('granted');
  });

  it('make room for others when they are withdrawn', () => {
    const book = new ContractBook();
    book.ask(contract('web', 'tcp'), REQUEST);
    expect(book.withdraw('c1' as ContractId, REQUEST)?.id).toBe('c1');
    expect(book.withdraw('c1' as ContractId, REQUEST)).toBeNull();
    expect(book.ask(contract('web', 'ip'), REQUEST)).toMatchObject({ contract: { id: 'c2' } });
  });

  it('are bounded in number', () => {
    const book = new ContractBook(1);
    book.ask(contract('web', 'tcp'), REQUEST);
    expect(book.ask(contract('db', 'tcp'), REQUEST)).toEqual({ kind: 'full', capacity: 1 });
  });

  it('can be taken over from a record, and nothing that contradicts them', () => {
    const book = new ContractBook();
    const granted = { ...contract('web', 'tcp'), id: 'c7' as ContractId, number: 7, by: 'bob', at: 5 };
    book.restore(granted);
    expect(() => book.restore({ ...granted, id: 'c8' as ContractId, number: 8 })).toThrow('c8 contradicts');
    expect(book.ask(contract('db', 'tcp'), REQUEST)).toMatchObject({ contract: { id: 'c8', number: 8 } });
  });
});

describe('the trail', () => {
  it('says who asked for what, when and why, and what came of it', () => {
    const book = new ContractBook();
    book.ask(contract('web', 'tcp'), REQUEST);
    book.ask(contract('web', 'ip'), { by: 'bob', at: 2000, why: 'curious' });
    book.withdraw('c1' as ContractId, { by: 'carol', at: 3000, why: 'done' });
    expect(book.trail()).toEqual([
      { ...REQUEST, what: 'granted', contract: 'FlowTap(web, ids, tcp, forward)', id: 'c1', reason: null },
      {
        by: 'bob',
        at: 2000,
        why: 'curious',
        what: 'refused',
        contract: 'FlowTap(web, ids, ip, forward)',
        id: null,
        reason: 'overlaps c1: FlowTap(web, ids, tcp, forward)',
      },
      {
        by: 'carol',
        at: 3000,
        why: 'done',
        what: 'withdrawn',
        contract: 'FlowTap(web, ids, tcp, forward)',
        id: 'c1',
        reason: null,
      },
    ]);
  });

  it('is bounded, and counts what it forgot', () => {
    const book = new ContractBook();
    book.ask(contract('web', 'tcp'), REQUEST);
    for (let i = 0; i < 2500; i++) book.ask(contract('web', 'tcp'), REQUEST);
    expect(book.trail().length).toBeLessThanOrEqual(1000);
    expect(book.trail().length + book.forgotten).toBe(2501);
  });
});
