// The plain, serialisable document that a policy module builds: it can be hashed, diffed and analysed. Leaves: types.
import type { Cardinality } from '../chain/plan.ts';
import type { Place } from '../errors.ts';
import type { Protocol } from '../events/common.ts';
import type { LostCause } from '../events/lost.ts';
import type { SqlComparison, SqlFeature, SqlVerb } from '../sql/reading.ts';
import type { FactDeclaration } from './fact.ts';
import type { Relation } from './relation.ts';

/** Facts that one chain learns and requests of later chains recall. */
export interface MemoryDeclaration {
  readonly name: string;
  /** The fact by which they are recalled. */
  readonly by: string;
  readonly keeps: readonly string[];
  /** Microseconds, from when they were learned. */
  readonly lifetime: number;
  /** Keys remembered at once. */
  readonly most: number;
  readonly place: Place | null;
}

/** What to do with what cannot be told. */
export type Posture = 'drop' | 'pass';

/** How a denied request that is held is kept from its receiver: its connection is reset, or it alone is answered. */
export type Refusal = 'reset' | 'answer';

/** What a posture can be given for. */
export type PostureCause = Exclude<LostCause, 'other-protocol'> | 'body' | 'unremembered' | 'consequence';

export interface ServiceDeclaration {
  readonly name: string;
  /** `external`: a principal outside the application; without addresses it stands for every address that no service has. */
  readonly kind: 'service' | 'external';
  /** IP addresses or CIDR prefixes. */
  readonly at: readonly string[];
  /** The ports on which it answers, by protocol. */
  readonly ports: Readonly<Partial<Record<Protocol, readonly number[]>>>;
  /** True: whatever comes from it and would be denied is said, and not blocked. */
  readonly audited?: true;
  readonly place: Place | null;
}

/** Signatures that are verified (RFC 7518, RFC 8037). None by a shared secret: whoever can verify these can make them. */
export const TOKEN_ALGORITHMS = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'Ed25519',
  'EdDSA',
] as const;

/** What is done with a flow on which a request of this rule was denied. */
export type RuleContainment =
  | { readonly kind: 'report' }
  /** `lifetime` in microseconds. */
  | { readonly kind: 'cut'; readonly lifetime: number };

export type TokenAlgorithm = (typeof TOKEN_ALGORITHMS)[number];

/** A public key (RFC 7517). */
export type Jwk = Readonly<Record<string, string | readonly string[]>>;

/** How tokens are verified whose claims are facts. */
export interface TokenSettings {
  readonly keys: readonly Jwk[];
  readonly algorithms: readonly TokenAlgorithm[];
  /** What `iss` must be; null for any issuer. */
  readonly issuer: string | null;
  /** `aud` must name one of these; empty for any audience. */
  readonly audience: readonly string[];
}

/** What a value in SQL must be. */
export type SqlOperand =
  | { readonly kind: 'fact'; readonly fact: string; readonly scale?: number }
  /** A number equals every spelling of it, also one that was bound as text. */
  | { readonly kind: 'literal'; readonly value: string | number | boolean | null }
  | { readonly kind: 'any' }
  /** `column + operand` or `column - operand`, on the same column. */
  | { readonly kind: 'increase' | 'decrease'; readonly by: SqlOperand };

interface RequestBase {
  /** Unique within the document; a person reads it in verdicts. */
  readonly id: string;
  readonly from: string;
  readonly to: string;
  readonly facts: readonly FactDeclaration[];
  /** Names of memories: what it writes into when it is answered with success, takes from when it comes, ends. */
  readonly remembers?: readonly string[];
  readonly recalls?: readonly string[];
  readonly forgets?: readonly string[];
  /** What must hold between its facts and those of its chain. */
  readonly requires?: readonly Relation[];
  /** True: a verdict that this rule decides is said, and blocks nothing. */
  readonly audited?: true;
  /** Absent: its flow is cut for as long as the policy's limit says. */
  readonly containment?: RuleContainment;
  /** Instead of what holds for the whole application. */
  readonly refused?: Refusal;
  readonly place: Place | null;
}

export interface HttpRequestDeclaration extends RequestBase {
  readonly protocol: 'http';
  readonly method: string;
  /** A template such as `/users/:user/charge`. */
  readonly path: string;
  /** Query parameters that may occur; any other makes it another request. */
  readonly query: readonly string[];
  /** The method that its override (a header such as X-HTTP-Method-Override, a field `_method`) asks for; null: it has none. */
  readonly overriding: string | null;
  /** Judged by its head alone: where requests are held, its body is passed on as it comes. */
  readonly streams?: true;
}

/** What changes whether, when or to whom a broker delivers; a policy must allow each by name. */
export type AmqpFeature =
  /** The message is thrown away after a time. */
  | 'expiration'
  /** Above 0: it overtakes others. */
  | 'priority'
  /** Consumers answer to the queue that it names. */
  | 'reply-to'
  /** A header `x-delay`: the broker holds it back. */
  | 'delay'
  /** It is thrown away where no consumer is ready. */
  | 'immediate'
  /** A queue that no other connection may use, or the only consumer of one. */
  | 'exclusive'
  | 'auto-delete'
  /** An exchange that nobody may publish to. */
  | 'internal'
  /** Deliveries that are not acknowledged: the broker forgets what the consumer may not have done. */
  | 'no-ack';

export interface AmqpRequestDeclaration extends RequestBase {
  readonly protocol: 'amqp';
  readonly action:
    | { readonly kind: 'publish'; readonly exchange: string; readonly routingKey: string }
    | { readonly kind: 'deliver'; readonly queue: string }
    | { readonly kind: 'get'; readonly queue: string }
    | { readonly kind: 'consume'; readonly queue: string }
    | { readonly kind: 'declare-queue'; readonly queue: string }
    | { readonly kind: 'declare-exchange'; readonly exchange: string }
    | {
        readonly kind: 'bind-queue';
        readonly queue: string;
        readonly exchange: string;
        readonly routingKey: string;
      }
    | { readonly kind: 'purge-queue'; readonly queue: string }
    | { readonly kind: 'delete-queue'; readonly queue: string }
    | { readonly kind: 'delete-exchange'; readonly exchange: string }
    /** tx.select, tx.commit and tx.rollback, which takes back what was published and acknowledged. */
    | { readonly kind: 'transaction' };
  readonly allowing: readonly AmqpFeature[];
  /** Routing keys that the headers CC and BCC may name (RabbitMQ, sender-selected distribution). */
  readonly copies: readonly string[];
  /** All arguments that a declaration, a binding or a consumer has: no more and no fewer. */
  readonly arguments: Readonly<Record<string, string | number | boolean>>;
  /** The type of a declared exchange; null for any of the four that AMQP has. */
  readonly exchangeType: string | null;
}

export interface SqlRequestDeclaration extends RequestBase {
  readonly protocol: 'sql';
  readonly verb: SqlVerb;
  readonly table: string | null;
  /** Columns that a select may read; null for any. */
  readonly columns: readonly string[] | null;
  /** All predicates, no more and no fewer. */
  readonly where: readonly {
    readonly column: string;
    readonly operator: SqlComparison;
    readonly operand: SqlOperand;
  }[];
  /** All columns that are assigned, or inserted. */
  readonly values: readonly { readonly column: string; readonly operand: SqlOperand }[];
  readonly returning: readonly string[];
  /** Features beyond the plain statement that are allowed. */
  readonly allowing: readonly SqlFeature[];
  /** Functions that it may call; none by default. */
  readonly calling: readonly string[];
  /** For `set`, `reset`, `show`, `use`. */
  readonly setting: string | null;
}

export type RequestDeclaration = HttpRequestDeclaration | AmqpRequestDeclaration | SqlRequestDeclaration;

/** One step of a chain: a request, what it causes in turn, and how often. */
export interface StepDeclaration {
  readonly request: string;
  readonly cardinality: Cardinality;
  /** Microseconds from its parent within which it has to come, if at all; for `eventually` it has to. */
  readonly within: number | null;
  /** For `many`: how often it has to come, and how often it may; null for any number. */
  readonly least: number;
  readonly most: number | null;
  /** Further attempts that are allowed after one failed or got no answer. */
  readonly retries: number;
  readonly children: readonly StepDeclaration[];
  /** `in-order`: a child may come only when those before it are done. */
  readonly order: 'any' | 'in-order';
  readonly place: Place | null;
}

export interface ChainDeclaration {
  readonly root: StepDeclaration;
  /** For a job, which no customer starts: microseconds that lie at least between two of its runs; null for a user request. */
  readonly every: number | null;
  readonly place: Place | null;
}

/** Where explicit keys stand. A key narrows the candidates, and never widens them. */
export interface KeyDeclaration {
  /** Names the key; two sources of one name carry the same value. */
  readonly key: string;
  readonly in: 'http-header' | 'amqp-header' | 'amqp-property' | 'sql-comment';
  readonly name: string;
  /** `trace-id`: the 32 hex digits of a W3C traceparent. `b3`: the trace id of either form of B3. */
  readonly part: 'all' | 'trace-id' | 'b3';
}

export interface PolicyLimits {
  /** Microseconds that an unexplained request waits for what may explain it. */
  readonly reorder: number;
  /** Microseconds by which the clocks of several sources may differ. */
  readonly skew: number;
  /** Microseconds after which an open chain is given up. */
  readonly chain: number;
  /** Chains open at once. */
  readonly chains: number;
  /** Microseconds that a block lasts. */
  readonly block: number;
}

export interface PolicyDocument {
  readonly format: 1;
  readonly application: string;
  readonly mode: 'audit' | 'enforce';
  readonly services: readonly ServiceDeclaration[];
  readonly requests: readonly RequestDeclaration[];
  readonly chains: readonly ChainDeclaration[];
  /** Requests that are allowed outside any chain. */
  readonly outside: readonly string[];
  readonly keys: readonly KeyDeclaration[];
  readonly postures: Readonly<Record<PostureCause, Posture>>;
  readonly limits: PolicyLimits;
  /** Absent where nothing is remembered beyond a chain. */
  readonly memories?: readonly MemoryDeclaration[];
  /** Absent where no token is verified. */
  readonly tokens?: TokenSettings;
  /** How denied requests are refused where they are held; absent, connections are reset. */
  readonly refuse?: Refusal;
}
