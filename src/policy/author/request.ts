// The part that declarations of all protocols share: who asks whom, which facts, which name. Leaves: request handles.
import type { Place } from '../../errors.ts';
import type { FactDeclaration, RequestDeclaration, RuleContainment } from '../document.ts';
import { callSite, collector, invalid, type RequestDraft } from './context.ts';
import { microseconds } from './duration.ts';
import { factDeclarations, type Source } from './sources.ts';

/** A service or external principal, as `service` and `external` give it; a name is taken too. */
export type Principal = string | { readonly kind: 'principal'; readonly name: string };

/** A declared request, to be put into chains. */
export interface Request {
  readonly kind: 'request';
  /** The facts that it carries, by name. */
  facts(facts: Readonly<Record<string, Source>>): this;
  /** What this rule would deny is said, and blocks nothing: for a rule that is still to prove itself. */
  audited(): this;
  /**
   * What is done with the flow of a denied request of this rule: cut for this time, such as `10m`, or only reported.
   * Without it, the flow is cut for the time that `settings({ block })` says.
   */
  contained(how: string): this;
  /** How verdicts call it; without a name they say what it is, such as `POST /contracts`. */
  named(name: string): this;
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
  readonly place: Place | null;
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
        const base: Omit<Base, 'id'> = {
          from: nameOf(source),
          to: nameOf(destination),
          facts,
          place: shape.place,
        };
        const draft: RequestDraft = {
          name: null,
          label: shape.label,
          place: shape.place,
          from: () => base.from,
          to: () => base.to,
          finish: (id) => shape.build({ id, ...base }, shape.fields),
        };
        const common: Request = {
          kind: 'request',
          facts(more) {
            facts.push(...factDeclarations(more));
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
