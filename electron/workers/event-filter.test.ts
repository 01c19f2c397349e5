// What people type over the event table, and which rows pass.
// From: the product's filter words (kind, fn, gfn, page, step, equal).
// The event filter over a small table of rows: one line per typed text and the rows that pass.
import { expect, test } from "vitest";
import { eventFilter, type EventFacts } from "./event-filter.ts";

type Row = [
  kind: string,
  name: string,
  step: number,
  gfn: number | null,
  fn: string,
  detail: string,
];

const ROWS: readonly Row[] = [
  ["F", "kvm_page_fault", 6, 0x10001, "vmx_handle_exit", "address 10001000"],
  ["L", "lookupStep", 6, null, "hva_to_pfn_fast", "special pte, not taken"],
  ["R", "page_ref", 7, 0x10001, "try_get_page", "pfn 6ee1 +1"],
  ["K", "lockTaken", 7, null, "kvm_tdp_mmu_map", "mmu_lock read"],
  ["S", "kvm_tdp_mmu_spte_changed", 8, 0x10002, "handle_changed_spte", "new 6ee1e67"],
];

function factsOf([kind, name, step, gfn, fn, detail]: Row): EventFacts {
  return {
    kind,
    name,
    step,
    gfn,
    thread: step < 7 ? "v0" : "h",
    equal: kind === "F" ? "equal" : kind === "S" ? "differs" : "none",
    pfn: kind === "R" ? 0x6ee1 : null,
    fn: () => fn,
    detail: () => detail,
    pages: () => (kind === "R" ? ["b"] : []),
  };
}

const passing = (typed: string): string => {
  const filter = eventFilter(typed);
  return ROWS.filter((row) => filter.matches(factsOf(row)))
    .map(([kind]) => kind)
    .join("");
};

test.each([
  ["", "FLRKS"],
  ["kind:R", "R"],
  ["kind:fs", "FS"],
  ["!kind:K", "FLRS"],
  ["-kind:K -kind:L", "FRS"],
  ["gfn:0x1_0001", "FR"],
  ["gfn:10001-10002", "FRS"],
  ["gfn:", ""],
  ["gfn:zz", ""],
  ["gfn:1-2-3", ""],
  ["pfn:6ee1", "R"],
  ["page:b", "R"],
  ["step:7", "RK"],
  ["step:7-8 !kind:R", "KS"],
  ["thread:v0", "FL"],
  ["fn:MMU_MAP", "K"],
  ["name:kvm_", "FS"],
  ["equal:yes", "F"],
  ["equal:no", "S"],
  ["equal:perhaps", ""],
  ["kind:", ""],
  ["6ee1", "RS"],
  ['"not taken"', "L"],
  ["spte 6ee1", "S"],
  ["handle", "FS"],
  ["no:key", ""],
])("%s", (typed, kinds) => {
  expect(passing(typed)).toBe(kinds);
});

test("text is made only for rows that pass the cheap terms", () => {
  let made = 0;
  const filter = eventFilter("word kind:F");
  for (const row of ROWS) {
    filter.matches({
      ...factsOf(row),
      detail: () => {
        made++;
        return "";
      },
    });
  }
  expect(made).toBe(1);
  expect(eventFilter("  ").isEmpty).toBe(true);
});
