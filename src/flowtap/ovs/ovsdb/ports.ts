// The ports of one bridge, as OVSDB describes them. Enters: table updates (RFC 7047 section 4.1.6); leaves: where each port is now.
import { isPortName, type PortName, type PortPlace } from '../../port.ts';
import { parseMac } from '../../syntax/value.ts';
import { isRecord } from './rpc.ts';

/** What has to be monitored, for the `monitor` call. */
export const MONITORED = {
  Bridge: { columns: ['name', 'ports'] },
  Port: { columns: ['interfaces'] },
  Interface: { columns: ['name', 'ofport', 'external_ids'] },
} as const;

type Row = Readonly<Record<string, unknown>>;

/** Ports by every name that they have: the interface's own, and the one that the orchestrator gave (`iface-id`). */
export type Places = ReadonlyMap<PortName, PortPlace>;

/** Keeps the rows of the database that matter. What does not look like a row is ignored. */
export class PortView {
  readonly #tables = new Map<string, Map<string, Row>>();
  readonly #bridge: string;

  constructor(bridge: string) {
    this.#bridge = bridge;
    for (const table of Object.keys(MONITORED)) this.#tables.set(table, new Map());
  }

  /** Takes the first answer of `monitor`, and each `update` after it. */
  update(tables: unknown): void {
    if (!isRecord(tables)) return;
    for (const [table, rows] of Object.entries(tables)) {
      const known = this.#tables.get(table);
      if (known === undefined || !isRecord(rows)) continue;
      for (const [uuid, change] of Object.entries(rows)) {
        const fresh = isRecord(change) ? change.new : undefined;
        known.delete(uuid);
        if (isRecord(fresh)) known.set(uuid, fresh);
      }
    }
  }

  /** False when the database has no such bridge. */
  get exists(): boolean {
    return this.#bridgeRow() !== undefined;
  }

  /** Where the ports of the bridge are. One that the switch could not open has no number, and is nowhere. */
  places(): Places {
    const places = new Map<PortName, PortPlace>();
    const named = new Map<PortName, PortPlace>();
    for (const port of uuids(this.#bridgeRow()?.ports)) {
      for (const uuid of uuids(this.#tables.get('Port')?.get(port)?.interfaces)) {
        const row = this.#tables.get('Interface')?.get(uuid);
        if (row === undefined || typeof row.ofport !== 'number' || row.ofport <= 0) continue;
        const ids = mapOf(row.external_ids);
        const mac = ids.get('attached-mac') ?? null;
        const place = {
          number: row.ofport,
          mac: mac !== null && parseMac(mac) !== null ? mac.toLowerCase() : null,
        };
        const stable = ids.get('iface-id');
        if (stable !== undefined && isPortName(stable)) named.set(stable, place);
        if (typeof row.name === 'string' && isPortName(row.name)) places.set(row.name, place);
      }
    }
    // What the orchestrator named wins over an interface that happens to be called so.
    for (const [name, place] of named) places.set(name, place);
    return places;
  }

  #bridgeRow(): Row | undefined {
    return [...(this.#tables.get('Bridge')?.values() ?? [])].find(({ name }) => name === this.#bridge);
  }
}

/** Row names in a set, or the only one (RFC 7047 section 5.1). */
function uuids(value: unknown): readonly string[] {
  if (!Array.isArray(value)) return [];
  const [kind, content] = value as readonly unknown[];
  if (kind === 'uuid' && typeof content === 'string') return [content];
  return kind === 'set' && Array.isArray(content) ? content.flatMap(uuids) : [];
}

/** A map of texts. */
export function mapOf(value: unknown): ReadonlyMap<string, string> {
  const result = new Map<string, string>();
  if (!Array.isArray(value) || value[0] !== 'map' || !Array.isArray(value[1])) return result;
  for (const pair of value[1] as readonly unknown[]) {
    if (!Array.isArray(pair)) continue;
    const [key, text] = pair as readonly unknown[];
    if (typeof key === 'string' && typeof text === 'string') result.set(key, text);
  }
  return result;
}
