// Dates and times as ISO 8601. Enters: days, microseconds and the databases' texts; leaves: canonical texts.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { dateOfDay, isoText, momentText } from '../../../src/sensor/sql/calendar.ts';

describe('the calendar', () => {
  it('agrees with that of the language', () => {
    fc.assert(
      fc.property(
        fc.date({ noInvalidDate: true, min: new Date('0001-01-01'), max: new Date('9999-12-31') }),
        (date) => {
          const iso = date.toISOString();
          expect(dateOfDay(Math.floor(date.getTime() / 86_400_000))).toBe(iso.slice(0, 10));
          const text = momentText(BigInt(date.getTime()) * 1000n);
          expect(new Date(`${text}Z`).getTime()).toBe(date.getTime());
          expect(isoText(`${iso.slice(0, 10)} ${iso.slice(11, 23)}+00`, true)).toBe(`${text}Z`);
        },
      ),
    );
  });

  it.each([
    ['2024-02-29', false, '2024-02-29'],
    ['2024-02-29 12:00:00.120000', false, '2024-02-29T12:00:00.12'],
    ['2024-02-29T12:00:00', false, '2024-02-29T12:00:00'],
    ['2024-02-29 23:30:00-02:30', true, '2024-03-01T02:00:00Z'],
    ['2024-02-29 12:00:00Z', true, '2024-02-29T12:00:00Z'],
    ['2024-02-29 12:00:00+01', false, null],
    ['0044-03-15 BC', false, '-000043-03-15'],
    ['0001-01-01 00:00:00+00 BC', true, '0000-01-01T00:00:00Z'],
    ['12:00:00.5', false, '12:00:00.5'],
    ['-838:59:59', false, '-838:59:59'],
    ['04:05:06+02:30', false, '04:05:06+02:30'],
    ['tomorrow', false, null],
    ['', false, null],
    ['2024-2-9', false, null],
  ])('%s (zoned: %s) is %s', (text, zoned, expected) => {
    expect(isoText(text, zoned)).toBe(expected);
  });
});
