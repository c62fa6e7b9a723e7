// Follows the ports of a bridge through OVSDB. Enters: a database socket; leaves: where the ports are, each time that this changes.
import type { Clock } from './clock.ts';
import { MONITORED, type Places, PortView } from './ovsdb/ports.ts';
import { RpcLink } from './rpc-link.ts';

const NAME = 'flowtap';

/** What is known stays known while the database is away: ports do not move because nobody tells. */
export class PortWatch {
  readonly #link: RpcLink;

  /** `changed` is told whenever places may be others than before, and null when the bridge is not in the database. */
  constructor(
    { database, bridge }: { readonly database: string; readonly bridge: string },
    changed: (places: Places | null) => void,
    clock: Clock,
    random: () => number,
  ) {
    let view = new PortView(bridge);
    const publish = (): void => changed(view.exists ? view.places() : null);
    this.#link = new RpcLink(
      () => database,
      {
        up: () => {
          this.#link.call('monitor', ['Open_vSwitch', NAME, MONITORED], (answer) => {
            if (answer === 'lost' || answer.error !== null) return;
            view = new PortView(bridge);
            view.update(answer.result);
            publish();
          });
        },
        down: () => {},
        news: (method, params) => {
          if (method !== 'update' || params[0] !== NAME) return;
          view.update(params[1]);
          publish();
        },
      },
      clock,
      random,
    );
  }

  stop(): void {
    this.#link.stop();
  }
}
