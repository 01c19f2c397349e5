// The reference lists the whole vocabulary, and finds a verb by its name or by what it does.
// A verb that is added to the table is in the reference at once.
// From: reference.ts.
import { VERBS } from "#shared/scenario/vocabulary.table";
import { expect, test } from "vitest";
import { findReference, REFERENCE } from "./reference.ts";

test("every verb is there, with usage and example", () => {
  const verbs = REFERENCE.filter((row) => row.group === "verb");
  expect(verbs.map((row) => row.name)).toEqual(VERBS.map((spec) => spec.verb));
  expect(verbs.every((row) => row.doc !== "" && row.example.startsWith(row.name))).toBe(true);
});

test("a name comes first, then what mentions it", () => {
  expect(findReference("munmap")[0]?.name).toBe("munmap");
  expect(findReference("back")[0]?.name).toBe("back");
  expect(findReference("no such thing at all")).toEqual([]);
});
