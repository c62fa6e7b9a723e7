// Access to the parser's JSON trees, whose shape is checked at every step. Enters: unknown; leaves: nodes, lists, texts.

export type Node = { readonly [key: string]: unknown };

/** The object, or null when it is something else. */
export function asNode(value: unknown): Node | null {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Node) : null;
}

/** A node of a sum type comes as `{Tag: {...}}`. */
export function tagged(value: unknown): { readonly tag: string; readonly node: Node } | null {
  const outer = asNode(value);
  if (outer === null) return null;
  const keys = Object.keys(outer);
  const tag = keys[0];
  const node = tag === undefined ? null : asNode(outer[tag]);
  return tag === undefined || keys.length !== 1 || node === null ? null : { tag, node };
}

/** The node under that tag, or null. */
export function under(value: unknown, tag: string): Node | null {
  return asNode(asNode(value)?.[tag]);
}

/** The elements of a list field; an absent field is an empty list. */
export function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** The elements of a `List` node. */
export function itemsOf(value: unknown): readonly unknown[] {
  return listOf(under(value, 'List')?.items);
}

/** A text field; the tree leaves out empty ones. */
export function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

/** `[{String: {sval}}, ...]` as texts, or null when one of them is something else. */
export function stringsOf(value: unknown): readonly string[] | null {
  const texts: string[] = [];
  for (const each of listOf(value)) {
    const node = under(each, 'String');
    if (node === null) return null;
    texts.push(textOf(node.sval));
  }
  return texts;
}
