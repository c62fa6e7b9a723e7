// The attacks: who is compromised, what it does, and what honest services do because of it. Enters: nothing; leaves: a table.
import type { ServiceName } from './topology.ts';

export interface Attack {
  readonly name: string;
  readonly service: ServiceName;
  /** What the service counts until the n-th: it decides when the attack happens in the 200. */
  readonly counts: 'rentals' | 'returns' | 'registrations' | 'nothing';
  readonly what: string;
  readonly consequences: string;
  /** The attack leaves something undone: the capture goes on for this long, so that its time runs out within it. */
  readonly aftermath?: number;
}

export const ATTACKS: readonly Attack[] = [
  {
    name: 'shipping-connects-to-database',
    service: 'shipping',
    counts: 'rentals',
    what: "While it serves a shipment, Shipping opens a TCP connection to the users' PostgreSQL and sends a startup message as user_update. It has no password and leaves when it is asked for one.",
    consequences: 'PostgreSQL asked for a password. Nothing else.',
  },
  {
    name: 'dvd-return-connects-to-database',
    service: 'dvd-return',
    counts: 'returns',
    what: "While it serves a return, DVD-Return connects to the DVDs' MariaDB with the stolen login of DVD-Update and lists who rents what.",
    consequences: 'MariaDB let it in and answered the query.',
  },
  {
    name: 'user-create-selects-user',
    service: 'user-create',
    counts: 'registrations',
    what: "After it created a user as asked, User-Create selects Bob's row, over the same pooled connection.",
    consequences: "PostgreSQL answered with Bob's row.",
  },
  {
    name: 'bills-bob-for-alice',
    service: 'contract-update',
    counts: 'rentals',
    what: "Contract-Update charges Bob instead of the customer whose rental it serves, with the rental's true amount, contract and trace, and goes on as if nothing were wrong.",
    consequences:
      "User-Update debited Bob's row and recorded a charge in Bob's name. The customer was not debited and got the DVD.",
  },
  {
    name: 'debits-bobs-row',
    service: 'user-update',
    counts: 'rentals',
    what: "Asked to charge the customer, User-Update binds 'bob' to $2 of its UPDATE; the charge that it records names the customer.",
    consequences: "PostgreSQL debited Bob's row. Everything after that was honest.",
  },
  {
    name: 'bills-without-request',
    service: 'contract-update',
    counts: 'nothing',
    what: 'Contract-Update charges Bob 4.99 for a contract that it made up. No customer asked for anything.',
    consequences: "User-Update debited Bob's row and recorded a charge in Bob's name.",
  },
  {
    name: 'bills-twice',
    service: 'contract-update',
    counts: 'rentals',
    what: 'Within one rental Contract-Update sends the same charge again, after the first was answered 200.',
    consequences:
      'User-Update debited the customer a second time and recorded a second charge for the same contract.',
  },
  {
    name: 'bills-another-amount',
    service: 'contract-update',
    counts: 'rentals',
    what: 'Contract-Update charges the customer 10.00 more than the price that DVD-Update told it.',
    consequences:
      "User-Update debited the customer the wrong amount and recorded it. Contract-Update's answer names the right one.",
  },
  {
    name: 'acks-without-shipping',
    service: 'dvd-update',
    counts: 'rentals',
    what: 'DVD-Update takes a message from the queue and acknowledges it, without calling Shipping and without marking the DVD as rented.',
    consequences:
      'The customer paid and gets nothing (so this DVD alone is not returned). No honest service did anything because of it.',
    aftermath: 7_000,
  },
  {
    name: 'purges-queue',
    service: 'dvd-update',
    counts: 'rentals',
    what: 'When a message is delivered to it, DVD-Update purges the queue `rentals`; then it handles the message as it should.',
    consequences:
      'RabbitMQ purged the queue. All messages had been delivered already (prefetch is 20), so none was lost.',
  },
  {
    name: 'another-dvd-in-message',
    service: 'contract-update',
    counts: 'rentals',
    what: 'The message that Contract-Update publishes names another DVD (its number is 200 higher) than the customer asked for.',
    consequences:
      'RabbitMQ delivered the message; DVD-Update had the other DVD shipped and marked it as rented.',
  },
  {
    name: 'forged-trace-header',
    service: 'contract-update',
    counts: 'rentals',
    what: 'Contract-Update charges Bob instead of the customer and puts a made-up traceparent on it, of no request that anybody made.',
    consequences:
      "User-Update debited Bob's row and recorded a charge in Bob's name. The customer was not debited and got the DVD.",
  },
  {
    name: 'stacked-statement',
    service: 'user-update',
    counts: 'rentals',
    what: 'User-Update sends its UPDATE as one simple query with the values written into it, and `DELETE FROM charges` behind it.',
    consequences:
      'PostgreSQL did both: the customer was debited, all earlier charges are gone. Everything after that was honest.',
  },
  {
    name: 'update-without-where',
    service: 'user-update',
    counts: 'rentals',
    what: "User-Update's UPDATE has no WHERE.",
    consequences: 'PostgreSQL debited every user. Everything after that was honest.',
  },
  {
    name: 'connects-outside',
    service: 'user-update',
    counts: 'rentals',
    what: 'While it serves a charge, User-Update connects to 203.0.113.9:8443 on the internet and sends the name and the amount there.',
    consequences: 'The outside host took the bytes.',
  },
  {
    name: 'other-protocol-on-allowed-port',
    service: 'contract-update',
    counts: 'rentals',
    what: "Contract-Update opens a connection to User-Update's HTTP port, where it may connect, and speaks SSH: a version banner and binary bytes.",
    consequences: 'User-Update answered 400 and closed that connection.',
  },
] satisfies Attack[];
