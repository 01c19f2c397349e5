// A plain address means the whole report; turning a section off and on comes back to it,
// and every section of the contract has a title.
// From: sections.ts.
import { SECTIONS } from "#shared/contract/report";
import { expect, test } from "vitest";
import { possibleSections, readSections, SECTION_TITLES, toggleSection } from "./sections.ts";

test("every section of the contract has a title", () => {
  expect(Object.keys(SECTION_TITLES)).toEqual([...SECTIONS]);
});

test("nothing left out is every possible section", () => {
  expect(readSections(undefined, 2)).toEqual([...SECTIONS]);
  expect(readSections(undefined, 1)).not.toContain("differences");
  expect(readSections("nonsense", 2)).toEqual([...SECTIONS]);
});

test("off and on again is the plain address", () => {
  const all = possibleSections(2);
  const without = toggleSection(all, "profile", 2);
  expect(without).toBe("profile");
  const chosen = readSections(without ?? "", 2);
  expect(chosen).not.toContain("profile");
  expect(toggleSection(chosen, "profile", 2)).toBeNull();
});
