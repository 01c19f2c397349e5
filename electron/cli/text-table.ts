// Columns of text for a terminal: as wide as their widest cell, two spaces between.
// Numbers to the right, all else to the left; nothing is cut, because output is also piped.
// A row has as many cells as there are titles.

export interface TextColumn {
  title: string;
  align?: "right";
}

export function textTable(columns: readonly TextColumn[], rows: readonly string[][]): string {
  const widths = columns.map(({ title }, index) =>
    Math.max(title.length, ...rows.map((row) => row[index]?.length ?? 0)),
  );
  const line = (cells: readonly string[]) =>
    columns
      .map(({ align }, index) => {
        const cell = cells[index] ?? "";
        const width = widths[index] ?? 0;
        return align === "right" ? cell.padStart(width) : cell.padEnd(width);
      })
      .join("  ")
      .trimEnd();
  return [line(columns.map(({ title }) => title)), ...rows.map(line)].join("\n");
}
