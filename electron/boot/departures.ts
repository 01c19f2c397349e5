// Where the model departs from the kernel: all `MODEL:` comments of shared/model as one page.
// A comment runs to its last line; the page names the file, so that a reader finds the place.
// Kept beside the model as DEPARTURES.md; the tidy test tells when it is stale.
import type { Source } from "./tidy-source.ts";

/** What stands before the mark: the opening of a comment, perhaps after code. */
const OPENING = /(^|\s)(\/\/|\*|\/\*\*?) ?$/;
const COMMENT = /^\s*(\/\/|\*|\/\*\*?) ?/;

export function departuresPage(sources: readonly Source[]): string {
  const rows = sources
    .filter(({ path }) => path.startsWith("shared/") && path.endsWith(".ts"))
    .flatMap((source) => departuresOf(source).map((text) => `- \`${source.path}\`: ${text}`));
  return [
    "# Where the model departs from the kernel",
    "",
    "Made from the `MODEL:` comments by the tidy test (`vitest run electron/boot/tidy -u`).",
    "",
    ...rows,
    "",
  ].join("\n");
}

function departuresOf({ lines }: Source): string[] {
  return lines.flatMap((line, index) => {
    const start = line.indexOf("MODEL: ");
    if (start < 0 || !OPENING.test(line.slice(0, start))) return [];
    return [commentFrom(lines, index, start + "MODEL: ".length)];
  });
}

/** The sentence that starts there and every further line of the same comment. */
function commentFrom(lines: readonly string[], index: number, column: number): string {
  const parts = [(lines[index] ?? "").slice(column)];
  for (const line of lines.slice(index + 1)) {
    if (!COMMENT.test(line) || /MODEL: |\*\/|^\s*(\/\/|\*) (From|Promises|Owns)\b/.test(line))
      break;
    parts.push(line.replace(COMMENT, ""));
  }
  return parts
    .join(" ")
    .replace(/\s*\*\/$/, "")
    .replaceAll(/\s+/g, " ")
    .trim();
}
