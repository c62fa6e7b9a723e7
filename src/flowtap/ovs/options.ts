// What the driver has to be told. Enters: nothing; leaves: types.
import type { Micros } from '../../flow.ts';
import type { Counts, DropRule } from '../driver.ts';
import type { Clock } from './clock.ts';
import type { Layout } from './layout.ts';
import type { Notice } from './notice.ts';

export interface OvsOptions {
  readonly bridge: string;
  /** `BRIDGE.mgmt` in the run directory. */
  readonly management: string;
  /** OVSDB's socket; null: no contract can be installed, since nobody tells where ports are. */
  readonly database: string | null;
  /** ovs-vswitchd's control socket, asked before each connection; null: blocks rise from `installed` to `confirmed`. */
  readonly control: (() => string | null) | null;
  /** Of `runOf`: the upper half of every cookie. */
  readonly run: number;
  readonly layout?: Layout;
  /** Whether a flow that was seen there passes this bridge. */
  readonly serves?: (where: string) => boolean;
  /**
   * What passed of a flow since a moment, counted by whoever gets its copies: each packet that a contract copies to a
   * security VM is one that went on to its destination. The switch itself keeps no count of one flow before it is cut.
   */
  readonly witness?: (rule: DropRule, since: Micros) => Promise<Counts | null>;
  readonly onNotice?: (notice: Notice) => void;
  /** Told each time that the database says where the ports are. */
  readonly onPlaces?: () => void;
  readonly clock?: Clock;
  readonly random?: () => number;
}
