// The switch that turns a service against its application. Enters: `COMPROMISED=<attack>:<n>`; leaves: "now", and reports of what was sent.
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep, setImmediate as tick } from 'node:timers/promises';
import type { FromService, Offence, ToService } from '../messages.ts';
import { address, type HostName, OUTSIDE, port, type ServiceName } from '../topology.ts';

const [attack = '', nth = '1'] = (process.env.COMPROMISED ?? '').split(':');
let count = 0;

/** True once: at the n-th time that the service gets to the place where it could make this attack. */
export const fires = (name: string): boolean => name === attack && ++count === Number(nth);

/** For an attack that no request sets off: the lab says when, over IPC. */
export function onAttack(name: string, act: () => Promise<void>): void {
  process.on('message', (message: ToService) => {
    if (message.kind === 'attack' && fires(name)) act().catch(() => process.exit(1));
  });
}

export const tell = (message: FromService): void => {
  process.send?.(message);
};

export type Offending = Pick<Offence, 'from' | 'to' | 'protocol' | 'request' | 'values'>;

/** Called just before the bytes leave on a connected socket. */
export function report(socket: Socket, offending: Offending): void {
  const source = `${socket.localAddress}:${socket.localPort}`;
  const destination = `${socket.remoteAddress}:${socket.remotePort}`;
  tell({ kind: 'offence', offence: { ...offending, ts: Date.now() / 1000, source, destination } });
}

interface Dialled {
  readonly socket: Socket;
  readonly source: string;
  readonly destination: string;
}

/** Begins to connect. The system has chosen the port by now, and nobody can have answered: it may be cut as soon as that. */
export async function dial(to: HostName | 'outside'): Promise<Dialled> {
  const target = to === 'outside' ? OUTSIDE : { address: address(to), port: port(to) };
  const socket = connect(target.port, target.address);
  socket.on('error', () => undefined);
  await tick();
  const source = `${socket.localAddress}:${socket.localPort}`;
  return { socket, source, destination: `${target.address}:${target.port}` };
}

/** A connection that the application knows nothing of; says `bytes`, reads what comes for a moment, and goes. */
export async function intrude(
  from: ServiceName,
  to: HostName | 'outside',
  bytes: Buffer,
  offences: readonly Pick<Offence, 'protocol' | 'request'>[],
): Promise<void> {
  const ts = Date.now() / 1000;
  const { socket, source, destination } = await dial(to);
  for (const offence of offences)
    tell({ kind: 'offence', offence: { from, to, ...offence, ts, source, destination } });
  const reached = await once(socket, 'connect').then(
    () => true,
    () => false,
  );
  if (!reached) return;
  socket.write(bytes);
  await Promise.race([once(socket, 'data'), sleep(300)]).catch(() => undefined);
  socket.end();
  socket.resume();
  await Promise.race([once(socket, 'close'), sleep(300)]);
  socket.destroy();
}
