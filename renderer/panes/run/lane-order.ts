// Which lanes the timeline shows, in which order, and which of them share a row. Pure.
// Nothing is dropped but reference lanes of other pages: what has no room is scrolled to.
// From: the timeline's lanes of the user interface, and its table of window widths.
import type { Lane } from "#shared/contract/runs";

interface LaneWish {
  readonly page: string; // name of the page on show, or ""
  readonly isFolded: boolean; // little height: the most telling lanes first
}

/** Lanes of the CPUs, lookup, locks, SPTEs with TLB, and the count of one page. */
export function arrangeLanes(lanes: readonly Lane[], wish: LaneWish): Lane[] {
  const counts = lanes.filter((lane) => lane.kind === "reference");
  const count = counts.find((lane) => lane.key === `page ${wish.page}`) ?? counts[0];
  const shown = lanes.filter((lane) => lane.kind !== "reference" || lane === count);
  const folded = foldLanes(shown, wish.isFolded);
  if (!wish.isFolded) return folded;
  // The phases of a fault say more than the bar of the whole fault above them.
  const isLate = (lane: Lane): boolean =>
    lane.kind === "host" || (lane.kind === "vcpu" && !lane.key.startsWith("phase"));
  return [...folded.filter((lane) => !isLate(lane)), ...folded.filter(isLate)];
}

export function sumCounts(lanes: readonly Lane[]): Uint32Array<ArrayBuffer> {
  const sum = new Uint32Array(lanes[0]?.counts.length ?? 0);
  for (const lane of lanes) {
    lane.counts.forEach((count, bin) => {
      sum[bin] = (sum[bin] ?? 0) + count;
    });
  }
  return sum;
}

/** Marks of SPTEs and of the TLB share a lane; with little height, locks join them. */
function foldLanes(lanes: readonly Lane[], withLocks: boolean): Lane[] {
  const folded = joinLanes(lanes, "spte", "tlb");
  return withLocks ? joinLanes(folded, "lock", "spte") : folded;
}

function joinLanes(lanes: readonly Lane[], into: Lane["kind"], from: Lane["kind"]): Lane[] {
  const target = lanes.find((lane) => lane.kind === into);
  const joined = lanes.filter((lane) => lane.kind === from);
  if (target === undefined || joined.length === 0) return [...lanes];
  const all = [target, ...joined];
  const folded: Lane = {
    ...target,
    title: target.kind === "spte" ? target.title : `${target.title}, ${joined[0]?.title ?? ""}`,
    counts: sumCounts(all),
    blocks: all.flatMap((lane) => lane.blocks).sort((a, b) => a.from - b.from || b.to - a.to),
    marks: all.flatMap((lane) => lane.marks).sort((a, b) => a.at - b.at),
    cut: all.reduce((sum, lane) => sum + lane.cut, 0),
  };
  return lanes
    .filter((lane) => lane.kind !== from)
    .map((lane) => (lane === target ? folded : lane));
}
