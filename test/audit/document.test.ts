// What docs/audit.md says, against the journal of a real replay. Enters: the document, a capture; leaves: assertions on examples and recipes.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type AuditEntry, auditRecord } from '../../src/audit/entry.ts';
import { runProgram } from '../../src/cli/program.ts';
import type { FlowId } from '../../src/flow.ts';
import { fakeTerminal } from '../support/terminal.ts';

type Json = Readonly<Record<string, unknown>>;

const ROOT = new URL('../..', import.meta.url).pathname;
const DOCUMENT = readFileSync(join(ROOT, 'docs/audit.md'), 'utf8');
const ATTACK = 'pcaps/attack-bills-bob-for-alice.pcap.gz';
const folder = mkdtempSync(join(tmpdir(), 'flowtap-audit-'));
afterAll(() => rmSync(folder, { recursive: true }));

const examples = new Map(
  [...DOCUMENT.matchAll(/<!-- record: (\w+) -->\n```json\n([^`]*)```/g)].map(([, name = '', text = '']) => [
    name,
    JSON.parse(text) as Json,
  ]),
);
const recipes = [...DOCUMENT.matchAll(/```sh\n(jq [^`]*)\n```/g)].map(([, recipe = '']) => recipe);

async function flowtap(...argv: readonly string[]): Promise<string> {
  const terminal = fakeTerminal();
  const options = ['--json', '--no-typecheck', '--policy', join(ROOT, 'policies/dvd-rental.ts')];
  await runProgram([...argv, join(ROOT, ATTACK), ...options], terminal);
  return terminal.written.out;
}

let journal = '';
let explanation = '';
beforeAll(async () => {
  journal = await flowtap('replay');
  explanation = await flowtap('explain', 'first');
});

/** What only a live run has. */
const LIVE: readonly AuditEntry[] = [
  {
    kind: 'start',
    start: {
      at: 1,
      version: '0.1.0',
      policies: [{ application: 'dvd-rental', policy: '0' }],
      sources: ['tap0'],
    },
  },
  {
    kind: 'source',
    change: {
      at: 2,
      traffic: 1,
      source: 'tap0',
      change: 'skipped',
      epoch: 'E1',
      from: 1n,
      to: 7n,
      count: 7,
      response: 'blinded',
      text: 'events 1 to 7 never came',
    },
  },
  {
    kind: 'gate',
    change: {
      at: 2,
      traffic: 1,
      gate: 'gate',
      change: 'answered',
      flow: {
        id: 'gate/1' as FlowId,
        orig: { ip: '10.1.0.11', port: 40112 },
        resp: { ip: '10.1.0.12', port: 8080 },
        vlans: [],
        seenAt: 'gate',
        midstream: false,
      },
      verdict: 'v1',
      text: 'it was answered with a refusal',
    },
  },
  {
    kind: 'switch',
    change: {
      at: 2,
      traffic: 1,
      bridge: 'br-int',
      change: 'edited',
      count: 2,
      text: 'somebody else changed 2 flows of ours, and 0 others in our tables',
    },
  },
  {
    kind: 'policy',
    change: {
      application: 'dvd-rental',
      before: '0',
      after: '1',
      differences: [{ kind: 'removed', path: ['requests', 'POST /shipments'], before: {}, after: null }],
      flows: 1,
      chains: { continued: 2, ended: 3, unknown: 4 },
      at: 2,
      traffic: 1,
      cut: 5,
      released: 6,
    },
  },
];
const live = LIVE.map((entry) => JSON.stringify(auditRecord(entry)));

function records(): readonly Json[] {
  const lines = [...journal.trimEnd().split('\n'), explanation, ...live];
  return lines.map((line) => JSON.parse(line) as Json);
}

/** The names and types in a value: an example stays right when a capture is made anew. */
function shapeOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.length === 0 ? [] : [shapeOf(value[0])];
  if (typeof value !== 'object' || value === null) return value === null ? 'null' : typeof value;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, shapeOf(inner)]));
}

describe('the document', () => {
  it('shows every type of record, whole', () => {
    const types = new Set(records().map(({ record }) => record));
    expect(new Set(examples.keys())).toEqual(types);
    for (const [type, example] of examples) {
      const real = records().filter(({ record, verdict }) => record === type && verdict !== 'pass')[0];
      expect(shapeOf(example), type).toEqual(shapeOf(real));
    }
  });

  it('explains every field', () => {
    for (const [type, example] of examples) {
      const section = DOCUMENT.split(/^## /m).find((text) => text.startsWith(`${type}\n`)) ?? '';
      const shared = ['schema', 'record', 'time'];
      const missing = Object.keys(example).filter(
        (name) => !shared.includes(name) && !section.includes(`\`${name}\``),
      );
      expect(missing, type).toEqual([]);
    }
  });
});

describe('a recipe', () => {
  beforeEach(({ skip }) => {
    const missing = spawnSync('jq', ['--version']).error !== undefined;
    skip(missing, 'jq is not installed: the recipes of docs/audit.md are not run');
  });

  it.each(recipes)('gives an answer: %s', (recipe) => {
    writeFileSync(join(folder, 'journal.jsonl'), journal);
    writeFileSync(join(folder, 'live.jsonl'), `${live.join('\n')}\n`);
    expect(execFileSync('sh', ['-c', recipe], { cwd: folder, encoding: 'utf8' }).trim()).not.toBe('');
  });
});
