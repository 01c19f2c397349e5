// Every pair of tokens that is used for text has a contrast of at least 4.5:1, for shapes 3:1.
// Computed from the very file that the app uses, in both themes, by the WCAG formula.
// From: WCAG 2.2, success criteria 1.4.3 and 1.4.11.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

type Theme = "dark" | "light";
const CSS = readFileSync(join(import.meta.dirname, "tokens.css"), "utf8");

/** Tokens of the first block that a selector opens; references are followed. */
function tokensOf(theme: Theme): (name: string) => string {
  const start = CSS.indexOf(
    theme === "dark" ? ':root, [data-theme="dark"] {' : '[data-theme="light"] {',
  );
  const block = CSS.slice(start, CSS.indexOf("\n}", start));
  const values = new Map(
    [...block.matchAll(/--([a-z0-9-]+):\s*([^;]+);/g)].map((match) => [match[1], match[2]?.trim()]),
  );
  return (name) => {
    let value = values.get(name) ?? "";
    for (let i = 0; i < 4 && value.startsWith("var(--"); i++)
      value = values.get(value.slice(6, -1)) ?? "";
    if (!/^#[0-9a-f]{6}$/.test(value))
      throw new Error(`${theme}: --${name} is no colour: ${value}`);
    return value;
  };
}

function luminance(hex: string): number {
  const [r = 0, g = 0, b = 0] = [1, 3, 5].map((at) => {
    const share = Number.parseInt(hex.slice(at, at + 2), 16) / 255;
    return share <= 0.03928 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function contrast(a: string, b: string): number {
  const [low = 0, high = 0] = [luminance(a), luminance(b)].toSorted((x, y) => x - y);
  return (high + 0.05) / (low + 0.05);
}

const VERDICTS = "maps refuses leaks underflows wrong stale differs crashes fails emulates unknown";
const FAMILIES = "anon file shmem pfnmap mixed none";
const EVENTS = "guest fault lookup ref-get ref-put spte zap tlb notifier lock memslot exit error";
const STATES = "writable readonly table huge mmio frozen nonpresent stale";
const FLAMES = "f-mmu f-tdp f-kvm f-gup f-lock f-arch d-less-3 d-less-1 d-same d-more-1 d-more-3";
const SURFACES = ["bg-pane", "bg-bar", "bg-hover", "bg-selected"];
const named = (prefix: string, names: string) => names.split(" ").map((name) => prefix + name);

const onSurfaces = [
  "text",
  "text-2",
  "text-3",
  "accent",
  "accent-strong",
  ...named("v-", VERDICTS),
  ...named("k-", FAMILIES),
  ...named("e-", EVENTS),
  ...named("r-", "a b c d"),
].flatMap((ink) => SURFACES.map((ground) => [ink, ground] as const));
const own = [
  ...named("s-", STATES).map((state) => [`${state}-ink`, state] as const),
  ...FLAMES.split(" ").map((fill) => ["f-ink", fill] as const),
  ["f-dim-ink", "f-dim"] as const,
  ["text-on-accent-fill", "accent-fill"] as const,
];
const shapes = [
  ["line-control", "bg-pane"],
  ["focus", "bg-pane"],
  ["focus", "bg-selected"],
  ["focus", "bg-app"],
  ["s-changed", "bg-pane"],
] as const;

test.each(["dark", "light"] as const)("text stands out in the %s theme", (theme) => {
  const token = tokensOf(theme);
  const weak = [...onSurfaces, ...own].filter(
    ([ink, ground]) => contrast(token(ink), token(ground)) < 4.5,
  );
  expect(weak).toEqual([]);
});

test.each(["dark", "light"] as const)("shapes stand out in the %s theme", (theme) => {
  const token = tokensOf(theme);
  expect(shapes.filter(([ink, ground]) => contrast(token(ink), token(ground)) < 3)).toEqual([]);
});

test("the formula is the known one", () => {
  expect(contrast("#000000", "#ffffff")).toBeCloseTo(21, 5);
  expect(contrast("#777777", "#ffffff")).toBeCloseTo(4.48, 2);
});
