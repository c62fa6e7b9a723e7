// Which facts requests speak of. Enters: declarations; leaves: names.
import type {
  MemoryDeclaration,
  PolicyDocument,
  RequestDeclaration,
  SqlOperand,
  SqlRequestDeclaration,
} from './document.ts';
import { factsOfRelation } from './relation.ts';
import { isAnswered } from './source.ts';

/** The facts that each request carries itself, or recalls (those of its response come too late to find its chain). */
export function factsByRequest(document: PolicyDocument): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, readonly string[]>();
  for (const request of document.requests) {
    const names = new Set<string>();
    for (const { fact, source } of request.facts) {
      if (!isAnswered(source)) names.add(fact);
    }
    if (request.protocol === 'sql') for (const fact of operandFacts(request)) names.add(fact);
    for (const fact of recalledFacts(request, document.memories ?? [])) names.add(fact);
    found.set(request.id, [...names].sort());
  }
  return found;
}

/** Facts named by the operands of a statement. */
export function operandFacts(request: SqlRequestDeclaration): readonly string[] {
  return factOperands(request).map(({ fact }) => fact);
}

type FactOperand = Extract<SqlOperand, { kind: 'fact' }>;

/** The operands of a statement that are facts. */
export function factOperands(request: SqlRequestDeclaration): readonly FactOperand[] {
  const inside = (operand: SqlOperand): readonly FactOperand[] => {
    if (operand.kind === 'fact') return [operand];
    return operand.kind === 'increase' || operand.kind === 'decrease' ? inside(operand.by) : [];
  };
  return [...request.where, ...request.values].flatMap(({ operand }) => inside(operand));
}

/** All facts that a request or its answer speaks of. */
export function factsOfRequest(
  request: RequestDeclaration,
  memories: readonly MemoryDeclaration[],
): readonly string[] {
  const declared = [
    ...request.facts.map(({ fact }) => fact),
    ...recalledFacts(request, memories),
    ...(request.requires ?? []).flatMap(factsOfRelation),
  ];
  return request.protocol === 'sql' ? [...declared, ...operandFacts(request)] : declared;
}

/** Facts that it takes from memories. */
function recalledFacts(
  { recalls = [] }: RequestDeclaration,
  memories: readonly MemoryDeclaration[],
): readonly string[] {
  return memories.filter(({ name }) => recalls.includes(name)).flatMap(({ keeps }) => keeps);
}
