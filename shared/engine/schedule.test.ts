// Schedule text: every schedule prints and parses back;
// canonical forms are stable; bad text is told with its
// place.
import fc from "fast-check";
import { expect, test } from "vitest";
import { canonical, parseSchedule, printSchedule, type ScheduleItem } from "./schedule.ts";

const thread = fc.constantFrom("v0", "v1", "h", "log", "m_2", "Host-a");
const anyItem: fc.Arbitrary<ScheduleItem> = fc.oneof(
  fc.record({
    kind: fc.constant("ticks" as const),
    thread,
    count: fc.integer({ min: 1, max: 10 ** 9 }),
  }),
  fc.record({
    kind: fc.constant("label" as const),
    thread,
    label: fc.stringMatching(/^[A-Za-z0-9_.]{1,12}$/),
  }),
  fc.record({ kind: fc.constant("end" as const), thread }),
  fc.record({ kind: fc.constant("outcome" as const), thread, outcome: fc.nat(7) }),
);

test("parse of print is the same schedule", () => {
  fc.assert(
    fc.property(fc.array(anyItem), (schedule) => {
      expect(parseSchedule(printSchedule(schedule))).toEqual({ schedule, problems: [] });
    }),
  );
});

test("canonical of canonical is canonical, and makes the same ticks", () => {
  const ticks = (schedule: readonly ScheduleItem[]): number =>
    schedule.reduce(
      (sum, item) => sum + (item.kind === "ticks" ? item.count : item.kind === "outcome" ? 1 : 0),
      0,
    );
  fc.assert(
    fc.property(fc.array(anyItem), (schedule) => {
      const once = canonical(schedule);
      expect(canonical(once)).toEqual(once);
      expect(ticks(once)).toBe(ticks(schedule));
    }),
  );
});

test("spaces, lines and comments do not matter", () => {
  const text = "schedule/1  v0:F5 # up to the lock\n h:N8\tv0*3 h! ~ # the rest";
  const { schedule, problems } = parseSchedule(text);
  expect(problems).toEqual([]);
  expect(printSchedule(schedule)).toBe("schedule/1 v0:F5 h:N8 v0*3 h!");
});

test.each([
  ["", 0, 0, /is empty/],
  ["v0*3", 0, 4, /begins with "schedule\/1"/],
  ["schedule/1 v0 1v", 14, 16, /"1v" is no item/],
  ["schedule/1 v0*0", 11, 15, /use 1 to/],
  ["schedule/1 ~ v0", 13, 15, /Nothing may follow/],
])("%j is told with its place", (text, from, end, message) => {
  const [problem] = parseSchedule(text).problems;
  expect(problem).toMatchObject({ from, end });
  expect(problem?.message).toMatch(message);
});

test("no text throws, and problems are few", () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 400 }), (text) => {
      expect(parseSchedule(text).problems.length).toBeLessThanOrEqual(20);
      expect(parseSchedule(`schedule/1 ${text}`).problems.length).toBeLessThanOrEqual(20);
    }),
  );
});
