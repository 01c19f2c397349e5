// Plain text for mails: ASCII whatever
// comes, lines no longer than asked, no word
// lost.
import { expect, test } from "vitest";
import fc from "fast-check";
import { ascii, clip, columns, wrap } from "./text72.ts";

test("signs of the screen become ASCII", () => {
  expect(ascii("A → B ≠ −1 “x” µs ü")).toBe('A -> B != -1 "x" us ?');
});

test("wrapped text keeps its words and its width", () => {
  const word = fc.string({ unit: fc.constantFrom("a", "b", "c"), minLength: 1, maxLength: 20 });
  fc.assert(
    fc.property(fc.array(word), fc.integer({ min: 24, max: 72 }), (words, width) => {
      const lines = wrap(words.join(" "), { width, first: "> ", later: "  " });
      for (const line of lines) expect(line.length).toBeLessThanOrEqual(width);
      const text = lines.map((line) => line.slice(2)).join(" ");
      expect(text).toBe(words.join(" "));
    }),
  );
});

test("columns and clips are cut with two dots", () => {
  expect(clip("abcdef", 4)).toBe("ab..");
  expect(columns([["a", "longer than it", "x"]], [3, 8, 2])).toEqual(["a  longe.. x"]);
});
