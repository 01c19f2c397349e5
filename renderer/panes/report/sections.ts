// The sections of a report: titles on the screen, and which of them are chosen, as the address
// keeps it.
// The address names the sections that are left out, so that a plain address means the whole report.
import { SECTIONS } from "#shared/contract/report";

export type Section = (typeof SECTIONS)[number];

export const SECTION_TITLES: Readonly<Record<Section, string>> = {
  verdicts: "Verdicts",
  differences: "Where the runs part",
  tables: "Page tables",
  ledger: "Reference ledger",
  profile: "Profile",
  schedule: "Schedule",
  scenario: "Scenario",
  real: "Real trace excerpts",
  provenance: "Provenance",
};

/** Sections that a report of this many runs can have. */
export const possibleSections = (runs: number): readonly Section[] =>
  SECTIONS.filter((section) => runs > 1 || section !== "differences");

export function readSections(without: string | undefined, runs: number): readonly Section[] {
  const left = new Set((without ?? "").split(","));
  return possibleSections(runs).filter((section) => !left.has(section));
}

/** The parameter for a choice with one section turned round; null: nothing is left out. */
export function toggleSection(
  chosen: readonly Section[],
  section: Section,
  runs: number,
): string | null {
  const isOn = (one: Section) => (one === section ? !chosen.includes(one) : chosen.includes(one));
  const left = possibleSections(runs).filter((one) => !isOn(one));
  return left.length === 0 ? null : left.join(",");
}
