// Trace files: real ones read to the last
// line, cut ones name the line where they
// end.
import fc from "fast-check";
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import type { PrintForms } from "./forms.ts";
import { FORMS_6_1, FORMS_6_12 } from "./forms.ts";
import { foldMembers, parseFold } from "./fold.ts";
import { printEvent } from "./print.ts";
import { makeTexts } from "./texts.ts";
import { PROBLEM_LIMIT, readTraceText } from "./trace-file.ts";
import type { TraceProblem } from "./trace-file.ts";

function read(text: string, forms: PrintForms = FORMS_6_12) {
  const texts = makeTexts();
  const rows: string[] = [];
  const problems: TraceProblem[] = [];
  const unknown: string[] = [];
  readTraceText(text, forms, texts, {
    row: ({ event, cells, line, isCut }) => {
      const body = isCut ? `${event.name} cut` : printEvent(event.id, cells, 0, { forms, texts });
      rows.push(`${line} ${body}`);
    },
    problem: (problem) => problems.push(problem),
    unknown: (column) => unknown.push(column),
  });
  return { rows, problems, unknown };
}

const HEAD = "vmm-1 [000] ..... 1.000001: ";
const FAULT = `${HEAD}kvm_page_fault: vcpu 0 rip 0x1 address 0x0000000000001000 error_code 0x4`;

test("the kernel's own padding and header, blank lines and CRLF are read", () => {
  const { rows, problems, unknown } = read(
    [
      "# tracer: nop",
      "#",
      "",
      "            qemu kvm-433   (    430) [001] d..1.    12.345678: " +
        "kvm_mmu_paging_element: pte 1 level 4\r",
      "          <idle>-0       [000] dNh2.     0.000000: kvm_entry: vcpu 0",
    ].join("\n"),
  );
  expect(problems).toEqual([]);
  expect(rows).toEqual(["4 kvm_mmu_paging_element: pte 1 level 4"]);
  expect(unknown).toEqual(["kvm_entry"]);
});

test.each([
  ["vmm-137 [000] ..... 3.7651", 21, "the time stamp"],
  ["vmm-137 [000] ..", 15, "the five flags"],
  ["hello", 1, "the task's name and pid"],
  [`${HEAD}kvm_page_fau`, HEAD.length + 1, "the event's name"],
  [`${HEAD}kvm_page_fault: vcpu 0 rip 0x1 addr`, HEAD.length + 31, "does not go on like this"],
])("a cut line is told with its place: %s", (line, column, message) => {
  const { problems } = read(`${FAULT}\n${line}\n${FAULT}\n`);
  expect(problems).toHaveLength(1);
  expect(problems[0]).toMatchObject({ line: 2, column });
  expect(problems[0]?.message).toContain(message);
});

test("records glued together by 6.1 are parted; their bodies are known to be lost", () => {
  const glued =
    `${HEAD}kvm_mmu_get_page:              vmm-92      [000] ...1.     2.669744: ` +
    "kvm_mmu_prepare_zap_page:      vmm-92      [000] .....     2.669745: " +
    "kvm_mmu_paging_element: pte 1 level 4";
  const { rows, problems } = read(glued, FORMS_6_1);
  expect(problems).toEqual([]);
  expect(rows).toEqual([
    "1 kvm_mmu_get_page cut",
    "1 kvm_mmu_prepare_zap_page cut",
    "1 kvm_mmu_paging_element: pte 1 level 4",
  ]);
});

test("the flags that 6.1 lost come back from the fault before", () => {
  const cut =
    `${HEAD}fast_page_fault: vcpu 0 gva 1000 error_code  sptep ffff888000001000 ` +
    "old 0x825 new 825 spurious 0 fixed 0";
  const { rows } = read(`${FAULT.replace("0x4", "0x100000007")}\n${cut}`, FORMS_6_1);
  expect(rows[1]).toContain("error_code P|W|U sptep");
});

test("the events in a call graph are read, its calls are not", () => {
  const { rows, problems } = read(
    [
      "              |  /* STEP 4 boot */",
      "  0.704 us    |  kvm_page_track_create_memslot [kvm]();",
      " ------------------------------------------",
      " 0)    vmm-107     =>     init-1    ",
      "              |    /* kvm_mmu_pagetable_walk: addr 2800 pferr 0  */",
      "  9.421 us    |    } /* kvm_mmu_load [kvm] */",
    ].join("\n"),
  );
  expect(problems).toEqual([]);
  expect(rows).toEqual(["1 STEP 4 boot", "5 kvm_mmu_pagetable_walk: addr 2800 pferr 0 "]);
});

test("a fold gives each of its events", () => {
  const fold =
    "# elided 3 lines: kvm_tdp_mmu_spte_changed: as id 0 gfn 200..600 step 200 level 2 " +
    "old_spte fffff827..101827 step 1000 new_spte 5a0..5a0 step 0";
  expect(read(fold).problems[0]?.message).toContain("first, last, step and count must agree");
  const good = fold.replace("fffff827..101827", "fffff827..100001827");
  expect(read(good).rows).toEqual([
    "1 kvm_tdp_mmu_spte_changed: as id 0 gfn 200 level 2 old_spte fffff827 new_spte 5a0",
    "1 kvm_tdp_mmu_spte_changed: as id 0 gfn 400 level 2 old_spte 100000827 new_spte 5a0",
    "1 kvm_tdp_mmu_spte_changed: as id 0 gfn 600 level 2 old_spte 100001827 new_spte 5a0",
  ]);
});

test("a fold's 64-bit sums equal those of big integers", () => {
  const word = fc.bigInt({ min: 0n, max: 2n ** 63n });
  const step40 = fc.bigInt({ min: 0n, max: 2n ** 40n });
  fc.assert(
    fc.property(word, step40, fc.integer({ min: 1, max: 40 }), (first, step, count) => {
      const hex = (value: bigint) => BigInt.asUintN(64, value).toString(16);
      const last = first + step * BigInt(count - 1);
      const text =
        `# elided ${count} lines: kvm_tdp_mmu_spte_changed: as id 0 gfn ${hex(first)}..` +
        `${hex(last)} step ${hex(step)} level 1 old_spte 0..0 step 0 new_spte 1..1 step 0`;
      const fold = parseFold(text, { forms: FORMS_6_12, texts: makeTexts() });
      if (fold === null) throw new Error(`not read: ${text}`);
      let expected = first;
      for (const cells of foldMembers(fold)) {
        const half = (at: number) => BigInt((cells[at] ?? 0) >>> 0);
        expect((half(2) << 32n) | half(1)).toBe(BigInt.asUintN(64, expected));
        expected += step;
      }
    }),
  );
});

test("no text makes the reader throw, and it gives up on what is no trace", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 400 }), (text) => {
      read(text);
      read(`${HEAD}kvm_page_fault: ${text}`);
      read(`# elided ${text}`);
    }),
  );
  expect(read("x\n".repeat(10 * PROBLEM_LIMIT)).problems).toHaveLength(PROBLEM_LIMIT);
});

test("a real trace cut at any place gives rows and at most one problem", () => {
  const path = new URL("../../fixtures/traces/6.12/tdp/anon_first_touch.trace", import.meta.url);
  const text = readFileSync(path, "utf8");
  const whole = read(text).rows.length;
  fc.assert(
    fc.property(fc.integer({ min: 0, max: text.length }), (end) => {
      const { rows, problems } = read(text.slice(0, end));
      expect(problems.length).toBeLessThanOrEqual(1);
      expect(rows.length).toBeLessThanOrEqual(whole);
    }),
    { numRuns: 60 },
  );
});
