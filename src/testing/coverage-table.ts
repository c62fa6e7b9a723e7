// Coverage for a person. Enters: a report; leaves: a table of the gaps, or of everything.
import type { CoverageReport, CoverageRow } from './coverage.ts';

const KINDS: readonly CoverageRow['kind'][] = ['request', 'step', 'cardinality', 'order', 'fact', 'relation'];

/** A summary by kind, then the gaps; with `all`, every part. */
export function coverageTable(
  report: CoverageReport,
  { all = false }: { readonly all?: boolean } = {},
): string {
  const totals = KINDS.map((kind) => {
    const rows = report.rows.filter((row) => row.kind === kind);
    const covered = rows.filter(({ explained }) => explained > 0).length;
    return { kind, said: `${kind} ${covered}/${rows.length}`, none: rows.length === 0 };
  }).filter(({ kind, none }) => kind !== 'relation' || !none);
  const shown = all ? report.rows : [...report.unexercised, ...report.untried];
  const head = ['kind', 'what', 'explained', 'denied', 'line'];
  const cells = shown.map(({ kind, what, explained, denied, place }) => [
    kind,
    what,
    String(explained),
    denied === null ? '' : String(denied),
    place?.line === undefined ? '' : String(place.line),
  ]);
  const gaps = `${report.unexercised.length} never exercised, ${report.untried.length} never had to deny`;
  return `coverage of ${report.application}: ${totals.map(({ said }) => said).join(', ')}; ${gaps}\n${columns([head, ...cells])}`;
}

/** Columns as wide as their widest cell. */
function columns(rows: readonly (readonly string[])[]): string {
  const [head = []] = rows;
  const widths = head.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows
    .map(
      (row) =>
        `  ${row
          .map((cell, column) => cell.padEnd(widths[column] ?? 0))
          .join('  ')
          .trimEnd()}\n`,
    )
    .join('');
}
