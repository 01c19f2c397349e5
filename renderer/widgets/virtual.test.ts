// The window over a long list: every row can be shown, the drawn span always covers the
// visible part, and keys stay within the list.
// From: virtual.ts.
import fc from "fast-check";
import { expect, test } from "vitest";
import { MAX_HEIGHT, movedRow, scrollHeight, scrollToRow, topRow, visibleSpan } from "./virtual.ts";

const views = fc
  .record({
    rows: fc.integer({ min: 1, max: 20_000_000 }),
    rowHeight: fc.integer({ min: 16, max: 40 }),
    height: fc.integer({ min: 100, max: 1200 }),
    share: fc.double({ min: 0, max: 1, noNaN: true }),
  })
  .map(({ share, ...view }) => {
    const range = Math.max(0, Math.min(MAX_HEIGHT, view.rows * view.rowHeight) - view.height);
    return { ...view, scrollTop: share * range };
  });

test("drawn rows cover the visible part", () => {
  fc.assert(
    fc.property(views, (view) => {
      const span = visibleSpan(view, 0);
      const shownTop = span.offset - view.scrollTop;
      const shownEnd = shownTop + span.count * view.rowHeight;
      expect(shownTop).toBeLessThanOrEqual(0.01);
      const end = Math.min(view.height, view.rows * view.rowHeight);
      expect(shownEnd).toBeGreaterThanOrEqual(end - 0.01);
      expect(span.first + span.count).toBeLessThanOrEqual(view.rows);
    }),
  );
});

test("every row of any list can be scrolled to, and is then visible", () => {
  fc.assert(
    fc.property(views, fc.nat(), (view, some) => {
      const row = some % view.rows;
      const scrollTop = scrollToRow(view, row);
      expect(scrollTop).toBeLessThanOrEqual(scrollHeight(view));
      const top = topRow({ ...view, scrollTop });
      expect(row).toBeGreaterThanOrEqual(top - 0.01);
      expect(row + 1).toBeLessThanOrEqual(top + view.height / view.rowHeight + 1.01);
    }),
  );
});

test("a visible row does not scroll, a near one comes to the edge, a far one to the middle", () => {
  const view = { rows: 100, rowHeight: 20, height: 200, scrollTop: 400 };
  expect(scrollToRow(view, 22)).toBe(400);
  expect(scrollToRow(view, 15)).toBe(300);
  expect(scrollToRow(view, 35)).toBe(520);
  expect(scrollToRow(view, 5)).toBe(10);
  expect(scrollToRow(view, 60)).toBe(1110);
  expect(scrollToRow(view, 99)).toBe(1800);
});

test("keys move within the list", () => {
  expect(movedRow("ArrowDown", 9, 10, 5)).toBe(9);
  expect(movedRow("PageUp", 3, 10, 5)).toBe(0);
  expect(movedRow("End", 0, 10, 5)).toBe(9);
  expect(movedRow("x", 0, 10, 5)).toBeNull();
  expect(movedRow("Home", 0, 0, 5)).toBeNull();
});
