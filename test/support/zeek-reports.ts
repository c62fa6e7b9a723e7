// Reports as Zeek's scripts publish them, written by hand. Enters: names, positions, bytes; leaves: items of the broker's stream.
import type { StreamItem } from '../../src/broker/item.ts';
import { address, boolean, count, string, type Value, vector } from '../../src/broker/value/value.ts';

/** One run of a Zeek that numbers its reports. */
export class ReportWriter {
  readonly epoch: string;
  #n = 0n;
  /** Network time in microseconds. */
  now = 1_700_000_000_000_000;

  constructor(epoch = 'E1') {
    this.epoch = epoch;
  }

  /** Lets a number pass without a report. */
  skip(reports = 1): void {
    this.#n += BigInt(reports);
  }

  report(name: string, uid: string, ...args: readonly Value[]): StreamItem {
    this.#n += 1n;
    this.now += 1;
    const head = vector(string(this.epoch), count(this.#n), count(this.now), string(uid));
    return {
      kind: 'event',
      topic: 'flowtap/events/',
      name: `FlowTap::${name}`,
      args: [head, ...args],
      metadata: [],
    };
  }

  hello(
    options: { schema?: number; replay?: boolean; configuration?: string; problem?: string } = {},
  ): StreamItem {
    const { schema = 1, replay = false, configuration = '', problem = '' } = options;
    return this.report(
      'hello',
      '',
      count(schema),
      string('node-1'),
      string('8.2.2'),
      boolean(replay),
      string(configuration),
      string(problem),
    );
  }

  heartbeat(dropped = 0, unfollowed = 0): StreamItem {
    return this.report('heartbeat', '', count(dropped), count(0), count(unfollowed));
  }

  begin(uid: string, port = 8080, first: 'syn' | 'syn-ack' | 'other' = 'syn'): StreamItem {
    return this.report(
      'conn_new',
      uid,
      address('10.1.0.9'),
      count(40_000),
      address('10.1.0.11'),
      count(port),
      vector(),
      string(first),
    );
  }

  data(
    uid: string,
    isOrig: boolean,
    start: number,
    text: string,
    options: { length?: number; reading?: string; about?: readonly string[] } = {},
  ): StreamItem {
    const bytes = Buffer.from(text, 'latin1');
    const { length = bytes.length, reading = '', about = [] } = options;
    return this.report(
      'data',
      uid,
      boolean(isOrig),
      count(start),
      string(bytes.toString('base64')),
      count(length),
      string(reading),
      vector(...about.map((each) => string(Buffer.from(each, 'latin1').toString('base64')))),
    );
  }

  lost(uid: string, isOrig: boolean, start: number, length: number): StreamItem {
    return this.report('lost', uid, boolean(isOrig), count(start), count(length));
  }

  end(uid: string, how = 'fin'): StreamItem {
    return this.report('conn_end', uid, string(how));
  }
}
