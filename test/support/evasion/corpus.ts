// The corpus of evasions as data. Enters: test/cases/evasion/*.json; leaves: entries, each with its message made whole.
import { readdirSync, readFileSync } from 'node:fs';
import type { AmqpMessage } from './amqp-message.ts';
import type { HttpMessage } from './http-message.ts';
import type { SqlMessage } from './sql-message.ts';

const FOLDER = new URL('../../cases/evasion/', import.meta.url);

/** Who speaks; the client when nothing is said. */
interface Sided {
  readonly side?: 'client' | 'server';
}

export type Message = Sided & HttpMessage & SqlMessage & AmqpMessage;

/** An entry as a file has it: its own fields replace those of the group's honest message. */
export interface Entry extends Message {
  /** Unique in the whole corpus. */
  readonly name: string;
  /** What the attacker hopes for; of a control, why it is honest. */
  readonly why: string;
  /** Where in a story it is said: a place of the policy's stage. */
  readonly at?: string;
  /** Several messages on the connection, instead of one. */
  readonly turns?: readonly Message[];
  /** `drop CODE`, `cannot-read CAUSE`; `silent`: it never becomes a request. */
  readonly expect?: string;
  /** What follows from Zeek's reading, where that denies it for another reason than the embedded one. */
  readonly zeek?: string;
  /** Requests on the connection that pass all the same (pipelined before it): none when nothing is said. */
  readonly passes?: number;
}

interface Group {
  readonly topic: string;
  readonly policy: 'dvd-rental' | 'evasion';
  readonly at: string;
  readonly honest: Message;
  readonly controls: readonly Entry[];
  readonly attacks: readonly Entry[];
}

export interface Variant {
  readonly name: string;
  readonly group: string;
  readonly policy: Group['policy'];
  readonly at: string;
  readonly turns: readonly Message[];
  /** Null for a control. */
  readonly expect: string | null;
  readonly zeek: string | null;
  readonly passes: number;
  readonly why: string;
}

/** All entries of all groups, attacks and controls. */
export function readCorpus(): readonly Variant[] {
  const files = readdirSync(FOLDER).filter((name) => name.endsWith('.json'));
  return files.sort().flatMap((file) => {
    const group = JSON.parse(readFileSync(new URL(file, FOLDER), 'utf8')) as Group;
    const name = file.slice(0, -'.json'.length);
    return [
      ...group.controls.map((entry) => variantOf(name, group, entry, null)),
      ...group.attacks.map((entry) => variantOf(name, group, entry, entry.expect ?? '(nothing is said)')),
    ];
  });
}

function variantOf(name: string, group: Group, entry: Entry, expect: string | null): Variant {
  const { turns, name: own, why, at, expect: _, zeek, passes, ...message } = entry;
  const said = turns ?? [message];
  return {
    name: own,
    group: name,
    policy: group.policy,
    at: at ?? group.at,
    // An answer has nothing of the honest request; nor has a message that is written out.
    turns: said.map((turn) =>
      (turn.side === 'server' && turn.line === undefined) || turn.raw !== undefined || turn.hex !== undefined
        ? turn
        : { ...group.honest, ...turn },
    ),
    expect,
    zeek: zeek ?? expect,
    passes: passes ?? (expect === null ? said.filter(({ side }) => side !== 'server').length : 0),
    why,
  };
}
