// How much memory a value takes, roughly. Enters: any value; leaves: bytes.

/** Each object and each of its fields; texts and bytes by their length. A flow is shared by its events and weighs nothing. */
export function weigh(value: unknown): number {
  switch (typeof value) {
    case 'string':
      return 8 + value.length;
    case 'bigint':
      return 16;
    case 'object':
      break;
    default:
      return 8;
  }
  if (value === null) return 8;
  if (ArrayBuffer.isView(value)) return 16 + value.byteLength;
  let sum = 16;
  if (value instanceof Map) for (const [key, each] of value) sum += weigh(key) + weigh(each);
  else if (Array.isArray(value)) for (const each of value) sum += weigh(each);
  else for (const [key, each] of Object.entries(value)) if (key !== 'flow') sum += 8 + weigh(each);
  return sum;
}
