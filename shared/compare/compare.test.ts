// Verdicts and comparisons of simulated runs of the
// built-in scenarios: sentences, marks, tables, mail
// text.
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import fc from "fast-check";
import { RECORD_FULL } from "#shared/engine/machine";
import { EVENTS } from "#shared/events/table";
import { ResultForm } from "#shared/events/lab";
import { LINUX_6_12 } from "#shared/model/kernels/linux-6.12";
import { LINUX_7_2 } from "#shared/model/kernels/linux-7.2";
import { V0_LEGACY } from "#shared/model/lookup/v0-legacy";
import { V3_MERGED } from "#shared/model/lookup/v3-merged";
import { Simulator } from "#shared/model/simulate";
import { checkRules } from "#shared/rules/check";
import { planOf, smallRun, type SmallStep } from "../../fixtures/runs/small-run.ts";
import { compareRuns } from "./compare.ts";
import { mailText } from "./mail.ts";
import { alignRuns, MARKS } from "./rows.ts";
import { compareEntries } from "./tables.ts";
import { verdictOf } from "./verdict.ts";

const simulator = new Simulator();

function simulated(name: string, lookup: "V0" | "V3") {
  const plan = planOf(readFileSync(`fixtures/scenarios/${name}.yaml`, "utf8"));
  const axes =
    lookup === "V0"
      ? { kernel: LINUX_6_12, lookup: V0_LEGACY }
      : { kernel: LINUX_7_2, lookup: V3_MERGED };
  const run = simulator.simulate({ plan, ...axes, schedule: "", record: RECORD_FULL });
  return { run, rules: checkRules(run, null) };
}
const verdict = (name: string, lookup: "V0" | "V3") => {
  const { run, rules } = simulated(name, lookup);
  const { verdict: word, sentence, decidingStep } = verdictOf(run, rules.findings);
  return [word, sentence, decidingStep];
};

describe("verdict", () => {
  test.each([
    ["lab-tail", "V0", "refuses", "V0 refuses the tail page with EFAULT.", 7],
    ["lab-tail", "V3", "maps", "V3 maps the tail page and takes no reference.", 7],
    ["lab-ref", "V0", "maps", "V0 maps the counted page and takes a reference for the lookup.", 7],
    ["lab-ref", "V3", "maps", "V3 maps the counted page and takes no reference.", 7],
    ["pfnmap-bar", "V3", "maps", "V3 maps the BAR page and takes no reference.", 4],
    ["hole-fault", "V0", "refuses", "V0 refuses the unmapped address with EFAULT.", 5],
  ] as const)("%s under %s: %s", (name, lookup, ...expected) => {
    expect(verdict(name, lookup)).toEqual(expected);
  });

  const TEXT =
    "faultline: 1\nsetup: [back B anon 64k, slot 1 P B 64k, boot]\n" +
    "steps: [gread D+0, gwrite D+0 1]\n";
  const none = {
    a: { lo: 0, hi: 0 },
    b: { lo: 0, hi: 0 },
    c: { lo: 0, hi: 0 },
    d: { lo: 0, hi: 0 },
    list: "",
  };
  const ok: SmallStep["result"] = { form: ResultForm.ok, ...none };
  const finding = {
    rule: "I4",
    verdict: "leaks",
    severity: "S3",
    isBroken: true,
    sentence: "V0 leaks 1 reference to page b.",
    evidence: "",
    event: 2,
    step: 3,
    pfn: 1,
    gfn: null,
    related: [],
  } as const;

  test("without expectations the first guest step that does not map decides, else the last", () => {
    const refused = { form: ResultForm.errno, ...none, a: { lo: 14, hi: 0 } };
    const decides = (first: SmallStep["result"]) =>
      verdictOf(
        smallRun(TEXT, [
          { n: 3, result: first ?? ok },
          { n: 4, result: ok },
        ]),
        [],
      ).decidingStep;
    expect([decides(ok), decides(refused)]).toEqual([4, 3]);
  });

  test("an exit to user space is told as MMIO", () => {
    const run = smallRun(TEXT, [
      {
        n: 4,
        result: ok,
        does: (at) =>
          at.emit(EVENTS.labMmio, { write: 1, gpa: 0x1000, len: 8, data: { lo: 1, hi: 0 } }),
      },
    ]);
    expect(verdictOf(run, [])).toMatchObject({
      verdict: "emulates",
      sentence: "The write goes to user space as MMIO.",
    });
  });

  test("a broken rule comes before the step, a stopped run before that", () => {
    const run = smallRun(TEXT, [{ n: 3, result: ok }]);
    expect(verdictOf(run, [finding]).verdict).toBe("leaks");
    expect(verdictOf(run, [{ ...finding, isBroken: false }]).verdict).toBe("maps");
    const failed = smallRun(TEXT, [{ n: 3, result: ok }], {
      end: "failed",
      message: "out of memory.",
    });
    expect(verdictOf(failed, [finding])).toMatchObject({
      verdict: "fails",
      sentence: "The run stopped at step 3: out of memory.",
    });
    expect(
      verdictOf(run, [], { event: 4, kernel: "Linux 7.2.13", expected: "kvm_unmap_hva_range" })
        .sentence,
    ).toBe("The run differs from Linux 7.2.13 at event 4: expected kvm_unmap_hva_range.");
  });
});

describe("comparison", () => {
  test("lab-tail parts in the lookup of step 7", () => {
    const [a, b] = [simulated("lab-tail", "V0"), simulated("lab-tail", "V3")];
    const comparison = compareRuns(a, b);
    expect(comparison.sentence).toMatch(
      /^A refuses with EFAULT at event \d+\. B maps the tail page and takes no reference\.$/,
    );
    expect(comparison.detail).toMatch(
      /^Step 7, gread D\+1p\. .*A: the reference count is 0, refused\. B: a pfn is found, no /,
    );
    expect(comparison.partsAtStep).toBe(7);
    expect(comparison.detail.split(" ").length).toBeLessThanOrEqual(40);
  });

  test("lab-ref maps in both; the difference is the reference", () => {
    expect(compareRuns(simulated("lab-ref", "V0"), simulated("lab-ref", "V3")).sentence).toBe(
      "Both runs map the counted page; A takes a reference, B takes no reference.",
    );
  });

  test("runs that end alike are told so, with the deciding step's own difference", () => {
    const { sentence, detail, partsAtStep } = compareRuns(
      simulated("anon-first-touch", "V0"),
      simulated("anon-first-touch", "V3"),
    );
    expect(sentence).toMatch(
      /^Both runs map the anonymous page; first difference: event \d+ of A\.$/,
    );
    expect(detail).toMatch(
      /^Step 5, gwrite D\+0 0x1111\. In it they go alike up to event \d+ of A\. /,
    );
    expect(partsAtStep).toBe(5);
  });

  test("a run equals itself in every row", () => {
    const run = simulated("anon-first-touch", "V3");
    const comparison = compareRuns(run, run);
    expect(comparison.rows.counts).toEqual([run.run.record.events, 0, 0, 0, 0]);
    expect(comparison.sentence).toBe(
      `The runs are equal: ${run.run.record.events} events, all tables, all counts.`,
    );
  });

  test("every event stands in one row, rising on both sides", () => {
    const [a, b] = [simulated("pfnmap-bar", "V0").run, simulated("dontneed-refault", "V3").run];
    const rows = alignRuns(a, b);
    const all = (count: number) => Array.from({ length: count }, (_, i) => i + 1);
    expect([...rows.a].filter((n) => n > 0)).toEqual(all(a.record.events));
    expect([...rows.b].filter((n) => n > 0)).toEqual(all(b.record.events));
  });

  test("other frame numbers are renamed, an inconsistent one differs", () => {
    const TEXT =
      "faultline: 1\nsetup: [back B anon 64k, slot 1 P B 64k, boot]\nsteps: [gread D+0]\n";
    const run = (pfns: readonly number[]) =>
      smallRun(TEXT, [
        {
          n: 3,
          does: (at) => pfns.forEach((pfn) => at.emit(EVENTS.pageMark, { pfn, mark: 0 })),
        },
      ]);
    const marks = (b: readonly number[]) =>
      [...alignRuns(run([1, 2, 1]), run(b)).mark].map((mark) => MARKS[mark]).join("");
    expect(marks([1, 2, 1])).toBe("====");
    expect(marks([7, 8, 7])).toBe("=≈≈≈");
    expect(marks([7, 8, 8])).toBe("=≈≈≠");
    expect(marks([7, 8])).toBe("=≈≈A");
  });

  test("tables: equal, same page in another frame, other rights, one side only", () => {
    const entry = (gfn: number, lo: number) => ({ level: 1, page: gfn, gfn, lo, hi: 0, event: 9 });
    const rows = compareEntries(
      [entry(1, 0x1e67), entry(2, 0x2e67), entry(3, 0x3e67), entry(4, 0x4e67)],
      [entry(1, 0x1e67), entry(2, 0x5e67), entry(3, 0x3e65)],
    );
    expect(rows.map((row) => `${row.mark} ${row.text}`)).toEqual([
      "= ",
      "≈ same page, other frame",
      "≠ writable only in A",
      "A only A has the entry, written at event 9",
    ]);
  });

  test("the mail text is ASCII of at most 72 columns", () => {
    const [a, b] = [simulated("lab-tail", "V0"), simulated("lab-tail", "V3")];
    const text = mailText(compareRuns(a, b), a.run, b.run);
    for (const line of text.split("\n")) expect(line).toMatch(/^[ -~]{0,72}$/);
    expect(text).toContain("Where they part, step 7:");
    expect(text).toMatch(/!= A +\d+ {2}lookupStep: resolve [\s\S]*?!= B/);
  });

  test("any two event lists are aligned without loss", () => {
    const TEXT =
      "faultline: 1\nsetup: [back B anon 64k, slot 1 P B 64k, boot]\nsteps: [gread D+0]\n";
    const list = fc.array(
      fc.tuple(fc.integer({ min: 0, max: 3 }), fc.integer({ min: 0, max: 1 })),
      { maxLength: 30 },
    );
    const run = (events: readonly (readonly number[])[]) =>
      smallRun(TEXT, [
        {
          n: 3,
          does: (at) =>
            events.forEach(([pfn = 0, mark = 0]) => at.emit(EVENTS.pageMark, { pfn, mark })),
        },
      ]);
    fc.assert(
      fc.property(list, list, (a, b) => {
        const rows = alignRuns(run(a), run(b));
        expect([...rows.a].filter((n) => n > 0)).toHaveLength(a.length + 1);
        expect([...rows.b].filter((n) => n > 0)).toHaveLength(b.length + 1);
        expect(rows.counts.reduce((sum, n) => sum + n, 0)).toBe(rows.mark.length);
      }),
      { numRuns: 60 },
    );
  });
});
