// The words of a page: what the bar below the trees and the inspector's facts say of it.
// Pure: facts in, sentences out. A pfn without a struct page says that nothing counts it.
// From: the page inspector's and page bar's rules of the user interface.
import type { PageFacts } from "#shared/contract/state";
import { hexNumber } from "../../widgets/format.ts";

export interface PageBarText {
  readonly code: string;
  readonly title: string;
  readonly detail: string;
  readonly right: string;
  readonly isNone: boolean;
}

const TREE_NAMES = { guest: "guest", tdp: "TDP", shadow: "shadow", host: "host" } as const;

/** "4, tail 1, head 0x6ee0" or "0". */
export function orderText(facts: PageFacts): string {
  if (facts.order === 0 && facts.head === facts.pfn) return "0";
  if (facts.head === facts.pfn) return `${facts.order}, head`;
  return `${facts.order}, tail ${facts.pfn - facts.head}, head ${hexNumber(facts.head)}`;
}

/** "mapped by TDP and host", "mapped by host only", "not mapped". */
export function mappedText(facts: PageFacts): string {
  const trees = [...new Set(facts.mappedBy.map((place) => TREE_NAMES[place.tree]))];
  if (trees.length === 0) return "not mapped";
  if (trees.length === 1) return `mapped by ${trees[0]} only`;
  return `mapped by ${trees.slice(0, -1).join(", ")} and ${trees.at(-1)}`;
}

/** The host's mapping in few words: its VM_ flags, or else its rights. */
export function vmaText(vma: string): string {
  const parts = vma.split(", ").filter((part) => !part.startsWith("hva "));
  const flags = parts.filter((part) => part.startsWith("VM_"));
  return (flags.length > 0 ? flags : parts).join(", ");
}

export function pageBar(facts: PageFacts | null, frame: number | null): PageBarText {
  if (facts === null) {
    const title = frame === null ? "no page" : `pfn ${hexNumber(frame)}`;
    const detail = frame === null ? "the walk names no page frame" : "";
    return { code: "", title, detail, right: "", isNone: true };
  }
  const title = `pfn ${hexNumber(facts.pfn)}`;
  if (!facts.hasStruct) {
    const right = mappedText(facts);
    const detail = "no struct page; nothing counts it";
    return { code: facts.kind, title, detail, right, isNone: false };
  }
  const right = `count ${facts.ref}, ${mappedText(facts)}`;
  return { code: facts.kind, title, detail: placeText(facts), right, isNone: false };
}

function placeText(facts: PageFacts): string {
  const named = facts.name === "" ? "" : `${facts.name}, `;
  const tail = facts.pfn - facts.head;
  if (tail !== 0) return `${named}tail ${tail} of order ${facts.order}`;
  if (facts.order > 0) return `${named}head of order ${facts.order}`;
  return `${named}${facts.kindTitle || "single page"}`;
}
