// Printing: every line of a real
// trace parses and prints back as it
// stood.
import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { parseFold, printFold } from "./fold.ts";
import { FORMS_6_1, FORMS_6_12, FORMS_7, formsOf } from "./forms.ts";
import type { PrintForms } from "./forms.ts";
import { makeScan, parseBody, printBody } from "./print.ts";
import { EventId } from "./table.ts";
import { makeTexts } from "./texts.ts";
import { parseHead, printHead } from "./trace-line.ts";

const TRACES = new URL("../../fixtures/traces/", import.meta.url);

function again(column: string, body: string, forms: PrintForms): string {
  const scan = makeScan(forms, makeTexts());
  const parsed = parseBody(column, body, scan);
  return parsed.kind === "event" ? printBody(parsed.event.id, scan.cells, 0, scan) : parsed.kind;
}

test("print after parse is the identity on every line of the real traces", () => {
  let lines = 0;
  for (const kernel of readdirSync(TRACES)) {
    const names = readdirSync(new URL(`${kernel}/`, TRACES), { recursive: true, encoding: "utf8" });
    for (const file of names.filter((name) => name.endsWith(".trace"))) {
      const text = readFileSync(new URL(`${kernel}/${file}`, TRACES), "utf8");
      for (const line of text.split("\n")) {
        if (line === "" || line.startsWith("# elided")) continue; // folded lines have a test below
        const parsed = parseHead(line);
        if (!parsed.ok) throw new Error(`${file}: ${line}`);
        const body = again(parsed.head.column, line.slice(parsed.head.bodyAt), formsOf(kernel));
        expect(printHead(parsed.head) + body).toBe(line);
        lines += 1;
      }
    }
  }
  expect(lines).toBeGreaterThan(1000);
});

test.each([
  ["kvm_mmu_pagetable_walk", "addr 2800 pferr 0 ", FORMS_7],
  ["kvm_mmu_pagetable_walk", "addr 1030 pferr 14 U|F", FORMS_6_12],
  ["kvm_mmu_walker_error", "pferr 9 P|RSVD", FORMS_6_12],
  ["kvm_mmu_walker_error", "pferr 8021 P|PK|SGX", FORMS_7],
  ["kvm_mmu_walker_error", "pferr 8021 P|0x8020", FORMS_6_12],
  ["kvm_mmu_spte_requested", "gfn 10000 pfn 8000000000000000 level 1 access f", FORMS_7],
  ["kvm_mmu_spte_requested", "gfn 10000 pfn 8000000000000000 level 1", FORMS_6_12],
  ["mark_mmio_spte", "sptep:ffff888008013800 gfn 10100 access 7 gen a", FORMS_6_12],
  ["mark_mmio_spte", "sptep:00000000a1b2c3d4 gfn 10100 access 7 gen a", FORMS_6_12],
  ["check_mmio_spte", "spte 8000010000017 kvm_gen 4 spte-gen 2 valid 0", FORMS_6_12],
  ["handle_mmio_page_fault", "addr:0 gfn 10000 access 6", FORMS_6_12],
  [
    "kvm_mmu_get_page",
    "sp gen 1 gfn 7 l1 4-byte q2 w-x invalid !nxe !ad root 3 unsync existing",
    FORMS_6_12,
  ],
  ["kvm_mmu_get_page", "sp gen 0 gfn 3 l4 8-byte q0 direct r-ux nxe ad root 0 sync new", FORMS_7],
  [
    "kvm_mmu_prepare_zap_page",
    "sp gen 0 gfn 3 l4 8-byte q0 wux invalid nxe ad root 0 sync",
    FORMS_6_12,
  ],
  [
    "fast_page_fault",
    "vcpu 0 gva 10001000 error_code P|W|U|0x100000000 sptep ffff888008098008 " +
      "old 0x373e825 new 373e825 spurious 0 fixed 0",
    FORMS_6_12,
  ],
  [
    "fast_page_fault",
    "vcpu 1 gva 10001000 error_code P|W|U sptep ffff888008098008 " +
      "old 0x373ee65 new 373ee67 spurious 0 fixed 1",
    FORMS_6_1,
  ],
  ["kvm_inj_exception", "#PF (0x7) [reinjected]", FORMS_6_12],
  ["kvm_inj_exception", "#UD", FORMS_6_12],
  ["kvm_inj_exception", "#GP (0x0)", FORMS_7],
  ["kvm_emulate_insn", "0:1070:48 89 07 (prot64) failed", FORMS_6_12],
  ["kvm_emulate_insn", "0:1070: (prot64)", FORMS_6_1],
  ["kvm_mmio", "mmio unsatisfied-read len 8 gpa 0x10100000 val 0x0", FORMS_6_12],
  ["vcpu_match_mmio", "gva 0x40000000 gpa 0x10000000 Write GPA", FORMS_6_12],
  ["kvm_test_age_hva", "mmu notifier test age hva: 0x007e0000000000", FORMS_6_12],
  ["kvm_mmu_zap_all_fast", "kvm-mmu-valid-gen 1 used_pages 1f", FORMS_6_12],
  ["kvm_mmu_split_huge_page", "gfn 10000 spte 8600ee7 level 2 errno -11", FORMS_6_12],
  ["rp_return", "lab_race: start 0x7e0000000000 -- 0x7e0000001000", FORMS_6_12],
  ["wp_hit", "lab_ref: pfn=0x2bc9 2->1025 try_grab_folio_fast < gup_fast_fallback", FORMS_6_12],
  ["tracing_mark_write", "RESULT host ok moved=1 of 4 status=-16", FORMS_6_12],
  ["tracing_mark_write", "RESULT host ok moved=4 of 4", FORMS_6_12],
  ["tracing_mark_write", "RESULT guest-exception port=0x14", FORMS_6_12],
  [
    "tracing_mark_write",
    "RESULT errno=14 exit=memory_fault flags=0x8 gpa=0x10 size=0x1000",
    FORMS_7,
  ],
  ["tracing_mark_write", "RESULT dirty count=3 pages=0,1,7", FORMS_6_12],
  ["tracing_mark_write", "PAGE a hva=0x7e0000000000 pte=swap vma=yes", FORMS_6_12],
  [
    "tracing_mark_write",
    "PAGE a hva=0x7e0000000000 pte=Pr-a2M pfn=0x2600 ref=1 raw=1 map=0 order=9 flags=-",
    FORMS_7,
  ],
  ["tracing_mark_write", "PAGE a old pfn=0x1 ref=0 raw=0 map=0 order=0 flags=dirty", FORMS_7],
  ["tracing_mark_write", "SPTE r0 l1 g=10001+255 6000e67 step 1000", FORMS_7],
  ["tracing_mark_write", "SPTE r3 l2 g=40008+2 none", FORMS_7],
])("%s: %s", (column, body, forms) => {
  expect(again(column, body, forms)).toBe(body);
});

test.each([
  [
    "kvm_mmu_set_spte",
    "gfn 3 spte 2bdbe67 (wxu) level 1 at 78f5018",
    "gfn 3 spte 2bdbe67 (rwxu) level 1 at 78f5018",
  ],
  ["kvm_mmu_pagetable_walk", "addr 1030 pferr 10 ", "addr 1030 pferr 10 F"],
])("a body that 6.1 cut is read and printed whole: %s", (column, cut, whole) => {
  expect(again(column, cut, FORMS_6_1)).toBe(whole);
});

test.each([
  ["kvm_mmu_spte_requested", "gfn 10000 pfn 2bcf level 1", FORMS_7],
  ["kvm_mmu_spte_requested", "gfn 10000 pfn 2bcf level 1 access f", FORMS_6_12],
  ["kvm_mmu_walker_error", "pferr 7 P|W", FORMS_6_12],
  ["kvm_page_fault", "vcpu 0 rip 0x1070 address", FORMS_6_12],
  ["kvm_page_fault", "vcpu 0 rip 0x1 address 0x11112222333344445 error_code 0x1", FORMS_6_12],
  ["kvm_emulate_insn", `0:1:${"90 ".repeat(16)}(prot64)`, FORMS_6_12],
  ["tracing_mark_write", "RESULT maybe", FORMS_6_12],
])("a body that no such kernel prints is refused: %s %s", (column, body, forms) => {
  expect(again(column, body, forms)).toBe("malformed");
});

test("an event nobody declared is unknown, not malformed", () => {
  expect(again("kvm_entry", "vcpu 0, rip 0x1", FORMS_6_12)).toBe("unknown");
});

test("a folded line is printed as it was read, and refused when it does not add up", () => {
  const fold = (last: string) =>
    "# elided 503 lines: kvm_tdp_mmu_spte_changed: as id 0 gfn 9.." +
    `${last} step 1 level 1 old_spte 8000000000000000..8000000000000000 step 0 ` +
    "new_spte 80000000000005a0..80000000000005a0 step 0";
  const context = { forms: FORMS_6_12, texts: makeTexts() };
  const parsed = parseFold(fold("1ff"), context);
  expect(parsed === null ? null : printFold(parsed, context)).toBe(fold("1ff"));
  expect(parseFold(fold("200"), context)).toBeNull();
});

test("a fault's result is told by the kernel's name, also when it is an error", () => {
  const scan = makeScan(FORMS_7, makeTexts());
  const printed = (ret: number): string =>
    printBody(EventId.faultResult, Int32Array.of(0, ret), 0, scan);
  expect([5, -14, -77].map(printed)).toEqual([
    "vcpu 0 RET_PF_FIXED",
    "vcpu 0 -EFAULT",
    "vcpu 0 ?-77",
  ]);
});
