// Turns a policy module into what Node can run, and lines of the result back into lines of the module. Enters: TypeScript; leaves: JavaScript, places.
import { SourceMap, type SourceMapPayload, type SourceMapping } from 'node:module';
import { createJiti, type TransformOptions } from 'jiti';
import type { Place } from '../../errors.ts';

const INLINE_MAP = /\n\/\/# sourceMappingURL=data:application\/json;charset=utf-8;base64,([\w+/=]+)\s*$/;

/** Transpiles modules, and remembers how to find the way back. */
export class Transpiler {
  readonly #maps = new Map<string, SourceMap>();
  readonly #jiti = createJiti(import.meta.url, { fsCache: false, moduleCache: false, sourceMaps: true });

  transform(options: TransformOptions): { code: string } {
    const code = this.#jiti.transform({ ...options, interopDefault: false });
    const map = INLINE_MAP.exec(code)?.[1];
    if (map !== undefined && options.filename !== undefined) {
      const payload = JSON.parse(Buffer.from(map, 'base64').toString()) as SourceMapPayload;
      this.#maps.set(options.filename, new SourceMap(payload));
    }
    return { code };
  }

  /** The place in the author's file that a place in the transpiled one came from. */
  original(place: Place): Place {
    const map = this.#maps.get(place.file);
    if (map === undefined || place.line === undefined || place.column === undefined) return place;
    const row = place.line - 1;
    const column = place.column - 1;
    // An imported word is called as `(0, _policy.chain)(...)`: the call stands at the second parenthesis, its name before it.
    const before = found(map, row, column - 2);
    const entry =
      before?.name !== undefined && before.generatedLine === row ? before : found(map, row, column);
    if (entry === null) return { file: place.file, line: place.line };
    return { file: place.file, line: entry.originalLine + 1, column: entry.originalColumn + 1 };
  }
}

/** As Node documents it; its type declarations lack the name. */
interface NamedMapping extends SourceMapping {
  readonly name?: string;
}

function found(map: SourceMap, row: number, column: number): NamedMapping | null {
  const entry = map.findEntry(row, column);
  return 'originalLine' in entry ? (entry as NamedMapping) : null;
}
