/** Rows as text in columns. Columns of numbers, by the letter `r`, are set to the right. */
export function table(rows: readonly (readonly string[])[], alignment: string): string {
  const widths = [...alignment].map((_, c) => Math.max(...rows.map((row) => row[c]?.length ?? 0)));
  const cell = (text: string, c: number): string =>
    alignment[c] === 'r' ? text.padStart(widths[c] ?? 0) : text.padEnd(widths[c] ?? 0);
  return rows.map((row) => row.map(cell).join('  ').trimEnd()).join('\n');
}
