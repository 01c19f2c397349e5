// Completion, hover and outline on texts with the cursor drawn as `|`.
// Promises that an editor gets answers while the text is not valid.
// From: the vocabulary table.
import { describe, expect, test } from "vitest";
import { complete } from "./complete.ts";
import { hover } from "./hover.ts";
import { definitionOf, outlineOf } from "./outline.ts";
import { parseScenario } from "./parse.ts";

const memory = "faultline: 1\nsetup:\n  - back B lab-tail 64k\n  - slot 1 P B 64k\n";

function labelsAt(drawn: string): string[] {
  const offset = drawn.indexOf("|");
  const text = drawn.slice(0, offset) + drawn.slice(offset + 1);
  return complete(text, offset).items.map((item) => item.label);
}
function hoverAt(drawn: string): string {
  const offset = drawn.indexOf("|");
  const text = drawn.slice(0, offset) + drawn.slice(offset + 1);
  const found = hover(text, offset, parseScenario(text).draft);
  return found ? [found.title, ...found.lines].join("; ") : "";
}

describe("complete", () => {
  test("keys that are not there yet, at the start of a line", () => {
    expect(labelsAt(`${memory}|`)).toContain("steps");
    expect(labelsAt(`${memory}st|`)).not.toContain("setup");
  });

  test("verbs of the section", () => {
    expect(labelsAt(`${memory}steps:\n  - gr|`)).toEqual(expect.arrayContaining(["gread", "v1"]));
    expect(labelsAt(`${memory}  - |`)).toEqual(["back", "slot", "track", "boot"]);
  });

  test("arguments by their type", () => {
    expect(labelsAt(`${memory}  - back C lab-|`)).toContain("lab-tail");
    expect(labelsAt(`${memory}steps:\n  - hread |`)).toEqual(["B", "S"]);
    expect(labelsAt(`${memory}steps:\n  - v1 gread D |`)).toEqual(["w1", "w2", "w4", "user"]);
    expect(labelsAt(`${memory}steps:\n  - madvise B 1p |`)).toContain("dontneed");
  });

  test("names of arguments and their words in map form", () => {
    expect(labelsAt(`${memory}  - {back: C, |`)).toEqual(["kind", "size"]);
    expect(labelsAt(`${memory}  - {back: C, kind: |`)).toContain("anon");
  });

  test("switches, conditions, outcomes", () => {
    expect(labelsAt(`${memory}switches: [|`)).toContain("no_retry");
    expect(labelsAt(`${memory}expect:\n  - under |`)).toEqual(
      expect.arrayContaining(["V3", "npt0"]),
    );
    expect(labelsAt(`${memory}expect:\n  - step 1: |`)).toContain("ERRNO");
  });

  test("the stretch to replace is the word under the cursor", () => {
    const text = `${memory}steps:\n  - gre`;
    expect(complete(text, text.length)).toMatchObject({ from: text.length - 3, to: text.length });
  });
});

describe("hover", () => {
  test("a verb tells its usage and what the machine does", () => {
    expect(hoverAt(`${memory}steps:\n  - gr|ead D`)).toMatch(/^gread GVA .*KVM_RUN/);
  });
  test("a sum tells its address and backing", () => {
    expect(hoverAt(`${memory}steps:\n  - hread B+|1p`)).toMatch(
      /0x7e00_0000_1000, in backing B \(lab-tail\)/,
    );
  });
  test("kinds, keys and switches are explained", () => {
    expect(hoverAt("faultline: 1\nsetup:\n  - back B lab-|tail 64k\n")).toMatch(/count 0/);
    expect(hoverAt("fault|line: 1\n")).toMatch(/^faultline/);
    expect(hoverAt(`${memory}switches: [no_re|try]\n`)).toMatch(/^no_retry/);
  });
  test("nothing is said of nothing", () => {
    expect(hoverAt(`${memory}\n|\n`)).toBe("");
  });
});

describe("outline", () => {
  test("slots with memory and pages, steps with lines, also of a draft with an error", () => {
    const { plan, draft } = parseScenario(
      `${memory}  - track b B+1p\nsteps:\n  - graed D\n  - boot\n`,
    );
    expect(plan).toBeNull();
    if (!draft) throw new Error("no draft");
    const { slots, steps } = outlineOf(draft);
    expect(slots).toMatchObject([
      {
        id: 1,
        gpa: 0x10000000,
        backing: { name: "B" },
        pages: [{ name: "b", gpa: 0x10001000 }],
        line: 4,
      },
    ]);
    expect(steps.map((step) => [step.n, step.line])).toEqual([
      [0, 3],
      [1, 4],
      [2, 5],
      [4, 8],
    ]);
    expect(definitionOf(draft, "B+1p")).toMatchObject({ line: 3, column: 10 });
  });
});
