// Errors about captures, in one wording. Enters: a file, an offset and what was wrong; leaves: InputError objects.
import { type ErrorCode, InputError } from '../../errors.ts';

/** Makes the errors of one capture file. */
export class CaptureFaults {
  readonly #file: string;
  /** Set once the file turned out to be compressed: offsets then count decompressed bytes. */
  compressed = false;

  constructor(file: string) {
    this.#file = file;
  }

  /** The content breaks the rules of its format. `offset` in bytes. */
  malformed(offset: number, problem: string, remedy?: string): InputError {
    return this.#at(
      'capture-malformed',
      offset,
      problem,
      remedy ?? 'it is damaged or not a capture: record it again, or repair it with pcapfix',
    );
  }

  /** The content ends too early. */
  truncated(offset: number, problem: string): InputError {
    return this.#at(
      'capture-truncated',
      offset,
      problem,
      `the packets before it were read; record it again, or keep its whole packets with "tcpdump -r ${this.#file} -w whole.pcap"`,
    );
  }

  /** The system does not let us read it. */
  unreadable(cause: unknown): InputError {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown';
    const [problem, remedy] = UNREADABLE[code] ?? [`cannot be read (${code})`, 'check the file and its disk'];
    return new InputError('capture-unreadable', { file: this.#file }, problem, remedy, { cause });
  }

  #at(code: Exclude<ErrorCode, 'fault'>, offset: number, problem: string, remedy: string): InputError {
    const where = this.compressed ? `${problem} (offset in the decompressed data)` : problem;
    return new InputError(code, { file: this.#file, offset }, where, remedy);
  }
}

const UNREADABLE: Readonly<Record<string, readonly [problem: string, remedy: string]>> = {
  ENOENT: ['there is no such file', 'check the path'],
  EACCES: ['reading it is not permitted', 'give yourself read permission on it'],
  EPERM: ['reading it is not permitted', 'give yourself read permission on it'],
  EISDIR: ['is a directory', 'name the capture files in it'],
  ENOTDIR: ['a part of its path is not a directory', 'check the path'],
  ELOOP: ['its path has a loop of symbolic links', 'check the path'],
};
