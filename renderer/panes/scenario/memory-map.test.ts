// The map is to scale, and every tracked page stays visible inside its bar,
// however large the slot is.
// From: memory-map.ts.
import fc from "fast-check";
import { expect, test } from "vitest";
import { mapBars, sizeText } from "./memory-map.ts";

const slot = (size: number, pages: { name: string; gpa: number }[] = []) => ({
  id: 1,
  gpa: 0x10000000,
  size,
  hva: 0x7e0000000000,
  isReadOnly: false,
  isLogged: false,
  backing: { name: "B", kind: "lab-tail" },
  pages,
  n: 1,
  line: 8,
});

test("16 pages are 16 cells, and a page stands in its own", () => {
  const [bar] = mapBars([slot(0x10000, [{ name: "b", gpa: 0x10001000 }])]);
  expect(bar?.cells).toBe(16);
  expect(bar?.marks).toEqual([{ name: "b", gpa: 0x10001000, from: 1 / 16, share: 1 / 16 }]);
});

test("marks never leave the bar, however large the slot", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 2 ** 18 }), fc.nat(), (pages, at) => {
      const page = { name: "x", gpa: 0x10000000 + (at % pages) * 4096 };
      const mark = mapBars([slot(pages * 4096, [page])])[0]?.marks[0];
      expect(mark?.from).toBeGreaterThanOrEqual(0);
      expect((mark?.from ?? 1) + (mark?.share ?? 1)).toBeLessThanOrEqual(1 + 1e-9);
    }),
  );
});

test("sizes are whole units or bytes", () => {
  expect([0x10000, 2 ** 21, 2 ** 30, 6144, 100].map(sizeText)).toEqual([
    "64K",
    "2M",
    "1G",
    "6K",
    "100 B",
  ]);
});
