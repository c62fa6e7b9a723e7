// The part that declarations of all protocols share: who asks whom, which facts, which name. Leaves: request handles.
import type { Place } from '../../errors.ts';
import type { Refusal, RequestDeclaration, RuleContainment } from '../document.ts';
import type { FactDeclaration } from '../fact.ts';
import type { Relation } from '../relation.ts';
import { callSite, collector, invalid, type RequestDraft } from './context.ts';
import { microseconds } from './duration.ts';
import type { Memory } from './memory.ts';
import type { Requires } from './relations.ts';
import { factDeclarations, type Source } from './sources.ts';

/** A service or external principal, as `service` and `external` give it; a name is taken too. */
export type Principal = string | { readonly kind: 'principal'; readonly name: string };

/** A declared request, to be put into chains. */
export interface Request {
  readonly kind: 'request';
  /** The facts that it carries, by name. */
  facts(facts: Readonly<Record<string, Source>>): this;
  /** When it is answered with success, what its chain knows is remembered for later chains. */
  remembers(...memories: Memory[]): this;
  /** What is remembered by one of its facts are facts of it, too. */
  recalls(...memories: Memory[]): this;
  /** When it is answered with success, what is remembered by one of its facts is forgotten. */
  forgets(...memories: Memory[]): this;
  /** What must hold between its facts, and those of the request that it serves. */
  requires(...relations: Requires[]): this;
  /** What this rule would deny is said, and blocks nothing: for a rule that is still to prove itself. */
  audited(): this;
  /**
   * What is done with the flow of a denied request of this rule: cut for this time, such as `10m`, or only reported.
   * Without it, the flow is cut for the time that `settings({ block })` says.
   */
  contained(how: string): this;
  /** How verdicts call it; without a name they say what it is, such as `POST /contracts`. */
  named(name: string): this;
  /** What a gate in the path does when it is denied, instead of what `settings({ refuse })` says. */
  refused(how: Refusal): this;
}

/** A declaration that still needs its source. */
export interface NeedsFrom<R> {
  /** The service that makes the request. */
  from(principal: Principal): { /** The service that it is made to. */ to(principal: Principal): R };
}

/** What a protocol adds: the fields of its declaration, and the words that change them. */
interface Shape<F> {
  readonly label: string;
  readonly place: Place | null;
  /** Facts that the declaration itself implies, such as those in a path. */
  readonly implied: readonly FactDeclaration[];
  readonly fields: F;
  readonly build: (base: Base, fields: F) => RequestDeclaration;
}

interface Base {
  readonly id: string;
  readonly from: string;
  readonly to: string;
  readonly facts: readonly FactDeclaration[];
  audited?: true;
  containment?: RuleContainment;
  refused?: Refusal;
  readonly place: Place | null;
  readonly remembers?: readonly string[];
  readonly recalls?: readonly string[];
  readonly forgets?: readonly string[];
  readonly requires?: readonly Relation[];
}

/** What may be said of a request; absent where it is not. */
interface Uses {
  remembers?: readonly string[];
  recalls?: readonly string[];
  forgets?: readonly string[];
  requires?: readonly Relation[];
}

function use(base: Uses, how: Exclude<keyof Uses, 'requires'>, memories: readonly Memory[]): void {
  base[how] = [...(base[how] ?? []), ...memories.map(({ name }) => name)];
}

const DRAFTS = new WeakMap<object, RequestDraft>();

/** The draft behind a handle. */
export function draftOf(request: Request): RequestDraft {
  const draft = DRAFTS.get(request);
  if (draft === undefined) {
    throw invalid(callSite(), 'this is not a declared request', 'give what http, amqp or sql returned');
  }
  return draft;
}

/** Makes the fluent declaration of one request. `extend` adds the protocol's own words to the handle. */
export function declare<F, X extends object>(
  shape: Shape<F>,
  extend: (fields: F, self: () => Request & X) => X,
): NeedsFrom<Request & X> {
  const nameOf = (principal: Principal): string =>
    typeof principal === 'string' ? principal : principal.name;
  return {
    from: (source) => ({
      to: (destination) => {
        const facts: FactDeclaration[] = [...shape.implied];
        const base: Uses & Omit<Base, 'id' | keyof Uses> = {
          from: nameOf(source),
          to: nameOf(destination),
          facts,
          place: shape.place,
        };
        let refused: Refusal | null = null;
        const draft: RequestDraft = {
          name: null,
          label: shape.label,
          place: shape.place,
          from: () => base.from,
          to: () => base.to,
          finish: (id) =>
            shape.build({ id, ...base, ...(refused === null ? {} : { refused }) }, shape.fields),
        };
        const common: Request = {
          kind: 'request',
          facts(more) {
            facts.push(...factDeclarations(more));
            return this;
          },
          remembers(...memories) {
            use(base, 'remembers', memories);
            return this;
          },
          recalls(...memories) {
            use(base, 'recalls', memories);
            return this;
          },
          forgets(...memories) {
            use(base, 'forgets', memories);
            return this;
          },
          requires(...relations) {
            base.requires = [...(base.requires ?? []), ...relations.map(({ relation }) => relation)];
            return this;
          },
          audited() {
            base.audited = true;
            return this;
          },
          contained(how) {
            base.containment =
              how === 'report' ? { kind: 'report' } : { kind: 'cut', lifetime: microseconds(how) };
            return this;
          },
          named(name) {
            draft.name = name;
            return this;
          },
          refused(how) {
            refused = how;
            return this;
          },
        };
        const handle: Request & X = Object.assign(
          common,
          extend(shape.fields, () => handle),
        );
        DRAFTS.set(handle, draft);
        collector().requests.push(draft);
        return handle;
      },
    }),
  };
}
