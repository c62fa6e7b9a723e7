// Checks of unknown data against a shape, one finding at a time. Enters: unknown values; leaves: what is wrong, and where.

/** Looks at a value; gives what is wrong with it as `path: reason`, or null. */
export type Shape = (value: unknown, path: string) => string | null;

const fail = (path: string, expected: string): string =>
  `${path === '' ? 'the document' : path} is not ${expected}`;

export const text: Shape = (value, path) => (typeof value === 'string' ? null : fail(path, 'a text'));

export const flag: Shape = (value, path) => (typeof value === 'boolean' ? null : fail(path, 'true or false'));

/** A whole number that is not negative. */
export const count: Shape = (value, path) =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
    ? null
    : fail(path, 'a whole number');

export const oneOf =
  (...allowed: readonly (string | number | boolean | null)[]): Shape =>
  (value, path) =>
    allowed.some((each) => each === value)
      ? null
      : fail(path, `one of ${allowed.map((each) => JSON.stringify(each)).join(', ')}`);

export const orNull =
  (shape: Shape): Shape =>
  (value, path) =>
    value === null ? null : shape(value, path);

/** What one of two shapes finds nothing wrong with; else what the second says. */
export const either =
  (one: Shape, other: Shape): Shape =>
  (value, path) =>
    one(value, path) === null ? null : other(value, path);

export const list =
  (shape: Shape): Shape =>
  (value, path) => {
    if (!Array.isArray(value)) return fail(path, 'a list');
    return first(value, (each, i) => shape(each, `${path}[${i}]`));
  };

/** An object with exactly these keys; those of `optional` may be absent. */
export const record =
  (fields: Readonly<Record<string, Shape>>, optional: readonly string[] = []): Shape =>
  (value, path) => {
    if (!isObject(value)) return fail(path, 'an object');
    const strange = Object.keys(value).find((key) => !Object.hasOwn(fields, key));
    if (strange !== undefined)
      return `${path === '' ? 'the document' : path} has an unknown key "${strange}"`;
    return first(Object.entries(fields), ([key, shape]) => {
      if (!Object.hasOwn(value, key))
        return optional.includes(key) ? null : `${dotted(path, key)} is missing`;
      return shape(value[key], dotted(path, key));
    });
  };

/** An object with any keys. */
export const dictionary =
  (shape: Shape): Shape =>
  (value, path) =>
    isObject(value)
      ? first(Object.entries(value), ([key, inner]) => shape(inner, dotted(path, key)))
      : fail(path, 'an object');

/** One of several objects, told apart by the value of `tag`. */
export const tagged =
  (tag: string, shapes: Readonly<Record<string, Shape>>): Shape =>
  (value, path) => {
    if (!isObject(value)) return fail(path, 'an object');
    const kind = value[tag];
    const shape = typeof kind === 'string' && Object.hasOwn(shapes, kind) ? shapes[kind] : undefined;
    return shape === undefined
      ? fail(dotted(path, tag), `one of ${Object.keys(shapes).join(', ')}`)
      : shape(value, path);
  };

/** A shape that refers to itself; deeper than `depth` is refused. */
export const recursive = (depth: number, make: (self: Shape) => Shape): Shape => {
  const at =
    (left: number): Shape =>
    (value, path) =>
      left === 0 ? `${path} is nested too deep` : make(at(left - 1))(value, path);
  return at(depth);
};

export const literal: Shape = (value, path) =>
  value === null || ['string', 'number', 'boolean'].includes(typeof value)
    ? null
    : fail(path, 'a text, number, true, false or null');

/** An object with any keys, whose values are all of one shape. */
export const map =
  (shape: Shape): Shape =>
  (value, path) =>
    isObject(value)
      ? first(Object.entries(value), ([key, each]) => shape(each, dotted(path, key)))
      : fail(path, 'an object');

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function dotted(path: string, key: string): string {
  return path === '' ? key : `${path}.${key}`;
}

function first<T>(items: readonly T[], check: (item: T, index: number) => string | null): string | null {
  for (const [i, item] of items.entries()) {
    const wrong = check(item, i);
    if (wrong !== null) return wrong;
  }
  return null;
}
