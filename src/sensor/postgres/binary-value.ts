// PostgreSQL's binary forms. Enters: the bytes of one value and its type; leaves: the canonical value.
import { assertNever } from '../../errors.ts';
import type { SqlValue } from '../../events/sql.ts';
import { formatIpv4, formatIpv6 } from '../link/address.ts';
import { ByteReader } from '../sql/byte-reader.ts';
import { DAY, dateOfDay, momentText, timeText } from '../sql/calendar.ts';
import { doubleText, floatText } from '../sql/number-text.ts';
import { decodeText, hex } from '../sql/text.ts';
import { numericText } from './numeric.ts';
import { type TypeFamily, typeFamily } from './types.ts';

/** Days from 1970-01-01 to 2000-01-01, where PostgreSQL counts from. */
const EPOCH_DAYS = 10_957;
const INT4_MAX = 0x7fff_ffff;
const INT4_MIN = -0x8000_0000;
const INT8_MAX = (1n << 63n) - 1n;
const INT8_MIN = -(1n << 63n);

/** Reads what the type's `send` function writes; a form that does not fit its type is `undecoded`, never guessed. */
export function readBinary(bytes: Uint8Array, oid: number): SqlValue {
  const family = typeFamily(oid) ?? 'other';
  const reader = new ByteReader(bytes);
  const value = readFamily(reader, family);
  return value !== null && reader.finished ? value : { type: 'undecoded', text: hex(bytes) };
}

function readFamily(reader: ByteReader, family: TypeFamily): SqlValue | null {
  switch (family) {
    case 'boolean':
      return { type: 'boolean', text: reader.u8() === 0 ? 'false' : 'true' };
    case 'integer':
      return readInteger(reader);
    case 'oid':
      return { type: 'number', text: String(reader.u32be()) };
    case 'float4':
      return { type: 'number', text: floatText(reader.f32be()) };
    case 'float8':
      return { type: 'number', text: doubleText(reader.f64be()) };
    case 'numeric': {
      const text = numericText(reader);
      return text === null ? null : { type: 'number', text };
    }
    case 'jsonb':
      return reader.u8() === 1 ? readText(reader) : null;
    case 'text':
      return readText(reader);
    case 'bytes':
      return { type: 'bytes', text: hex(reader.rest()) };
    case 'uuid': {
      const text = hex(reader.take(16));
      const groups = [
        text.slice(0, 8),
        text.slice(8, 12),
        text.slice(12, 16),
        text.slice(16, 20),
        text.slice(20),
      ];
      return { type: 'text', text: groups.join('-') };
    }
    case 'date':
      return { type: 'time', text: dateValue(reader.i32be()) };
    case 'time':
      return dayTime(reader.i64be(), '');
    case 'timetz': {
      const time = reader.i64be();
      return dayTime(time, zoneText(-reader.i32be()));
    }
    case 'timestamp':
      return { type: 'time', text: moment(reader.i64be(), '') };
    case 'timestamptz':
      return { type: 'time', text: moment(reader.i64be(), 'Z') };
    case 'inet':
      return readInet(reader);
    case 'other':
      return null;
    default:
      return assertNever(family);
  }
}

function readInteger(reader: ByteReader): SqlValue | null {
  switch (reader.left) {
    case 2:
      return { type: 'number', text: String(reader.i16be()) };
    case 4:
      return { type: 'number', text: String(reader.i32be()) };
    case 8:
      return { type: 'number', text: String(reader.i64be()) };
    default:
      return null;
  }
}

function readText(reader: ByteReader): SqlValue | null {
  const { text, valid } = decodeText(reader.rest());
  return valid ? { type: 'text', text } : null;
}

function dateValue(days: number): string {
  if (days === INT4_MAX) return 'infinity';
  return days === INT4_MIN ? '-infinity' : dateOfDay(days + EPOCH_DAYS);
}

function moment(micros: bigint, zone: string): string {
  if (micros === INT8_MAX) return 'infinity';
  if (micros === INT8_MIN) return '-infinity';
  return momentText(micros + BigInt(EPOCH_DAYS) * DAY) + zone;
}

function dayTime(micros: bigint, zone: string): SqlValue | null {
  return micros < 0n || micros > DAY ? null : { type: 'time', text: timeText(micros) + zone };
}

/** `+HH:MM`, with seconds only where they are not zero. `seconds` east of Greenwich. */
function zoneText(seconds: number): string {
  const size = Math.abs(seconds);
  const parts = [Math.floor(size / 3600), Math.floor(size / 60) % 60, size % 60];
  if (parts[2] === 0) parts.pop();
  return (seconds < 0 ? '-' : '+') + parts.map((part) => String(part).padStart(2, '0')).join(':');
}

/** inet and cidr: family, bits, is-cidr, length, address (network.c). */
function readInet(reader: ByteReader): SqlValue | null {
  const family = reader.u8();
  const bits = reader.u8();
  const cidr = reader.u8() !== 0;
  const length = reader.u8();
  if (family === 2 && length === 4) {
    const address = formatIpv4(reader.u32be());
    return { type: 'text', text: bits === 32 && !cidr ? address : `${address}/${bits}` };
  }
  if (family !== 3 || length !== 16) return null;
  const address = formatIpv6(reader.u32be(), reader.u32be(), reader.u32be(), reader.u32be());
  return { type: 'text', text: bits === 128 && !cidr ? address : `${address}/${bits}` };
}
