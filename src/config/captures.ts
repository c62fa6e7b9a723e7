// The interfaces that the live service reads itself, as its user wrote them. Enters: a section of the configuration; leaves: captures.
import type { Postures } from './postures.ts';
import { readPostures } from './postures.ts';
import type { Value } from './reader.ts';

/** One interface that the embedded sensor reads by way of tcpdump. */
export interface CaptureConfig {
  readonly name: string;
  readonly interface: string;
  readonly program: string;
  /** Bytes of packets that wait in the kernel. */
  readonly buffer: number;
  /** In the language of pcap-filter(7). */
  readonly filter: string | null;
  /** `slow` and `skipped` do not concern a capture: the kernel drops what is not read in time. */
  readonly on: Postures;
}

/** Takes a name that nothing else has. @throws InputError */
export type TakeName = (name: Value) => string;

/** What becomes an argument of a program. @throws InputError for what is no name of an interface */
export function interfaceOf(value: Value): string {
  const name = value.text();
  if (!/^[A-Za-z0-9][A-Za-z0-9._:@-]{0,63}$/.test(name))
    throw value.wrong(`"${name}" is no interface`, 'name it as "ip link" does');
  return name;
}

/** @throws InputError `config-invalid` for the first thing that is wrong */
export function readCaptures(
  value: Value | undefined,
  on: Postures,
  named: TakeName,
): readonly CaptureConfig[] {
  const seen = new Set<string>();
  return (value?.list() ?? []).map((item) => {
    const section = item.section(['name', 'interface', 'tcpdump', 'buffer', 'filter', 'on']);
    const name = named(section.need('name', 'name it as it shall stand in log and audit'));
    const at = section.need('interface', 'name it as "ip link" does');
    const device = interfaceOf(at);
    if (seen.has(device)) throw at.wrong('another capture has the same', 'give each its own');
    seen.add(device);
    const own = section.get('on');
    if (own !== undefined) own.section(['gone', 'restarted']);
    return {
      name,
      interface: device,
      program: section.get('tcpdump')?.text() ?? 'tcpdump',
      buffer: section.get('buffer')?.size() ?? 64 * 1024 ** 2,
      filter: section.get('filter')?.text() ?? null,
      on: readPostures(own, on),
    };
  });
}
