// What all flows of a sensor share. Enters: nothing; leaves: the type.
import type { Event } from '../../events/event.ts';
import type { Micros } from '../../flow.ts';
import type { SensorLimits } from '../parser.ts';
import type { Selector } from '../select.ts';
import type { SensorStatistics } from '../statistics.ts';
import type { Budget } from './budget.ts';
import type { Direction } from './direction.ts';
import type { TcpFlow } from './flow.ts';
import type { RecentMemory } from './recent.ts';

export interface Surroundings {
  readonly limits: SensorLimits;
  readonly selector: Selector;
  readonly statistics: SensorStatistics;
  /** Bytes that wait for earlier ones, and bytes kept to compare retransmissions with; in all flows together. */
  readonly waiting: Budget;
  readonly recent: RecentMemory;
  readonly onEvent: (event: Event) => void;
  /** The time of the packet in work. */
  now: Micros;
  /** Its number. */
  packet: number;
  /** The capture in work: its index, and the names of all so far. Empty where the source keeps no packets. */
  capture: number;
  readonly captures: string[];
  /** Where packets come from now: the capture or the interface. */
  seenAt: string;
  /** Called when a hole of this direction was acknowledged: it is lost unless it fills soon. */
  readonly watchHole: (flow: TcpFlow, direction: Direction) => void;
}
