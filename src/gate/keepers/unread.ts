// A connection whose protocol no policy declares. Enters: bytes; leaves: nothing, since only the whole connection is judged.
import type { Keeper } from '../keeper.ts';

/** Such a connection is denied, or passed on unread; nothing of it is ever judged for itself. */
export class UnreadKeeper implements Keeper {
  read(): void {
    // Nothing is known of its messages.
  }

  groupOf(): null {
    return null;
  }

  admits(): true {
    return true;
  }

  judged(): void {
    // Nothing follows from it.
  }

  refuse(): 'reset' {
    return 'reset';
  }

  instead(): null {
    return null;
  }

  gone(): void {
    // There are no units.
  }
}
