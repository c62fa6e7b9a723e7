// The public surface `flowtap/broker`: a client for Zeek's WebSocket API, and its layers. Enters: nothing; leaves: names.
export { BrokerClient } from './client.ts';
export { type Clock, systemClock } from './clock.ts';
export type { TlsOptions } from './connection.ts';
export { BrokerError, type BrokerErrorCode } from './failure.ts';
export type { Loss, StateItem, StreamItem } from './item.ts';
export {
  type Frame,
  type Message,
  MessageReader,
  type Metadata,
  readMessage,
  writeEvent,
  writeSubscription,
  type ZeekEvent,
} from './message.ts';
export type { ClientOptions, Overflow, ReconnectOptions } from './options.ts';
export { type Received, Session, type SessionState } from './session.ts';
export type { Statistics } from './statistics.ts';
export {
  address,
  boolean,
  count,
  enumeration,
  integer,
  none,
  type PortProtocol,
  port,
  real,
  set,
  string,
  subnet,
  type TableEntry,
  table,
  timespan,
  timestamp,
  type Value,
  vector,
} from './value/value.ts';
