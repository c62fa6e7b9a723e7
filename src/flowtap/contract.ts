// The paper's primitive, FlowTap(SRC, DST, Flow_Syntax, Action). Enters: text or parts; leaves: checked contracts, text.
import { InputError } from '../errors.ts';
import { isPortName, type PortName } from './port.ts';
import { anyPacket } from './syntax/space.ts';
import { type FlowSyntax, parseFlowSyntax, printFlowSyntax } from './syntax/syntax.ts';

/** Names a contract within one switch. */
export type ContractId = string & { readonly __brand: 'ContractId' };

/** `forward` copies packets to the security VM; `redirect` sends them there instead (paper, III-A). */
export type Action = 'forward' | 'redirect';

/** `FlowTap(SRC, DST, Flow_Syntax, Action)`: what the port SRC sends and gets, as far as it matches, goes to DST. */
export interface Contract {
  /** The port of the VM that is monitored. */
  readonly source: PortName;
  /** The port of the security VM. */
  readonly destination: PortName;
  readonly syntax: FlowSyntax;
  readonly action: Action;
}

const FORM = 'write FlowTap(SRC, DST, Flow_Syntax, forward|redirect)';

/** @throws InputError `contract-invalid` */
export function makeContract(source: string, destination: string, flow: string, action: string): Contract {
  for (const [role, name] of Object.entries({ SRC: source, DST: destination })) {
    if (!isPortName(name))
      throw refuse(`${role} "${name}" is no name of a port`, 'use letters, digits and _ . : -');
  }
  if (source === destination)
    throw refuse(`SRC and DST are both "${source}"`, 'a security VM cannot tap itself; name two ports');
  if (action !== 'forward' && action !== 'redirect')
    throw refuse(`there is no action "${action}"`, 'write forward (a copy) or redirect (in the path)');
  const syntax = parseFlowSyntax(flow);
  if (anyPacket(syntax) === null)
    throw refuse(`no packet can match "${printFlowSyntax(syntax)}"`, 'leave out what contradicts itself');
  return { source: source as PortName, destination: destination as PortName, syntax, action };
}

/** Reads the notation of the paper's Figure 2. @throws InputError `contract-invalid` */
export function parseContract(text: string): Contract {
  const inner = /^\s*FlowTap\s*\(([^()]*)\)\s*$/i.exec(text)?.[1];
  const parts = inner?.split(',').map((part) => part.trim()) ?? [];
  const [source, destination, ...rest] = parts;
  const action = rest.pop();
  if (source === undefined || destination === undefined || action === undefined)
    throw refuse(`"${text.slice(0, 200)}" is no contract`, FORM);
  return makeContract(source, destination, rest.join(','), action.toLowerCase());
}

/** One line that `parseContract` reads back. */
export function printContract({ source, destination, syntax, action }: Contract): string {
  return `FlowTap(${source}, ${destination}, ${printFlowSyntax(syntax)}, ${action})`;
}

function refuse(problem: string, remedy: string): InputError {
  return new InputError('contract-invalid', null, problem, remedy);
}
