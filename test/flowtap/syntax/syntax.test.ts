// Flow syntax as text. Enters: texts of the paper and of ovs-ofctl, random fields; leaves: round trips and refusals.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { PortName } from '../../../src/flowtap/port.ts';
import { FIELDS, type FieldName, ones } from '../../../src/flowtap/syntax/fields.ts';
import {
  checkFlowSyntax,
  type FlowSyntax,
  parseFlowSyntax,
  printFlowSyntax,
  reverseOf,
} from '../../../src/flowtap/syntax/syntax.ts';
import type { Constraint } from '../../../src/flowtap/syntax/value.ts';
import { flowSyntaxes } from '../../support/syntaxes.ts';

const problem = (text: string): string => {
  try {
    parseFlowSyntax(text);
    return 'taken';
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
};

describe('flow syntax', () => {
  it.each([
    ['the example of Figure 2', 'nw_src = 0.0.0.0/0; nw_proto = TCP; tp_dst = 80', 'tcp,tp_dst=80'],
    ['a keyword', 'tcp6,tp_src=1000', 'tcp6,tp_src=1000'],
    ['numbers for a keyword', 'dl_type=0x800,nw_proto=17', 'udp'],
    ['another protocol', 'ip,nw_proto=47', 'ip,nw_proto=47'],
    ['another EtherType', 'dl_type=35020', 'dl_type=0x88cc'],
    ['a prefix', 'ip,nw_src=10.1.2.3/8', 'ip,nw_src=10.0.0.0/8'],
    ['a mask that is a prefix', 'ip,nw_src=10.1.2.3/255.255.0.0', 'ip,nw_src=10.1.0.0/16'],
    ['a mask with holes', 'ip,nw_dst=10.0.0.1/255.0.0.255', 'ip,nw_dst=10.0.0.1/255.0.0.255'],
    ['an IPv6 prefix', 'ipv6_dst=FD00:0:0:1::5/64', 'ipv6,ipv6_dst=fd00:0:0:1::/64'],
    ['masked ports', 'udp,tp_dst=0x1f90/0xfff0', 'udp,tp_dst=0x1f90/0xfff0'],
    ['fragments', 'ip,ip_frag=not_later', 'ip,ip_frag=not_later'],
    ['a port by its name', 'in_port="vm-1",arp', 'arp,in_port=vm-1'],
    ['any value', 'ip,nw_src=*,dl_dst=ANY', 'ip'],
    ['nothing', '', ''],
  ])('reads %s', (_what, text, printed) => {
    expect(printFlowSyntax(parseFlowSyntax(text))).toBe(printed);
  });

  it.each([
    ['tp_dst=80', 'tp_dst needs dl_type 0x0800 or 0x86dd before it'],
    ['ip,tp_dst=80', 'tp_dst needs nw_proto 6 or 17 or 132 before it'],
    ['icmp,tp_dst=80', 'tp_dst needs nw_proto'],
    ['nw_proto=6', 'nw_proto needs dl_type'],
    ['tcp,icmp_type=3', 'icmp_type needs nw_proto 1 before it'],
    ['ip,nw_proto=58,icmp_type=3', 'icmp_type needs nw_proto 1 before it'],
    ['ipv6,nw_proto=1,icmp_code=3', 'icmp_code needs nw_proto 58 before it'],
    ['icmp6,icmp_type=135,nd_target=fd00::1', 'nd_target needs icmp_code 0'],
    ['icmp6,icmp_type=136,icmp_code=0,nd_sll=02:00:00:00:00:01', 'nd_sll needs icmp_type 135'],
    ['ip,arp_sha=02:00:00:00:00:01', 'arp_sha needs dl_type'],
    ['ipv6,nw_src=10.0.0.1', 'nw_src needs dl_type'],
    ['ip,nw_src=10.0.0.300', 'nw_src cannot be "10.0.0.300"'],
    ['ip,nw_tos=3', 'two low bits'],
    ['ip,nw_ttl=256', 'it has 8 bits'],
    ['ip,nw_proto=6/7', 'cannot have a mask'],
    ['dl_vlan=4096', 'VLANs go to 4095'],
    ['dl_vlan=3,vlan_tci=0x1003', 'parts of it'],
    ['in_port=3', 'numbers change when a VM moves'],
    ['tcp,udp', 'nw_proto is given twice'],
    ['ct_state=+trk', 'there is no field "ct_state"'],
    ['constructor', 'no protocol'],
    ['tcp,tp_dst=80=90', 'more than one "="'],
    ['reg16=1', 'there is no field "reg16"'],
    ['table=255', 'stands for all tables'],
    ['x'.repeat(5000), '5000 characters'],
  ])('refuses "%s"', (text, expected) => {
    expect(problem(text)).toContain(expected);
  });

  it('has every field of Figure 2', () => {
    const figure =
      'dl_vlan dl_vlan_pcp dl_src dl_dst dl_type nw_src nw_dst nw_proto nw_tos nw_ecn nw_ttl tp_src tp_dst icmp_type ' +
      'icmp_code table metadata vlan_tci ip_frag arp_sha arp_tha ipv6_src ipv6_dst ipv6_label nd_target nd_sll nd_tll ' +
      'tun_id tun_src tun_dst reg0';
    const names = FIELDS.map(({ name }) => name as string);
    expect(figure.split(' ').filter((name) => !names.includes(name))).toEqual([]);
    expect(parseFlowSyntax('in_port=a').inPort).toBe('a');
  });

  it('printed and read again is the same, for all fields', () => {
    fc.assert(
      fc.property(flowSyntaxes, (syntax) => {
        expect(parseFlowSyntax(printFlowSyntax(syntax))).toEqual(syntax);
      }),
      { numRuns: 2000 },
    );
  });

  it('turned around twice is the same', () => {
    fc.assert(
      fc.property(flowSyntaxes, (syntax) => {
        const turned = reverseOf(syntax);
        if (turned === null) return;
        expect(reverseOf(turned)).toEqual(syntax);
      }),
    );
  });

  it('takes any text, or refuses it in one line', () => {
    const words = fc.constantFrom(
      'tcp',
      'nw_src=',
      'tp_dst=80',
      '/',
      '=',
      ',',
      ';',
      '0x',
      'in_port=',
      '::',
      '\n',
      '"',
    );
    const texts = fc.oneof(
      fc.string(),
      fc.array(words, { maxLength: 12 }).map((parts) => parts.join('')),
    );
    fc.assert(
      fc.property(texts, (text) => {
        expect(problem(text)).toMatch(/^taken$|; /);
      }),
      { numRuns: 2000 },
    );
  });

  it('keeps no bits of a value outside of its mask', () => {
    const mask = ones(48) ^ 0xffn;
    const given = new Map<FieldName, Constraint>([['dl_src', { value: 0x1200n, mask }]]);
    const syntax: FlowSyntax = checkFlowSyntax('p' as PortName, given);
    expect(printFlowSyntax(syntax)).toBe('in_port=p,dl_src=00:00:00:00:12:00/ff:ff:ff:ff:ff:00');
    expect(printFlowSyntax(parseFlowSyntax('dl_src=00:00:00:00:12:34/ff:ff:ff:ff:ff:00'))).toBe(
      'dl_src=00:00:00:00:12:00/ff:ff:ff:ff:ff:00',
    );
  });
});
