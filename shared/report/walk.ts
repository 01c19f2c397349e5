// One step's page tables: guest, TDP or shadow, and host side by side, the walk marked, the page
// below. Owns nothing; a level without a table says so, a walk that ends says where.
// From: the interface's page table view, without its interaction.
import { groupedHex, hexOf } from "#shared/units/hex";
import { stateBadge } from "./glyphs.ts";
import { html, NOTHING, type Html } from "./html.ts";
import type { ReportLevel, ReportWalk } from "./input.ts";

const SLOTS = 512;
/** Indexes of the contract's entry states by the colour of their strip. */
const STRIP_CLASSES = [
  "",
  "table",
  "writable",
  "readonly",
  "readonly",
  "readonly",
  "mmio",
  "frozen",
];
const STRIP_FILL: Readonly<Record<string, string>> = {
  table: "var(--ti)",
  writable: "var(--w)",
  readonly: "var(--ri)",
  mmio: "var(--mi)",
  frozen: "var(--zi)",
};

/** Runs of equal states; a table of 512 slots rarely has more than a handful. */
function stripMarkup(strip: Uint8Array, index: number): Html {
  const runs: Html[] = [];
  for (let from = 0; from < strip.length;) {
    const state = STRIP_CLASSES[strip[from] ?? 0] ?? "";
    let to = from + 1;
    while (to < strip.length && (STRIP_CLASSES[strip[to] ?? 0] ?? "") === state) to++;
    if (state !== "") runs.push(slots(from, to - from, STRIP_FILL[state] ?? ""));
    from = to;
  }
  const tick = slots(Math.max(0, index - 1), 3, "var(--accent)");
  return html`<svg class="strip" viewBox="0 0 ${SLOTS} 6" preserveAspectRatio="none"
 aria-hidden="true">${runs}${tick}</svg>`;
}

const slots = (x: number, width: number, fill: string): Html =>
  html`<rect x="${x}" width="${width}" height="6" fill="${fill}"/>`;

function levelMarkup(level: ReportLevel, hasShadow: boolean): Html {
  const leaf = level.entries.length === 1 ? "" : " leaf";
  const table = level.table === null ? "no table" : groupedHex(level.table);
  const strip = level.strip.length === 0 ? NOTHING : stripMarkup(level.strip, level.index);
  // All trees get the row of the shadow pages: their levels stay side by side.
  const about = hasShadow ? html`<i class="mono">${level.about}</i>` : NOTHING;
  const note = level.note === "" ? NOTHING : html`<em>${level.note}</em>`;
  const entries = level.entries.map((entry) => entryMarkup(entry, entry.index === level.index));
  return html`<div class="lv${leaf}">
<p><b>${level.name}</b><span class="mono">${table}</span></p>
${about}${strip}${entries}${note}</div>`;
}

function entryMarkup(entry: ReportLevel["entries"][number], isWalked: boolean): Html {
  return html`<div class="en${isWalked ? " walk" : ""}">
<span class="mono t3">[${hexOf(entry.index).padStart(3, "0")}]</span>
<span class="mono" title="${entry.text}">${entry.text}</span>
${stateBadge(entry.state, entry.changed)}</div>`;
}

export function walkMarkup(walk: ReportWalk): Html {
  const hasShadow = walk.trees.some((tree) => tree.key === "shadow");
  const trees = walk.trees.map(
    (tree) => html`<div class="tree">
<h4 title="${tree.maps}">${tree.title}<span class="mono">${tree.address}</span></h4>
${tree.levels.map((level) => levelMarkup(level, hasShadow))}</div>`,
  );
  const ends = walk.ends === null ? NOTHING : html`<p class="ends">${walk.ends.sentence}</p>`;
  const beside = hasShadow ? shadowMarkup(walk) : NOTHING;
  const figure = html`<div class="trees${hasShadow ? " shadow" : ""}">${trees}</div>`;
  return html`${figure}${beside}${ends}${pageMarkup(walk)}`;
}

/** What no head of the three trees says: the gpa, and where the two walks of the gva part. */
function shadowMarkup({ gpa, slot, remark }: ReportWalk): Html {
  const place = slot === "" ? "no slot" : slot;
  const lead =
    gpa === null
      ? NOTHING
      : html`<p class="t2">The guest's tables lead to gpa
<span class="mono">${groupedHex(gpa)}</span>, ${place}.</p>`;
  return html`${lead}${remark === "" ? NOTHING : html`<p class="t2">${remark}</p>`}`;
}

function pageMarkup({ page }: ReportWalk): Html {
  if (page === null) return NOTHING;
  const count = page.hasStruct
    ? html`count <b>${page.ref}</b>`
    : "no struct page; nothing counts it";
  return html`<div class="page"><code>${page.kind}</code>
<code><b>pfn ${groupedHex(hexOf(page.pfn))}</b></code>
<span class="t2">${page.kindTitle}</span><span>${count}</span></div>`;
}
