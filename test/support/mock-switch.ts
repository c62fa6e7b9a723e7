// A switch that speaks OpenFlow 1.4 on a Unix socket. Enters: connections, a script of refusals; leaves: a flow table, flow-removed, updates.
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { slotOf } from '../../src/flowtap/ovs/compile.ts';
import { decodeMessage } from '../../src/flowtap/ovs/openflow/decode.ts';
import { encodeMessage } from '../../src/flowtap/ovs/openflow/encode.ts';
import { Framer } from '../../src/flowtap/ovs/openflow/framer.ts';
import type {
  Body,
  FlowEntry,
  FlowMod,
  OpenFlowMessage,
  RemovalReason,
} from '../../src/flowtap/ovs/openflow/message.ts';

type Flow = FlowEntry & { readonly notify: boolean };

/** How a test makes it misbehave. */
export interface Manners {
  /** Refuses a change as soon as it is added to a bundle. */
  refuses?: (mod: FlowMod) => boolean;
  /** Refuses the commit, and does not say why. */
  refusesCommits?: boolean;
  /** Closes the connection when it gets a commit, after it has done it or instead. */
  diesAtCommit?: 'before' | 'after' | null;
  versions?: readonly number[];
}

export class MockSwitch {
  readonly folder = mkdtempSync(join(tmpdir(), 'flowtap-mock-'));
  readonly path = join(this.folder, 'br0.mgmt');
  readonly manners: Manners;
  readonly flows = new Map<string, Flow>();
  /** Each bundle that was committed, in order. */
  readonly bundles: (readonly FlowMod[])[] = [];
  connections = 0;
  /** How often flows were listed. */
  listings = 0;
  #server: Server | null = null;
  readonly #sockets = new Set<Socket>();
  readonly #watchers = new Set<Socket>();

  constructor(manners: Manners = {}) {
    this.manners = manners;
  }

  async listen(): Promise<void> {
    const server = createServer((socket) => this.#serve(socket));
    this.#server = server;
    await new Promise<void>((resolve) => server.listen(this.path, resolve));
  }

  /** As if the process was killed: connections end, nobody listens, all flows are gone. */
  async crash(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#watchers.clear();
    this.flows.clear();
    await new Promise((resolve) => this.#server?.close(resolve));
  }

  /** Ends the connections, and nothing else. */
  disconnect(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#watchers.clear();
  }

  async stop(): Promise<void> {
    await this.crash();
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** A change by somebody else. */
  edit(change: (flows: Map<string, Flow>) => void): void {
    const before = new Map(this.flows);
    change(this.flows);
    for (const [slot, flow] of before) if (!this.flows.has(slot)) this.#tell('removed', flow, 'delete');
    for (const [slot, flow] of this.flows) if (!before.has(slot)) this.#tell('added', flow, 'other');
  }

  /** Lets flows with a hard timeout end. */
  expire(): void {
    for (const [slot, flow] of [...this.flows]) {
      if (flow.hardTimeout === 0) continue;
      this.flows.delete(slot);
      this.#tell('removed', flow, 'hard');
      this.#removed(flow, 'hard');
    }
  }

  #tell(kind: 'added' | 'removed', { table, priority, cookie }: Flow, reason: RemovalReason): void {
    const update = { kind, table, priority, cookie, reason } as const;
    for (const socket of this.#watchers) send(socket, 0, { kind: 'updates', updates: [update], more: false });
  }

  #removed(flow: Flow, reason: RemovalReason): void {
    for (const socket of this.#sockets)
      if (flow.notify) send(socket, 0, { kind: 'flow-removed', flow, reason });
  }

  #serve(socket: Socket): void {
    this.connections++;
    this.#sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => {
      this.#sockets.delete(socket);
      this.#watchers.delete(socket);
    });
    send(socket, 1, { kind: 'hello', versions: this.manners.versions ?? [4, 5] });
    const framer = new Framer();
    const pending: FlowMod[] = [];
    socket.on('data', (chunk: Buffer) => {
      for (const frame of framer.push(chunk) ?? []) {
        const message = decodeMessage(frame);
        if (message.kind === 'malformed')
          throw new Error(`the driver sent what is malformed: ${message.problem}`);
        this.#heed(socket, message, pending);
      }
    });
  }

  #heed(socket: Socket, message: OpenFlowMessage, pending: FlowMod[]): void {
    const answer = (body: Body): void => send(socket, message.xid, body);
    const refuse = (type: number, code: number): void =>
      answer({ kind: 'error', type, code, data: Buffer.alloc(0) });
    switch (message.kind) {
      case 'features-request':
        answer({ kind: 'features-reply', datapath: 1n, tables: 254 });
        return;
      case 'echo-request':
        answer({ kind: 'echo-reply', data: message.data });
        return;
      case 'barrier-request':
        answer({ kind: 'barrier-reply' });
        return;
      case 'watch-request':
        this.#watchers.add(socket);
        return;
      case 'flows-request':
        this.#list(message, answer);
        return;
      case 'bundle-add':
        if (this.manners.refuses?.(message.mod) === true) refuse(5, 0);
        else pending.push(message.mod);
        return;
      case 'bundle':
        if (message.step === 'open') answer({ kind: 'bundle', bundle: message.bundle, step: 'opened' });
        if (message.step === 'discard') pending.splice(0);
        if (message.step === 'commit')
          this.#commit(socket, pending.splice(0), answer, refuse, message.bundle);
        return;
      default:
    }
  }

  #list(request: OpenFlowMessage & { readonly kind: 'flows-request' }, answer: (body: Body) => void): void {
    this.listings++;
    const { table, cookie, cookieMask } = request;
    const found = [...this.flows.values()].filter(
      (flow) => (table === 0xff || flow.table === table) && ((flow.cookie ^ cookie) & cookieMask) === 0n,
    );
    // In parts, as a switch does with long lists.
    for (let at = 0; at < found.length; at += 2)
      answer({ kind: 'flows-reply', flows: found.slice(at, at + 2), more: true });
    answer({ kind: 'flows-reply', flows: [], more: false });
  }

  #commit(
    socket: Socket,
    mods: readonly FlowMod[],
    answer: (body: Body) => void,
    refuse: (type: number, code: number) => void,
    bundle: number,
  ): void {
    const { diesAtCommit = null, refusesCommits = false } = this.manners;
    if (diesAtCommit === 'before') {
      socket.destroy();
      return;
    }
    if (refusesCommits) {
      refuse(17, 13);
      return;
    }
    for (const mod of mods) this.#apply(mod);
    this.bundles.push(mods);
    if (diesAtCommit === 'after') socket.destroy();
    else answer({ kind: 'bundle', bundle, step: 'committed' });
  }

  #apply(mod: FlowMod): void {
    const slot = slotOf(mod);
    const before = this.flows.get(slot);
    if (mod.command === 'add') {
      const counts = { packets: before?.packets ?? 0n, bytes: before?.bytes ?? 0n, seconds: 0 };
      this.flows.set(slot, { ...mod, ...counts });
    } else if (before !== undefined && ((before.cookie ^ mod.cookie) & mod.cookieMask) === 0n) {
      this.flows.delete(slot);
      this.#removed(before, 'delete');
    }
  }
}

function send(socket: Socket, xid: number, body: Body): void {
  socket.write(encodeMessage({ ...body, xid } as OpenFlowMessage));
}
