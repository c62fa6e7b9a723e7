// What follows from a policy, for its author. Enters: a document; leaves: text.
import type { Containment } from '../../engine.ts';
import { derivedConnections } from '../../policy/connections.ts';
import type { MemoryDeclaration, PolicyDocument, RequestDeclaration } from '../../policy/document.ts';
import { hashOf } from '../../policy/hash.ts';
import { describeRelation } from '../../policy/relation.ts';
import { describeSource } from '../../policy/source.ts';
import type { Colours } from '../terminal.ts';
import { contractsOf } from './contracts.ts';
import { safe } from './safe.ts';
import { drawTable } from './table.ts';
import { describeDeclaredChain } from './tree.ts';

/** Services, requests with their facts, chains, and the connections and FlowTap contracts that follow from them. */
export function describePolicy(document: PolicyDocument, containment: Containment, colours: Colours): string {
  const { bold } = colours;
  const connections = derivedConnections(document);
  const section = (title: string, text: string): string => `${bold(title)}\n${text}`;
  return [
    `${bold(safe(document.application))}: mode ${document.mode}, policy ${hashOf(document)}\n`,
    section('services', services(document, colours)),
    section('requests', requests(document, colours)),
    ...restrained(document).map((text) => section('rules that block nothing, or otherwise', text)),
    section('chains', chains(document, colours)),
    ...(document.memories === undefined
      ? []
      : [section('remembered beyond a user request', memories(document.memories, colours))]),
    section(
      'outside of any chain',
      `${document.outside.map((id) => `  ${safe(id)}\n`).join('') || '  none\n'}`,
    ),
    section(
      'connections that these requests need; any other is denied',
      drawConnections(connections, colours),
    ),
    section(
      'FlowTap contracts that deliver them; for denied connections to be seen, tap all TCP of each port',
      contractsOf(document, containment)
        .map((contract) => `  ${safe(contract)}\n`)
        .join(''),
    ),
  ].join('\n');
}

function services({ services }: PolicyDocument, colours: Colours): string {
  const rows = services.map(({ name, kind, at, ports }) => [
    safe(name),
    kind,
    at.length === 0 ? 'any other address' : at.map((address) => safe(address)).join(' '),
    Object.entries(ports)
      .map(([protocol, numbers]) => `${protocol} ${numbers.join(' ')}`)
      .join(', '),
  ]);
  return drawTable(['name', 'kind', 'at', 'ports'], rows, colours);
}

function requests({ requests }: PolicyDocument, colours: Colours): string {
  const rows = requests.map((request) => [
    safe(request.id),
    safe(request.from),
    safe(request.to),
    facts(request)
      .map((fact) => safe(fact))
      .join(', '),
  ]);
  return drawTable(['request', 'from', 'to', 'facts'], rows, colours);
}

function facts({ facts, requires = [] }: RequestDeclaration): readonly string[] {
  const said = facts.map(
    ({ fact, source, optional }) => `${fact}${optional ? '?' : ''} (${describeSource(source)})`,
  );
  return [...said, ...requires.map((relation) => `requires ${describeRelation(relation)}`)];
}

function chains({ chains }: PolicyDocument, colours: Colours): string {
  return chains
    .map((chain) =>
      describeDeclaredChain(chain, colours)
        .map((line) => `  ${line}\n`)
        .join(''),
    )
    .join('\n');
}

function memories(memories: readonly MemoryDeclaration[], colours: Colours): string {
  const rows = memories.map(({ name, by, keeps, lifetime, most }) => [
    safe(name),
    safe(by),
    keeps.map((fact) => safe(fact)).join(', '),
    `${lifetime / 1e6} s`,
    String(most),
  ]);
  return drawTable(['memory', 'by', 'keeps', 'for', 'at most'], rows, colours, 4);
}

function drawConnections(connections: ReturnType<typeof derivedConnections>, colours: Colours): string {
  const rows = connections.map(({ from, to, protocol, ports, requests }) => [
    safe(from),
    safe(to),
    `${protocol} ${ports.join(' ')}`,
    String(requests.length),
  ]);
  return drawTable(['from', 'to', 'port', 'requests'], rows, colours, 3);
}

/** What is only audited or reported, or cut for another time than the rest; nothing where that is none. */
function restrained({ mode, services, requests }: PolicyDocument): readonly string[] {
  const lines = [
    ...(mode === 'audit' ? ['everything only audits: the application is in mode "audit"'] : []),
    ...services.flatMap(({ name, audited }) =>
      audited === true ? [`whatever comes from "${name}" is only audited`] : [],
    ),
    ...requests.flatMap(({ id, audited, containment }) => [
      ...(audited === true ? [`"${id}" only audits`] : []),
      ...(containment?.kind === 'report' ? [`"${id}" only reports`] : []),
      ...(containment?.kind === 'cut' ? [`"${id}" cuts its flow for ${containment.lifetime / 1e6} s`] : []),
    ]),
  ];
  return lines.length === 0 ? [] : [lines.map((line) => `  ${safe(line)}\n`).join('')];
}
