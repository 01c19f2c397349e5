// The report: self-contained, escaped whatever it is
// fed, bounded in size, with its policy naming its own
// script.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import fc from "fast-check";
import { RECORD_FULL } from "#shared/engine/machine";
import { LINUX_6_12 } from "#shared/model/kernels/linux-6.12";
import { LINUX_7_2 } from "#shared/model/kernels/linux-7.2";
import { V0_LEGACY } from "#shared/model/lookup/v0-legacy";
import { V3_MERGED } from "#shared/model/lookup/v3-merged";
import { Simulator } from "#shared/model/simulate";
import { checkRules } from "#shared/rules/check";
import { planOf } from "../../fixtures/runs/small-run.ts";
import { assembleReport } from "./assemble.ts";
import { escapeText, html } from "./html.ts";
import { MOST_BYTES, SECTIONS, type ReportInput, type ReportTables } from "./input.ts";
import { byteLength, makeReportHtml } from "./report.ts";
import { SCRIPT } from "./script.ts";
import { base64, scriptHash, sha256 } from "./sha256.ts";
import { makeReportText } from "./text.ts";

const FILE = readFileSync("fixtures/scenarios/lab-tail.yaml", "utf8");
const simulator = new Simulator();

function reported(lookup: "V0" | "V3", id: string) {
  const plan = planOf(FILE);
  const axes =
    lookup === "V0"
      ? { kernel: LINUX_6_12, lookup: V0_LEGACY }
      : { kernel: LINUX_7_2, lookup: V3_MERGED };
  const run = simulator.simulate({ plan, ...axes, schedule: "", record: RECORD_FULL });
  return { run, rules: checkRules(run, null), id, equal: "" };
}

const strip = Uint8Array.from({ length: 512 }, (_, i) => (i < 16 ? 2 : 0));
const level = (
  name: string,
  entries: ReportTables["steps"][number]["walk"]["trees"][number]["levels"][number]["entries"],
) => ({ level: 1, name, table: "8632000", about: "", index: 1, strip, entries, note: "" });
const walk: ReportTables["steps"][number]["walk"] = {
  trees: ["Guest", "TDP", "Host"].map((title) => ({
    key: title,
    title,
    maps: "gpa to hpa",
    address: "gpa 0x1000_1000",
    levels: [
      ...["L4", "L3", "L2"].map((name) =>
        level(name, [{ index: 1, text: "0x863_2827", state: "T", changed: false }]),
      ),
      level(
        "L1",
        [0, 1, 2, 3, 4].map((index) => ({
          index,
          text: index < 2 ? `0x6ee_${index}e67` : "not present",
          state: index < 2 ? "W" : ".",
          changed: index === 1,
        })),
      ),
    ],
  })),
  gpa: "10001000",
  slot: "slot 1",
  ends: null,
  remark: "",
  page: { pfn: 0x6ee1, kind: "PT", kindTitle: "Tail page, count 0", ref: 0, hasStruct: true },
};
const tables: ReportTables = {
  letter: "B",
  title: "Page tables in V3",
  shown: 7,
  address: "run/7f2c91?event=218",
  captions: [{ head: "Three tables, one page.", text: "The guest table gives gpa 0x1000_1000." }],
  steps: [5, 7, 9].map((n) => ({ n, line: "gread D+1p", walk })),
};

const labTail = (): ReportInput =>
  assembleReport({
    title: "Tail page with reference count 0",
    note: "",
    sections: SECTIONS,
    engine: "1",
    tables: [tables],
    real: [],
    scenario: { name: "lab-tail.yaml", digest: "91c207ae", text: FILE },
    provenance: [],
    runs: [reported("V0", "7f2c8e0000000000"), reported("V3", "7f2c910000000000")],
  });
const input = labTail();

/** Tags with their attribute names, in order: what a hostile text could change. */
function skeleton(document: string): string {
  const scriptless = document.replace(SCRIPT, "");
  return [...scriptless.matchAll(/<(\/?[a-z0-9!-]+)([^>]*)>/g)]
    .map(
      ([, tag, rest = ""]) =>
        `${tag}(${[...rest.matchAll(/([a-zA-Z-]+)="[^"]*"/g)].map(([, name]) => name).join(",")})`,
    )
    .join(" ");
}

/** The same report with one text in every place that takes one. */
const filledWith = (text: string): ReportInput => ({
  ...input,
  title: text,
  about: text,
  note: text,
  scenario: { name: text, digest: text, text },
  runs: input.runs.map((run) => ({
    ...run,
    sentence: text,
    because: text,
    lookupTitle: text,
    kernel: text,
    equal: text,
    steps: run.steps.map((step) => ({ ...step, line: text, result: text })),
    findings: [{ rule: text, sentence: text, evidence: text }],
  })),
  tables: [
    {
      ...tables,
      title: text,
      address: text,
      captions: [{ head: text, text }],
      steps: [
        {
          n: 7,
          line: text,
          walk: {
            ...walk,
            slot: text,
            ends: { sentence: text },
            remark: text,
            trees: walk.trees.map((tree) => ({
              ...tree,
              key: "shadow",
              title: text,
              maps: text,
              address: text,
              levels: tree.levels.map((one) => ({
                ...one,
                name: text,
                about: text,
                note: text,
                entries: one.entries.map((entry) => ({ ...entry, text })),
              })),
            })),
          },
        },
      ],
    },
  ],
  commands: [text],
  provenance: [{ label: text, value: text }],
  schedules: [{ letter: text, text }],
  real: [{ title: text, text }],
});

describe("escaping", () => {
  const plain = skeleton(makeReportHtml(filledWith("x")).content);

  test.each([
    "</script><script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onload='x",
    '" onload="x',
    "<!--",
    "]]>",
    "&lt;b&gt;",
    "</style><style>*{}",
    "`${1}`",
    "\u0000\ud800",
    "</title>",
  ])("%j stays text everywhere", (text) => {
    const document = makeReportHtml(filledWith(text)).content;
    expect(skeleton(document)).toBe(plain);
    expect(document.split("<script>")).toHaveLength(2);
  });

  test("any text stays text", () => {
    const nasty = fc.string({
      unit: fc.constantFrom("<", ">", '"', "'", "&", "/", "script", "!", "-", "=", "a", " ", "`"),
    });
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string({ minLength: 1 }),
          nasty.filter((s) => s !== ""),
        ),
        (text) => {
          const document = makeReportHtml(filledWith(text.slice(0, 40))).content;
          expect(skeleton(document)).toBe(plain);
        },
      ),
      { numRuns: 60 },
    );
  });

  test("the template escapes values and keeps markup", () => {
    expect(html`<b title="${'"'}">${html`<i>${"<"}</i>`}${[1, null, "&"]}</b>`.text).toBe(
      '<b title="&quot;"><i>&lt;</i>1&amp;</b>',
    );
    expect(escapeText("a\u0007b")).toBe("a\ufffdb");
  });
});

describe("shadow tables", () => {
  const withTree = (key: string, remark: string) => {
    const trees = walk.trees.map((tree, at) =>
      at === 1
        ? {
            ...tree,
            key,
            levels: tree.levels.map((one) => ({ ...one, about: "gfn 0x8, wux, unsync" })),
          }
        : tree,
    );
    const steps = tables.steps.map((step) => ({ ...step, walk: { ...walk, trees, remark } }));
    return makeReportHtml({ ...input, tables: [{ ...tables, steps }] }).content;
  };

  test("each table says what it stands for, and the gpa and what parts the walks are told", () => {
    const content = withTree("shadow", "The guest's tables lead to no page.");
    expect(content).toContain("gfn 0x8, wux, unsync");
    expect(content.replaceAll(/<[^>]+>|\s+/g, " ")).toMatch(/lead to gpa +0x1000_1000 *, slot 1\./);
    expect(content).toContain("The guest&#39;s tables lead to no page.");
  });

  test("TDP tables have no such rows", () => {
    const content = withTree("tdp", "");
    expect(content).not.toContain("wux, unsync");
    expect(content).not.toContain("lead to gpa");
  });
});

describe("document", () => {
  const { content, bytes, cut } = makeReportHtml(input);

  test("it reaches for nothing outside and allows its own script alone", () => {
    expect(content).not.toMatch(/https?:|\/\/[a-z]|@import|url\(|src=/);
    for (const [, target] of content.matchAll(/href="([^"]*)"/g)) expect(target).toMatch(/^#/);
    const script = /<script>([\s\S]*)<\/script>/.exec(content)?.[1] ?? "";
    const hash = createHash("sha256").update(script).digest("base64");
    expect(content).toContain(`script-src &#39;sha256-${hash}&#39;`);
  });

  test("every asked section is there, in order, with its number", () => {
    const heads = [...content.matchAll(/<h2><i>(\d+)<\/i><a href="#[^"]*">([^<]*)</g)].map(
      ([, n, title]) => `${n} ${title}`,
    );
    expect(heads).toEqual([
      "1 Verdicts",
      "2 Where the runs part",
      "3 Page tables in V3",
      "4 Reference ledger",
      "5 Profile",
      "6 Scenario",
      "7 Reproduce",
      "8 Provenance",
    ]);
    const few = makeReportHtml({ ...input, sections: ["scenario"] }).content;
    expect(few).not.toContain("Where the runs part");
  });

  test("sentences of both runs are there; the size is small and exact", () => {
    expect(content).toContain("V0 refuses the tail page with EFAULT.");
    expect(content).toContain("V3 maps the tail page and takes no reference.");
    expect(bytes).toBe(Buffer.byteLength(content));
    expect(byteLength("aä→😀")).toBe(Buffer.byteLength("aä→😀"));
    expect(bytes).toBeLessThan(300_000);
    expect(cut).toBe("");
  });

  test("10,000 rows stay below 1 MB and say what is missing", () => {
    const row = input.differences?.rows[0];
    if (input.differences === null || row === undefined) throw new Error("the runs differ");
    const rows = Array.from({ length: 10_000 }, () => row);
    const big = makeReportHtml({
      ...input,
      differences: { ...input.differences, rows, total: 10_000, first: 5_000 },
    });
    expect(big.bytes).toBeLessThan(MOST_BYTES);
    expect(big.content).toContain("1,001 of 10,000 rows are shown.");
    expect(big.cut).toContain("10,000 rows exceed 1 MB");
  });

  test("the same input gives the same bytes", () => {
    expect(makeReportHtml(labTail()).content).toBe(content);
  });
});

test("SHA-256 equals the reference for any ASCII text", () => {
  expect(base64(sha256(""))).toBe("47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=");
  fc.assert(
    fc.property(
      fc.string({
        unit: fc.integer({ min: 0, max: 127 }).map((c) => String.fromCharCode(c)),
        maxLength: 200,
      }),
      (text) => {
        expect(scriptHash(text)).toBe(
          `sha256-${createHash("sha256").update(text).digest("base64")}`,
        );
      },
    ),
  );
});

describe("text", () => {
  test("72 columns of ASCII with the same sentences", () => {
    const text = makeReportText(input);
    for (const line of text.split("\n")) expect(line).toMatch(/^[ -~]*$/);
    const own = text.slice(0, text.indexOf("Scenario:"));
    for (const line of own.split("\n")) expect(line.length).toBeLessThanOrEqual(72);
    expect(text).toContain("A  V0 refuses the tail page with EFAULT.");
    expect(text).toContain("Reproduce:");
  });
});
