// The direction of imports and the shape of files (design: "Layout"). Enters: the sources; leaves: assertions on every one of them.
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';

interface Import {
  readonly to: string;
  readonly typeOnly: boolean;
}

interface Source {
  readonly path: string;
  readonly text: string;
  readonly tree: ts.SourceFile;
  /** Files of ours that it imports, relative to `src`. */
  readonly imports: readonly Import[];
}

const ROOT = new URL('..', import.meta.url).pathname;
const LONGEST = 300;

function files(folder: string): readonly string[] {
  return readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts'))
    .sort();
}

function parse(folder: string, path: string): Source {
  const text = readFileSync(join(ROOT, folder, path), 'utf8');
  const tree = ts.createSourceFile(path, text, ts.ScriptTarget.ES2022, true);
  const imports: Import[] = [];
  const visit = (node: ts.Node): void => {
    const found = importOf(node);
    if (found?.to.startsWith('.') === true)
      imports.push({ ...found, to: normalize(join(dirname(path), found.to)) });
    ts.forEachChild(node, visit);
  };
  visit(tree);
  return { path, text, tree, imports };
}

function importOf(node: ts.Node): Import | null {
  if (ts.isImportDeclaration(node) && ts.isStringLiteral(node.moduleSpecifier)) {
    const typeOnly = node.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword;
    return { to: node.moduleSpecifier.text, typeOnly: typeOnly || namesOnlyTypes(node) };
  }
  if (
    ts.isExportDeclaration(node) &&
    node.moduleSpecifier !== undefined &&
    ts.isStringLiteral(node.moduleSpecifier)
  )
    return { to: node.moduleSpecifier.text, typeOnly: node.isTypeOnly };
  if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
    const [first] = node.arguments;
    return first !== undefined && ts.isStringLiteral(first) ? { to: first.text, typeOnly: false } : null;
  }
  return null;
}

function namesOnlyTypes({ importClause }: ts.ImportDeclaration): boolean {
  const named = importClause?.namedBindings;
  if (importClause?.name !== undefined || named === undefined || !ts.isNamedImports(named)) return false;
  return named.elements.length > 0 && named.elements.every(({ isTypeOnly }) => isTypeOnly);
}

/** The folder of a file, or the file itself when it stands at the top. */
function part(path: string): string {
  return path.split('/')[0] ?? path;
}

const EVERYWHERE = ['flow.ts', 'errors.ts'];
const CONTRACTS = ['verdict.ts', 'events'];

/** What each part may import besides itself, `flow` and `errors`. A part that is not here may not exist. */
const MAY_IMPORT: Readonly<Record<string, readonly string[] | 'all'>> = {
  'flow.ts': [],
  'errors.ts': [],
  'verdict.ts': ['events'],
  broker: [],
  events: ['broker/value.ts'],
  sensor: ['events'],
  identity: [],
  sql: ['events'],
  chain: [...CONTRACTS, 'identity'],
  policy: [...CONTRACTS, 'identity', 'chain', 'sql'],
  flowtap: ['verdict.ts'],
  audit: [],
  'engine.ts': [...CONTRACTS, 'identity', 'chain', 'policy', 'sql'],
  config: ['policy/check/problem.ts'],
  zeek: ['broker', 'events', 'sensor'],
  // Reads as the sensor does, and decides nothing: it is told verdicts.
  gate: ['verdict.ts', 'events', 'sensor'],
  'judge.ts': ['verdict.ts', 'events', 'engine.ts', 'flowtap', 'audit'],
  live: 'all',
  'main.ts': 'all',
  testing: 'all',
  cli: 'all',
};

const sources = files('src').map((path) => parse('src', path));

describe('imports', () => {
  it('point one way, between the parts that the design names', () => {
    const wrong = sources.flatMap(({ path, imports }) => {
      const from = part(path);
      const allowed = MAY_IMPORT[from];
      if (allowed === undefined) return [`${path}: the design has no part "${from}"`];
      return imports
        .filter(({ to, typeOnly }) => {
          if (part(to) === from || EVERYWHERE.includes(to)) return false;
          if (part(to) === 'cli' || (part(to) === 'main.ts' && from !== 'cli')) return true;
          if (from === 'audit') return !typeOnly;
          return allowed !== 'all' && !allowed.includes(part(to)) && !allowed.includes(to);
        })
        .map(({ to }) => `${path} imports ${to}`);
    });
    expect(wrong).toEqual([]);
  });

  it('lead to files that exist', () => {
    const known = new Set(sources.map(({ path }) => path));
    const missing = sources.flatMap(({ path, imports }) =>
      imports.filter(({ to }) => !known.has(to)).map(({ to }) => `${path} imports ${to}`),
    );
    expect(missing).toEqual([]);
  });

  it('form no cycle when they run', () => {
    const graph = sources.map(({ path, imports }) => {
      const loaded = imports.filter(({ typeOnly }) => !typeOnly);
      return [path, loaded.map(({ to }) => to)] as const;
    });
    expect(cycles(new Map(graph))).toEqual([]);
  });

  it('form no cycle between parts, types included', () => {
    const graph = new Map<string, string[]>();
    for (const { path, imports } of sources) {
      const others = imports.map(({ to }) => part(to)).filter((to) => to !== part(path));
      graph.set(part(path), [...(graph.get(part(path)) ?? []), ...others]);
    }
    expect(cycles(graph)).toEqual([]);
  });
});

/** One path for each cycle that a depth-first walk closes. */
function cycles(graph: ReadonlyMap<string, readonly string[]>): readonly string[] {
  const done = new Set<string>();
  const found: string[] = [];
  const walk = (at: string, path: readonly string[]): void => {
    const start = path.indexOf(at);
    if (start >= 0) found.push([...path.slice(start), at].join(' -> '));
    if (start >= 0 || done.has(at)) return;
    for (const next of graph.get(at) ?? []) walk(next, [...path, at]);
    done.add(at);
  };
  for (const file of graph.keys()) walk(file, []);
  return found;
}

describe('a source file', () => {
  const all = [...sources, ...files('test').map((path) => parse('test', path))];

  it('says in its first line what it is, what enters and what leaves', () => {
    const silent = all
      .filter(({ text }) => !/^(?:#!.*\n)?\/\/ [A-Z`].{20,}\.\n/.test(text))
      .map(({ path }) => path);
    expect(silent).toEqual([]);
  });

  it('has a reason in its head when it is long', () => {
    const long = sources.filter(({ text }) => text.split('\n').length > LONGEST + 1);
    const unexplained = long.filter(({ text }) => {
      const head = /^(?:#!.*\n)?((?:\/\/.*\n)+)/.exec(text)?.[1] ?? '';
      return !/^\/\/ Longer than /m.test(head);
    });
    expect(unexplained.map(({ path, text }) => `${path}: ${text.split('\n').length} lines`)).toEqual([]);
  });

  it('exports by name, and is no barrel', () => {
    const defaults = sources
      .filter(({ tree }) => tree.statements.some(isDefaultExport))
      .map(({ path }) => path);
    expect(defaults).toEqual([]);
    const barrels = sources.filter(({ path }) => /(?:^|\/)(?:index|utils?|helpers?)\.ts$/.test(path));
    expect(barrels.map(({ path }) => path)).toEqual([]);
  });

  it('leaves no note for later', () => {
    const notes = all.filter(({ text }) => /\b(?:TODO|FIXME|XXX)\b/.test(text)).map(({ path }) => path);
    expect(notes).toEqual(['architecture.test.ts']);
  });
});

function isDefaultExport(statement: ts.Statement): boolean {
  if (ts.isExportAssignment(statement)) return true;
  return (
    ts.canHaveModifiers(statement) &&
    (ts.getModifiers(statement) ?? []).some(({ kind }) => kind === ts.SyntaxKind.DefaultKeyword)
  );
}
