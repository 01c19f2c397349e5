// What must hold of the rules of the Run screen: what is looked at, what is said of it, where a
// key leads. Every rule is asked with plain values; no test needs a window.
// From: the run workspace of the user interface.
import { expect, test } from "vitest";
import type { EventRow, Lane, RunDetail, StepRow } from "#shared/contract/runs";
import type { LedgerRow, PageFacts } from "#shared/contract/state";
import { readSelection } from "../../app/selection.ts";
import { parseAddress } from "../../app/address.ts";
import { type FlameTree, indexFlame } from "../../widgets/flame-tree.ts";
import { callRows, firstOpen } from "./calls-rows.ts";
import { baseText, bitOf } from "./decoder.ts";
import { firstRowAt } from "./event-search.ts";
import { eventRowName, nameRoom, shortEventName } from "./event-text.ts";
import { arrangeLanes, sumCounts } from "./lane-order.ts";
import { ledgerLines } from "./ledger.ts";
import { nextFinding } from "./next-finding.ts";
import { mappedText, orderText, pageBar, vmaText } from "./page-bar.ts";
import { touchQuery } from "./touch-query.ts";
import { layoutRun, paneOf } from "./run-layout.ts";
import { eventOf, handleOf } from "./run-model.ts";
import { functionNote } from "./run-profile.ts";
import { stepPlace } from "./run-timeline.ts";
import { foldChain, type WhyLink } from "./why-chain.ts";

const chosen = (text: string) => readSelection(parseAddress(text));
const row = (part: Partial<EventRow>): EventRow => ({
  n: 1,
  tick: 1,
  step: 0,
  thread: 0,
  t: 0,
  kind: "S",
  name: "kvm_mmu_set_spte",
  detail: "",
  delta: null,
  fn: "make_spte",
  tracepoint: true,
  equal: "none",
  gfn: null,
  pfn: null,
  ...part,
});

test("the event on show is the chosen one, else the deciding one, else the last", () => {
  const run = { events: 214, decidingEvent: 18 } as RunDetail;
  expect(eventOf(run, chosen("run/7f2c?event=3"))).toBe(3);
  expect(eventOf(run, chosen("run/7f2c?event=9999"))).toBe(214);
  expect(eventOf(run, chosen("run/7f2c"))).toBe(18);
  expect(eventOf({ ...run, decidingEvent: 0 }, chosen("run/7f2c"))).toBe(214);
});

test("the page on show is the named one, else the chosen frame, else the event's", () => {
  expect(handleOf(chosen("run/7f?page=b&pfn=0x1"), row({ pfn: 2 }), null)).toBe("b");
  expect(handleOf(chosen("run/7f?pfn=0x6ee1"), row({ pfn: 2 }), null)).toBe("pfn:6ee1");
  expect(handleOf(chosen("run/7f"), row({ pfn: 0x6ee0 }), null)).toBe("pfn:6ee0");
  expect(handleOf(chosen("run/7f"), row({}), null)).toBeNull();
});

test("a step holds its events and says which one of how many", () => {
  const step = (n: number, firstEvent: number, eventCount: number) =>
    ({ n, firstEvent, eventCount }) as StepRow;
  const steps = [step(0, 0, 0), step(1, 1, 4), step(7, 5, 24)];
  expect(stepPlace(steps, 22)).toMatchObject({ step: { n: 7 }, at: 18 });
  expect(stepPlace(steps, 0)).toBeNull();
});

const lane = (kind: Lane["kind"], counts: number[], at: number[]): Lane => ({
  key: kind,
  title: kind,
  kind,
  counts: Uint32Array.from(counts),
  kinds: new Uint32Array(counts.length),
  blocks: [],
  marks: at.map((place) => ({ at: place, event: place, kind: "S" as const, label: "" })),
  line: null,
  cut: 1,
});

test("folding lanes keeps every mark, in order, and every count", () => {
  const lanes = [lane("lock", [1, 0], [3]), lane("spte", [0, 2], [1, 9]), lane("tlb", [1, 1], [4])];
  const wide = arrangeLanes(lanes, { page: "", isFolded: false });
  expect(wide.map((each) => each.kind)).toEqual(["lock", "spte"]);
  const [folded, ...rest] = arrangeLanes(lanes, { page: "", isFolded: true });
  expect(rest).toEqual([]);
  expect(folded?.marks.map((mark) => mark.at)).toEqual([1, 3, 4, 9]);
  expect([...(folded?.counts ?? [])]).toEqual([2, 3]);
  expect(folded?.cut).toBe(3);
  expect([...sumCounts([])]).toEqual([]);
});

test("one count is shown, of the page on show; in little room whole faults come last", () => {
  const keyed = (key: string, kind: Lane["kind"]) => ({ ...lane(kind, [], []), key });
  const lanes = [
    keyed("vcpu0", "vcpu"),
    keyed("phase0", "vcpu"),
    keyed("page a", "reference"),
    keyed("page b", "reference"),
  ];
  const keys = (page: string, isFolded: boolean) =>
    arrangeLanes(lanes, { page, isFolded }).map((each) => each.key);
  expect(keys("b", false)).toEqual(["vcpu0", "phase0", "page b"]);
  expect(keys("", false)).toEqual(["vcpu0", "phase0", "page a"]);
  expect(keys("a", true)).toEqual(["phase0", "page a", "vcpu0"]);
});

test("each width has every kind of view, and a view has one pane", () => {
  for (const [width, height] of [
    [1556, 940],
    [1236, 740],
    [980, 640],
    [600, 420],
  ] as const) {
    const layout = layoutRun(width, height);
    const views = layout.panes.flatMap((pane) => pane.tabs);
    expect(new Set(views).size).toBe(views.length);
    for (const view of ["timeline", "events", "tables", "page", "flame", "findings"] as const) {
      expect(paneOf(layout, view)).not.toBeNull();
    }
  }
});

test("an event by time is found in a run of any length, in few questions", async () => {
  const all = Array.from({ length: 5000 }, (_, n) => row({ n: n + 1, t: n * 10, tick: n }));
  let asked = 0;
  const client = {
    call: async (_: string, input: { from: number; count: number }) => {
      asked++;
      return { rows: all.slice(input.from, input.from + input.count), total: 5000, all: 5000 };
    },
  } as unknown as Parameters<typeof firstRowAt>[0];
  for (const value of [0, 5, 25_000, 49_989, 49_990]) {
    const found = await firstRowAt(client, { id: "x", key: "t", value });
    expect(found?.n).toBe(Math.ceil(value / 10) + 1);
  }
  expect((await firstRowAt(client, { id: "x", key: "t", value: 1e9 }))?.n).toBe(5000);
  expect(asked).toBeLessThan(6 * 12);
});

test("names are cut only at their common beginning, and never for those who hear them", () => {
  expect(shortEventName("kvm_tdp_mmu_spte_changed", nameRoom(452))).toBe("spte_changed");
  expect(shortEventName("kvm_page_fault", nameRoom(452))).toBe("kvm_page_fault");
  const whole = "kvm_tdp_mmu_spte_changed";
  expect(shortEventName(whole, nameRoom(1200))).toBe(whole);
  const spoken = eventRowName(row({ n: 4, name: "kvm_tdp_mmu_spte_changed", equal: "equal" }));
  expect(spoken).toContain("kvm_tdp_mmu_spte_changed");
  expect(spoken).toContain("equal to the real kernel");
  expect(eventRowName(row({ kind: "R", delta: -1 }))).toContain("reference change −1");
});

test("an unmatched get and an unmatched put say so; the row in force is marked", () => {
  const entry = (event: number, delta: number, isOpen: boolean): LedgerRow => ({
    event,
    step: 0,
    delta,
    count: 0,
    fn: "f",
    path: "",
    cause: "",
    pair: null,
    isOpen,
  });
  const lines = ledgerLines([entry(1, 1, true), entry(5, -1, true), entry(9, 1, false)], 6);
  expect(lines.map((line) => line.state)).toEqual(["open-get", "open-put", "plain"]);
  expect(lines.map((line) => line.note)).toEqual(["no put yet", "no get before", ""]);
  expect(lines.map((line) => line.isNow)).toEqual([false, true, false]);
});

const facts: PageFacts = {
  pfn: 0x6ee1,
  name: "b",
  kind: "PT",
  kindTitle: "Tail page, count 0",
  hasStruct: true,
  ref: 0,
  raw: 0,
  map: 0,
  order: 4,
  head: 0x6ee0,
  flags: [],
  mappedBy: [{ tree: "host", level: 1, index: 1, address: "1000", gfn: null, state: "W" }],
  vma: "",
};

test("a page is told by its place in its block, its count and who maps it", () => {
  expect(orderText(facts)).toBe("4, tail 1, head 0x6ee0");
  expect(orderText({ ...facts, pfn: 0x6ee0 })).toBe("4, head");
  expect(orderText({ ...facts, order: 0, head: 0x6ee1 })).toBe("0");
  expect(mappedText(facts)).toBe("mapped by host only");
  expect(mappedText({ ...facts, mappedBy: [] })).toBe("not mapped");
  expect(pageBar(facts, 0x6ee1).right).toBe("count 0, mapped by host only");
  expect(pageBar({ ...facts, hasStruct: false }, 0x6ee1).detail).toContain("no struct page");
  expect(pageBar(null, null).isNone).toBe(true);
  expect(vmaText("hva 7e00, read, shared, VM_IO, VM_PFNMAP")).toBe("VM_IO, VM_PFNMAP");
  expect(vmaText("hva 7e00, read, write")).toBe("read, write");
});

test("copies in a cause chain fold, its ends never", () => {
  const link = (old: string, now: string, isInput = false): WhyLink => ({
    event: 1,
    tick: 1,
    step: 0,
    thread: "v0",
    fn: "f",
    sentence: "",
    old,
    new: now,
    isInput,
  });
  const chain = [link("0", "1"), link("1", "1"), link("1", "1"), link("1", "1", true)];
  expect(foldChain(chain, false).map((node) => node.kind)).toEqual(["write", "fold", "write"]);
  expect(foldChain(chain, true)).toHaveLength(4);
  expect(foldChain([link("0", "1"), link("1", "1"), link("0", "1")], false)).toHaveLength(3);
});

test("findings are visited in the order of events", () => {
  const findings = [{ event: 30 }, { event: null }, { event: 12 }, { event: 18 }];
  expect(nextFinding(findings, 12, 1)).toBe(18);
  expect(nextFinding(findings, 12, -1)).toBeNull();
  expect(nextFinding(findings, 99, -1)).toBe(30);
});

test("touches are found by pfn, else by gfn", () => {
  expect(touchQuery({ pfn: 0x6ee1, gfn: 1 })).toBe("pfn:0x6ee1");
  expect(touchQuery({ pfn: null, gfn: 0x10001 })).toBe("gfn:0x10001");
  expect(touchQuery({ pfn: null, gfn: null })).toBe("");
});

test("64-bit values keep every digit in each base", () => {
  expect(baseText("80000000065d1227", "decimal")).toBe("9223372036961538599");
  expect(baseText("27", "binary")).toBe("0b10_0111");
  expect(bitOf({ from: 51, to: 12 })).toBe("51:12");
  expect(bitOf({ from: 63, to: 63 })).toBe("63");
});

test("calls unfold one level at a time, in the order they were made", () => {
  const tree: FlameTree = {
    parent: Int32Array.of(-1, 0, 1, 0),
    fn: Int32Array.of(0, 1, 2, 1),
    total: Float64Array.of(10, 6, 3, 4),
    self: Float64Array.of(0, 3, 3, 4),
    count: Int32Array.of(1, 1, 1, 1),
    start: Float64Array.of(0, 0, 1, 6),
    functions: ["run", "fault", "lookup"],
    families: ["", "", ""],
    files: ["", "", ""],
  };
  const index = indexFlame(tree);
  expect(callRows(tree, index, new Set()).map((each) => each.row)).toEqual([1, 3]);
  const rows = callRows(tree, index, new Set([1]));
  expect(rows.map((each) => each.row)).toEqual([1, 2, 3]);
  expect(rows.map((each) => each.depth)).toEqual([0, 1, 0]);
  expect(firstOpen(tree, index, 2)).toEqual(new Set([1, 3]));
});

test("a function says its file and whether real traces pass through it", () => {
  const note = (name: string, file: string): string => {
    const column = Float64Array.of(1);
    const tree = {
      parent: Int32Array.of(-1),
      fn: Int32Array.of(0),
      total: column,
      self: column,
      count: Int32Array.of(1),
      start: column,
      functions: [name],
      families: ["mmu"],
      files: [file],
      merged: true,
    };
    return functionNote({ tree, unit: "calls", isEstimate: false, note: "" }, 0);
  };
  const file = "arch/x86/kvm/mmu/tdp_mmu.c";
  expect(note("kvm_tdp_mmu_map", file)).toMatch(
    /^arch.x86.kvm.mmu.tdp_mmu\.c, witnessed by \d+ real traces$/,
  );
  expect(note("madvise_willneed", "mm/madvise.c")).toBe("mm/madvise.c, modelled, not witnessed");
  expect(note("planSteps", "")).toBe("");
});
