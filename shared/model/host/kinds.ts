// Kinds of host memory: what mapping one does, what its fault handler does, which vma flags it has.
// One row a kind; a kind not listed here is not simulated, and a plan that names it is refused
// before it runs.
// From: the lab's agent (map_kind) and module (lab.c); mm/memory.c (remap_pfn_range);
// Documentation/mm.
import type { BackingKind } from "#shared/scenario/vocabulary";
import { BAR_PFN } from "../state/layout.ts";
import type { Kvm } from "../state/machine.ts";
import * as vm from "../state/host.ts";

/** How an absent entry of a mapping is filled. */
export const Fill = {
  /** do_anonymous_page(): a new page, or the zero page for a read. */
  anonymous: 0,
  /** No handler: the access gets SIGBUS. */
  none: 1,
} as const;

export interface MemoryKind {
  readonly kind: BackingKind;
  /** Two letters and a title for badges. */
  readonly code: string;
  readonly title: string;
  readonly vm_flags: number;
  readonly fill: number;
  /** What mmap itself does with the range: nothing, touch every page, or map a driver's frames. */
  readonly onMap: "nothing" | "write" | "read" | "unmap" | "frames";
  /** First frame of a driver's memory, for onMap "frames". */
  readonly frames: (m: Kvm) => number;
  /** Most bytes that can be mapped; more fails. */
  readonly maxSize: number;
}

const RW = vm.VM_READ | vm.VM_WRITE;
/** remap_pfn_range() sets these on a driver's shared mapping. */
const REMAPPED = RW | vm.VM_SHARED | vm.VM_IO | vm.VM_PFNMAP;
const LAB_SIZE = 65_536;
const anonymous = { fill: Fill.anonymous, frames: () => 0, maxSize: 2 ** 30 } as const;
const frames = { fill: Fill.none, onMap: "frames", vm_flags: REMAPPED } as const;

/**
 * The device driver's pages, allocated when it is loaded: before anything else, so at fixed frames.
 */
export const ZERO_PAGE_PFN = 0x40;
export const LAB_TAIL_PFN = 0x50;
export const LAB_COMPOUND_PFN = 0x60;
export const LAB_REF_PFN = 0x70;
export const LAB_RESERVED_PFN = 0x80;
/** Frames that are taken before the VMM starts. */
export const BOOT_FRAMES = 0x100;

export const MEMORY_KINDS: readonly MemoryKind[] = [
  {
    ...anonymous,
    kind: "anon",
    code: "A0",
    title: "Anonymous, not touched",
    vm_flags: RW,
    onMap: "nothing",
  },
  {
    ...anonymous,
    kind: "touched",
    code: "A1",
    title: "Anonymous, present",
    vm_flags: RW,
    onMap: "write",
  },
  { ...anonymous, kind: "zero", code: "AZ", title: "Zero page", vm_flags: RW, onMap: "read" },
  {
    ...anonymous,
    kind: "rdonly",
    code: "AR",
    title: "Anonymous, read-only",
    vm_flags: vm.VM_READ,
    onMap: "nothing",
  },
  { ...anonymous, kind: "none", code: "NP", title: "PROT_NONE", vm_flags: 0, onMap: "nothing" },
  { ...anonymous, kind: "hole", code: "NV", title: "No mapping", vm_flags: 0, onMap: "unmap" },
  {
    ...frames,
    kind: "bar",
    code: "PB",
    title: "PCI BAR, no struct page",
    frames: () => BAR_PFN,
    maxSize: 2 ** 26,
  },
  {
    ...frames,
    kind: "lab-tail",
    code: "PT",
    title: "Tail page, count 0",
    frames: () => LAB_TAIL_PFN,
    maxSize: LAB_SIZE,
  },
  {
    ...frames,
    kind: "lab-compound",
    code: "PC",
    title: "Compound page",
    frames: () => LAB_COMPOUND_PFN,
    maxSize: LAB_SIZE,
  },
  {
    ...frames,
    kind: "lab-ref",
    code: "PR",
    title: "Counted page, remapped",
    frames: () => LAB_REF_PFN,
    maxSize: LAB_SIZE,
  },
  {
    ...frames,
    kind: "lab-reserved",
    code: "PV",
    title: "Reserved page, remapped",
    frames: () => LAB_RESERVED_PFN,
    maxSize: LAB_SIZE,
  },
];

const NUMBERS = new Map<string, number>(MEMORY_KINDS.map((kind, index) => [kind.kind, index]));

/** Number of a kind as cells hold it; -1 for a kind that is not simulated. */
export const kindNumber = (kind: string): number => NUMBERS.get(kind) ?? -1;

export function kindOf(number: number): MemoryKind {
  const kind = MEMORY_KINDS[number];
  if (kind === undefined) throw new RangeError(`memory kind ${number} is not in the table`);
  return kind;
}
