// The tidy test: reads every source once and fails with "file:line: rule: what to do".
// The second half shows for each rule a case that must fail, and that the good form passes.
// Imports and unused code are the business of two other tools, not of this test.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { departuresPage } from "./departures.ts";
import { inProject } from "./project.mjs";
import { fixturesUnread, roomsWithoutReadme } from "./tidy-rooms.ts";
import * as sizes from "./tidy-sizes.ts";
import { makeSource, type Rule, type Source } from "./tidy-source.ts";
import * as words from "./tidy-words.ts";

const RULES: Record<string, Rule> = { ...sizes, ...words };
const READ = /\.(ts|mjs|cjs|vue|css|html|md|json|ya?ml)$/;

function listed(folder: string): string[] {
  if (!existsSync(inProject(folder))) return [];
  return readdirSync(inProject(folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => `${entry.parentPath}/${entry.name}`.slice(inProject("").length))
    .map((path) => path.replaceAll("\\", "/").replace(/^\//, ""))
    .sort();
}

function readSources(): Source[] {
  const folders = ["electron", "renderer", "shared", ".ci"].flatMap(listed);
  const top = readdirSync(inProject("")).filter((name) => name !== "package-lock.json");
  return [...folders, ...top]
    .filter((path) => READ.test(path))
    .map((path) => makeSource(path, readFileSync(inProject(path), "utf8")));
}

let read: Source[] | undefined;
/** Read and parsed once for all tests of this file. */
const sources = (): Source[] => (read ??= readSources());

const complaints = (source: Source, names = Object.keys(RULES)): string[] =>
  names.flatMap((name) =>
    (RULES[name]?.(source) ?? []).map(
      ({ line, text }) => `${source.path}:${line}: ${name}: ${text}`,
    ),
  );

test("every source is tidy", () => {
  expect(sources().flatMap((source) => complaints(source))).toEqual([]);
});

test("every room has a README of at least 5 lines", () => {
  expect(roomsWithoutReadme(inProject(""))).toEqual([]);
});

test("every fixture is read by something", () => {
  const readers = sources().filter(({ path }) => /\.(ts|mjs)$/.test(path));
  expect(
    fixturesUnread(
      inProject("fixtures"),
      readers.map(({ text }) => text),
    ),
  ).toEqual([]);
});

test("the page of departures from the kernel is up to date", async () => {
  const page = departuresPage(sources());
  await expect(page).toMatchFileSnapshot(inProject("shared", "model", "DEPARTURES.md"));
});

test("a departure is the whole comment, and code that says MODEL is none", () => {
  const text =
    "const a = 1; // MODEL: one TLB\n// a vCPU.\nx;\n/** MODEL: two. */\ny('MODEL: z');\n";
  const page = departuresPage([makeSource("shared/model/a.ts", text)]);
  expect(page.split("\n").slice(4, -1)).toEqual([
    "- `shared/model/a.ts`: one TLB a vCPU.",
    "- `shared/model/a.ts`: two.",
  ]);
});

const HEAD = "// What it is.\n// What it promises.\n// Where it comes from.\n";
const lines = (count: number, line: string) => `${line}\n`.repeat(count);
const deep = (depth: number) => `${"if (a) { ".repeat(depth)}b();${" }".repeat(depth)}\n`;

const CASES: [rule: string, path: string, bad: string, good: string][] = [
  ["fileSize", "shared/units/a.ts", lines(601, "x;"), lines(600, "x;")],
  ["fileSize", "shared/units/a.test.ts", lines(701, "x;"), lines(700, "x;")],
  ["fileSize", "renderer/widgets/A.vue", lines(351, "<p />"), lines(350, "<p />")],
  [
    "scriptSize",
    "renderer/widgets/A.vue",
    `<script>\n${lines(181, "x;")}</script>\n`,
    `<script>\n${lines(180, "x;")}</script>\n`,
  ],
  [
    "functionSize",
    "shared/units/a.ts",
    `function f() {\n${lines(69, "x;")}}\n`,
    `function f() {\n${lines(68, "x;")}}\n`,
  ],
  [
    "functionSize",
    "renderer/widgets/A.vue",
    `<script setup lang="ts">\nconst f = () => {\n${lines(69, "x;")}};\n</script>\n`,
    `<script setup lang="ts">\nconst f = () => {\n${lines(68, "x;")}};\n</script>\n`,
  ],
  [
    "functionSize",
    "shared/units/a.ts",
    `function f() {\n${lines(70, "g(() => {\nx;\n});")}}\n`,
    `function f() {\n${lines(59, "g(() => {\nx;\n});")}}\n`,
  ],
  ["parameterCount", "shared/units/a.ts", "(a, b, c, d, e, f) => a;", "(a, b, c, d, e) => a;"],
  [
    "parameterCount",
    "shared/model/a.ts",
    "(m, a, b, c, d, e, f) => a;",
    "(m, a, b, c, d, e) => a;",
  ],
  ["nesting", "shared/units/a.ts", deep(5), deep(4)],
  ["lineWidth", "shared/units/a.ts", "x".repeat(101), "x".repeat(100)],
  ["header", "shared/units/a.ts", `x;\n${HEAD}`, `${HEAD}x;\n`],
  ["header", "renderer/widgets/A.vue", "<template />\n", `<script>\n${HEAD}</script>\n`],
  ["header", "renderer/theme/a.css", "a {}\n/* One. */\n", "/* One.\n   Two.\n   Three. */\n"],
  ["bannedWords", "electron/a.ts", "console.log(1);", 'out.write("1");'],
  ["bannedWords", "electron/a.ts", "// FIXME: later", "// The lock is held."],
  ["bannedWords", "electron/a.ts", "  debugger;", '"debugger"'],
  ["bannedWords", "electron/a.ts", "x as any", "x as unknown"],
  ["bannedWords", "electron/a.ts", "// @ts-ignore", "// ts"],
  ["bannedWords", "electron/a.test.ts", "test.only(1)", "test(1)"],
  ["bannedWords", "renderer/panes/A.vue", '<p v-html="x" />', "<p>{{ x }}</p>"],
  ["bannedWords", "renderer/panes/A.vue", "color: red !important;", "color: var(--ink);"],
  ["bannedWords", "shared/engine/a.ts", "Math.random()", "random()"],
  ["bannedWords", "shared/engine/a.ts", "new Date()", "date()"],
  ["bannedWords", "shared/engine/a.ts", "performance.now()", "now()"],
  ["bannedWords", "renderer/panes/A.vue", "  color: #f44;", "  color: var(--red);"],
  ["bannedWords", "renderer/panes/a.css", "color: rgb(1 2 3);", "color: var(--red);"],
  ["bannedWords", "renderer/panes/a.css", "font-size: 12px;", "font-size: var(--size-2);"],
  ["bannedWords", "renderer/panes/a.css", "transition: all 300ms;", "transition: all var(--t);"],
  ["bannedWords", "README.md", "see /work/main", "see the folder work/main"],
  ["snakeCase", "shared/engine/a.ts", "const kvm_x = 1;", "const kvmX = 1;"],
  ["snakeCase", "electron/a.ts", "function f(pfn_to_page) {}", "f(pfn_to_page);"],
  ["snakeCase", "electron/a.ts", "interface A { a_b: 1 }", "const A = { a_b: 1 };"],
];

test.each(CASES)("%s in %s finds the bad form, not the good one", (rule, path, bad, good) => {
  const found = complaints(makeSource(path, bad), [rule]);
  expect(found).toHaveLength(1);
  expect(found[0]).toMatch(new RegExp(`^${path}:\\d+: ${rule}: .+`));
  expect(complaints(makeSource(path, good), [rule])).toEqual([]);
});

test("every rule has a case", () => {
  expect(new Set(CASES.map(([rule]) => rule))).toEqual(new Set(Object.keys(RULES)));
});

test("the model may use the kernel's names", () => {
  const source = makeSource("shared/model/kvm/mmu.ts", "const kvm_mmu_map = 1;");
  expect(complaints(source, ["snakeCase"])).toEqual([]);
});
