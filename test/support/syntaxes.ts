// Any flow syntax. Enters: nothing; leaves: an arbitrary that uses every field, with its prerequisites.
import fc from 'fast-check';
import type { PortName } from '../../src/flowtap/port.ts';
import { FIELDS, type Field, type FieldName, NO_VLAN, ones } from '../../src/flowtap/syntax/fields.ts';
import { checkFlowSyntax, type FlowSyntax } from '../../src/flowtap/syntax/syntax.ts';
import type { Constraint } from '../../src/flowtap/syntax/value.ts';

const FRAGMENTS: readonly Constraint[] = [
  { value: 0n, mask: 3n },
  { value: 1n, mask: 1n },
  { value: 1n, mask: 3n },
  { value: 3n, mask: 3n },
  { value: 0n, mask: 2n },
];

function constraints(field: Field): fc.Arbitrary<Constraint> {
  const all = ones(field.bits);
  if (field.notation === 'fragment') return fc.constantFrom(...FRAGMENTS);
  const values =
    field.name === 'dl_vlan'
      ? fc.oneof(fc.bigInt({ min: 0n, max: 4095n }), fc.constant(NO_VLAN))
      : fc.bigInt({ min: 0n, max: field.name === 'table' ? 254n : all });
  const exact = values.map((value) => ({
    value: field.name === 'nw_tos' ? value & 0xfcn : value,
    mask: all,
  }));
  if (!field.maskable) return exact;
  const masks = fc.oneof(
    fc.bigInt({ min: 1n, max: all }),
    fc.integer({ min: 1, max: field.bits }).map((length) => all ^ ones(field.bits - length)),
  );
  const masked = fc.tuple(values, masks).map(([value, mask]) => ({ value: value & mask, mask }));
  return fc.oneof(exact, masked);
}

/** One choice for each way that prerequisites can go. */
const HEADS: readonly (readonly (readonly [FieldName, bigint])[])[] = [
  [],
  [['dl_type', 0x88ccn]],
  [['dl_type', 0x0806n]],
  [['dl_type', 0x8035n]],
  ...[0x0800n, 0x86ddn].flatMap((type) =>
    [null, 1n, 6n, 17n, 47n, 58n, 132n].map((protocol): readonly (readonly [FieldName, bigint])[] =>
      protocol === null
        ? [['dl_type', type]]
        : [
            ['dl_type', type],
            ['nw_proto', protocol],
          ],
    ),
  ),
  ...[135n, 136n].map((type): readonly (readonly [FieldName, bigint])[] => [
    ['dl_type', 0x86ddn],
    ['nw_proto', 58n],
    ['icmp_type', type],
    ['icmp_code', 0n],
  ]),
];

/** Every flow syntax that `checkFlowSyntax` takes, with more or fewer fields. */
export const flowSyntaxes: fc.Arbitrary<FlowSyntax> = fc.constantFrom(...HEADS).chain((head) => {
  const given = new Map(head);
  const optional = FIELDS.filter(
    ({ name, needs }) =>
      !given.has(name) &&
      // Each IP has its own ICMP.
      (!name.startsWith('icmp_') || (given.get('dl_type') === 0x0800n) === (given.get('nw_proto') === 1n)) &&
      needs.every(({ field, oneOf }) => {
        const value = given.get(field);
        return value !== undefined && oneOf.includes(value);
      }),
  );
  return fc
    .record({
      inPort: fc.option(fc.constantFrom('a', 'vm-1', 'tap_3.x'), { freq: 5 }),
      chosen: fc.subarray(optional, { maxLength: 8 }),
      tci: fc.boolean(),
    })
    .chain(({ inPort, chosen, tci }) => {
      const fields = chosen.filter(({ name }) => (tci ? !/^dl_vlan/.test(name) : name !== 'vlan_tci'));
      return fc.tuple(...fields.map((field) => constraints(field))).map((values) => {
        const pairs = fields.map((field, i) => [field.name, values[i] as Constraint] as const);
        const heads = head.map(([name, value]) => {
          const bits = FIELDS.find((field) => field.name === name)?.bits ?? 0;
          return [name, { value, mask: ones(bits) }] as const;
        });
        return checkFlowSyntax(inPort as PortName | null, new Map([...heads, ...pairs]));
      });
    });
});
