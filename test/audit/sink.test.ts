// Lines on their way into files. Enters: lines, targets that are slow or fail; leaves: assertions on what arrives, waits and is dropped.
import { mkdtempSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { createLog, Limiter, short } from '../../src/audit/log.ts';
import { exposition } from '../../src/audit/metrics.ts';
import { fileTarget, Sink } from '../../src/audit/sink.ts';

const folder = mkdtempSync(join(tmpdir(), 'flowtap-sink-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** A target that takes nothing until it is told to. */
function slow() {
  const written: string[] = [];
  let open: () => void = () => {};
  const gate = new Promise<void>((resolve) => {
    open = resolve;
  });
  const target = {
    write: async (bytes: Uint8Array) => {
      await gate;
      written.push(Buffer.from(bytes).toString());
    },
    reopen: async () => {},
    close: async () => {},
  };
  return { target, written, open: () => open() };
}

const QUIET = { most: 1000, drops: false, onFailure: () => {} };

describe('a sink', () => {
  it('appends to a file, and goes on in a new one when the old one was moved away', async () => {
    const path = join(folder, 'a.jsonl');
    const sink = new Sink(await fileTarget(path), QUIET);
    sink.write('one\n');
    sink.write('two\n');
    await sink.reopen();
    renameSync(path, `${path}.1`);
    sink.write('still the old one\n');
    await sink.reopen();
    sink.write('new\n');
    await sink.close();
    expect(readFileSync(`${path}.1`, 'utf8')).toBe('one\ntwo\nstill the old one\n');
    expect(readFileSync(path, 'utf8')).toBe('new\n');
    expect(statSync(path).mode & 0o007).toBe(0);
  });

  it('does not go on in half a line that a killed run has left', async () => {
    const path = join(folder, 'cut.jsonl');
    writeFileSync(path, '{"record":"verd');
    const sink = new Sink(await fileTarget(path), QUIET);
    sink.write('{"record":"start"}\n');
    await sink.close();
    expect(readFileSync(path, 'utf8')).toBe('{"record":"verd\n{"record":"start"}\n');
  });

  it('says when there is no room, and when there is again, and loses nothing', async () => {
    const { target, written, open } = slow();
    const sink = new Sink(target, QUIET);
    expect(sink.room()).toBe(null);
    for (let i = 0; i < 200; i += 1) sink.write(`line ${i}\n`);
    const room = sink.room();
    expect(room).not.toBe(null);
    open();
    await room;
    await sink.close();
    expect(written.join('').trimEnd().split('\n')).toHaveLength(200);
    expect(sink).toMatchObject({ pending: 0, dropped: 0 });
  });

  it('drops and counts over its limit where it may', async () => {
    const { target, written, open } = slow();
    const sink = new Sink(target, { ...QUIET, most: 50, drops: true });
    for (let i = 0; i < 20; i += 1) sink.write('ten bytes\n');
    open();
    await sink.close();
    expect(written.join('')).toHaveLength(50);
    expect(sink.dropped).toBe(15);
  });

  it('tells a failure once, counts what is lost, and keeps nobody waiting', async () => {
    const failures: string[] = [];
    const target = {
      write: () => Promise.reject(new Error('no space left')),
      reopen: async () => {},
      close: async () => {},
    };
    const sink = new Sink(target, {
      most: 10,
      drops: false,
      onFailure: ({ message }) => failures.push(message),
    });
    sink.write('a long line of more than ten\n');
    await sink.room();
    sink.write('more\n');
    await sink.reopen();
    await sink.close();
    expect(failures).toEqual(['no space left']);
    expect(sink.dropped).toBe(2);
  });

  it('is refused with the path when its folder is not there', async () => {
    await expect(fileTarget(join(folder, 'none', 'a'))).rejects.toThrow(
      /none\/a: it cannot be written \(ENOENT\); create its folder/,
    );
  });
});

describe('the log', () => {
  it('is one JSON object a line, with level and time by name, and no host or process', () => {
    const lines: string[] = [];
    const sink = { write: (line: string) => void lines.push(line) };
    createLog(sink as Sink, 'info').warn({ zeek: 'a' }, 'two\nlines');
    createLog(sink as Sink, 'error').warn('not said');
    expect(lines).toHaveLength(1);
    const line = JSON.parse(lines[0] ?? '') as Record<string, unknown>;
    expect(line).toEqual({
      level: 'warn',
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
      zeek: 'a',
      message: 'two\nlines',
    });
  });

  it('cuts what is long', () => {
    expect(short('x'.repeat(501))).toBe(`${'x'.repeat(500)}...`);
  });

  it('keeps back what comes too often, and says how much', () => {
    const limiter = new Limiter(2, 1000);
    expect([0, 1, 2, 3].map((now) => limiter.take('a', now))).toEqual([0, 0, null, null]);
    expect(limiter.take('b', 3)).toBe(0);
    expect([1000, 1001, 1002].map((now) => limiter.take('a', now))).toEqual([2, 0, null]);
  });
});

it('metrics are written so that no label breaks a line', () => {
  const samples = [{ labels: { zeek: 'a"b\\c\nd' }, value: 1.5 }];
  expect(exposition([{ name: 'x_total', type: 'counter', help: 'What.', samples }])).toBe(
    '# HELP x_total What.\n# TYPE x_total counter\nx_total{zeek="a\\"b\\\\c\\nd"} 1.5\n',
  );
});
