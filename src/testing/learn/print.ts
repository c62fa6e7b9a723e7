// A learnt policy as a TypeScript module. Enters: principals, plans, facts; leaves: the module's text, and what it could not say.

import type { Micros } from '../../flow.ts';
import { declare } from './declare.ts';
import type { Exchange } from './exchange.ts';
import type { LearntFact } from './facts.ts';
import type { Kind } from './kind.ts';
import { principalVariable, requestVariable } from './names.ts';
import type { LearntPrincipal } from './principals.ts';
import type { LearntStep } from './structure.ts';
import { call, comment, nested, object, quoted, wordsIn } from './words.ts';

/** Everything that a module says. */
export interface LearntChain {
  readonly root: LearntStep;
  /** For a job: the shortest time between two of its runs. */
  readonly every: Micros | null;
}

export interface Learnt {
  readonly application: string;
  /** For the head of the module. */
  readonly seen: string;
  readonly principals: readonly LearntPrincipal[];
  readonly chains: readonly LearntChain[];
  readonly outside: readonly Kind[];
  readonly facts: readonly LearntFact[];
  /** By kind. */
  readonly exchanges: ReadonlyMap<string, readonly Exchange[]>;
}

export interface Printed {
  readonly text: string;
  /** Requests that the words of a policy cannot say, and what else its author should know. */
  readonly notes: readonly string[];
}

/** All words that a learnt policy can be made of. */
const WORDS = [
  'above',
  'amqp',
  'any',
  'application',
  'atLeast',
  'atMost',
  'below',
  'body',
  'chain',
  'cookie',
  'decimal',
  'decreasedBy',
  'fact',
  'form',
  'header',
  'http',
  'inOrder',
  'job',
  'increasedBy',
  'isNotNull',
  'isNull',
  'many',
  'maybe',
  'not',
  'once',
  'optional',
  'outside',
  'property',
  'query',
  'required',
  'response',
  'responseHeader',
  'result',
  'sql',
];

/** Words of the language that a request could be called by. */
const RESERVED = [
  'await',
  'class',
  'default',
  'delete',
  'do',
  'export',
  'import',
  'in',
  'new',
  'return',
  'with',
];

/** Writes the module. */
export function print(learnt: Learnt): Printed {
  const printer = new Printer(learnt);
  return printer.print();
}

class Printer {
  readonly #learnt: Learnt;
  readonly #taken = new Set<string>([...WORDS, ...RESERVED, 'external', 'service']);
  readonly #principals = new Map<string, string>();
  /** Variables of the requests that could be declared, by kind. */
  readonly #requests = new Map<string, string>();
  readonly #notes: string[] = [];

  constructor(learnt: Learnt) {
    this.#learnt = learnt;
  }

  print(): Printed {
    const { application, principals, chains, outside, seen } = this.#learnt;
    const services = principals.map((principal) => this.#principal(principal)).join('');
    const sections = chains.map(({ root }) => this.#section(root));
    const always = outside.flatMap((kind) => this.#declaration(kind, '    ') ?? []);
    const rules = [
      ...chains.flatMap(
        ({ root, every }) => this.#step(root, every === null ? 'chain' : 'job', '    ', every) ?? [],
      ),
      ...(always.length === 0
        ? []
        : [`outside(\n${always.map(({ code }) => `      ${code},\n`).join('')}    )`]),
    ];
    const body = [
      `export default application(${quoted(application)}, ({ external, service }) => {\n${services}`,
      ...sections.filter((section) => section !== ''),
      `  return [\n${rules.map((rule) => `    ${rule},\n`).join('')}  ];\n});\n`,
    ].join('\n');
    const used = wordsIn(body, WORDS);
    const tools = ['external', 'service'].filter((tool) => body.includes(` ${tool}(`)).join(', ');
    const notes = this.#notes.map((note) => comment(note)).join('');
    const head = comment(`${seen} As narrow as that traffic was: read it before it denies anything.`);
    const imports = object(
      used.map((word) => [word, word] as const),
      '',
      0,
    ).replaceAll(/(\w+): \1/g, '$1');
    return {
      text: `${head}${notes}import ${imports} from 'flowtap/policy';\n\n${body.replace('{ external, service }', `{ ${tools} }`)}`,
      notes: this.#notes,
    };
  }

  #principal({ name, kind, at, ports }: LearntPrincipal): string {
    const variable = this.#variable(principalVariable(name));
    this.#principals.set(name, variable);
    const list = (values: readonly (string | number)[]): string => {
      const words = values.map((value) => (typeof value === 'string' ? quoted(value) : String(value)));
      return words.length === 1 ? (words[0] ?? '') : `[${words.join(', ')}]`;
    };
    const options = [
      ...(at.length === 0 ? [] : [['at', list(at)] as const]),
      ...Object.entries(ports).map(([protocol, numbers]) => [protocol, list(numbers)] as const),
    ];
    const rest =
      options.length === 0
        ? []
        : [object(options, '  ', 2 + kind.length + name.length + variable.length + 14)];
    return `  const ${variable} = ${call(kind, quoted(name), ...rest)};\n`;
  }

  /** The requests of a chain, in the order in which they come, each where it is needed first. */
  #section(root: LearntStep): string {
    const lines: string[] = [];
    const visit = ({ kind, children }: LearntStep): void => {
      if (!this.#requests.has(kind.id)) {
        const made = this.#declaration(kind, '  ');
        if (made !== null) {
          const variable = this.#variable(made.name);
          this.#requests.set(kind.id, variable);
          lines.push(`  const ${variable} = ${made.code};\n`);
        }
      }
      for (const child of children) visit(child);
    };
    visit(root);
    return lines.join('');
  }

  #declaration(kind: Kind, indent: string): { readonly name: string; readonly code: string } | null {
    const { facts, exchanges } = this.#learnt;
    const from = this.#principals.get(kind.from) ?? quoted(kind.from);
    const to = this.#principals.get(kind.to) ?? quoted(kind.to);
    const declared = declare({
      kind,
      exchanges: exchanges.get(kind.id) ?? [],
      facts: indent === '  ' ? facts : [],
      from,
      to,
      name: null,
      indent,
    });
    const name = requestVariable(kind);
    if (declared.kind === 'unsayable') {
      this.#notes.push(`Not declared: a request of ${kind.from} to ${kind.to}, ${name}: ${declared.why}.`);
      return null;
    }
    const { lines } = declared.declaration;
    const short = lines.join('');
    // On one line where it is as simple as that.
    if (!short.includes('\n') && lines.length <= 4 && indent.length + short.length < 90)
      return { name, code: short };
    return { name, code: lines.join(`\n${indent}  `) };
  }

  #step(step: LearntStep, word: string, indent: string, every: Micros | null = null): string | null {
    const variable = this.#requests.get(step.kind.id);
    if (variable === undefined) return null;
    const ordered = step.order === 'in-order';
    const inner = ordered ? `${indent}    ` : `${indent}  `;
    const children = step.children.flatMap((child) => this.#step(child, child.cardinality, inner) ?? []);
    const causes = ordered && children.length > 1 ? [nested('inOrder', children, `${indent}  `)] : children;
    const timing = every === null ? [] : [`{ every: ${quoted(`${Math.floor(every / 1000)}ms`)} }`];
    const text = nested(word, [variable, ...timing, ...causes], indent);
    return step.retries > 0 ? `${text}.${call('retried', String(step.retries))}` : text;
  }

  #variable(wanted: string): string {
    let name = wanted;
    for (let n = 2; this.#taken.has(name); n++) name = `${wanted}${n}`;
    this.#taken.add(name);
    return name;
  }
}
