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
  /** do_fault() with the page cache behind it. */
  file: 2,
  /** hugetlb_fault() */
  hugetlb: 3,
  /** The driver's handler puts a frame in. */
  driver: 4,
} as const;

/** What the VMM's descriptor of a backing is: system calls on it depend on that. */
export const Descriptor = {
  none: 0,
  tmpfs: 1,
  ramfs: 2,
  hugetlbfs: 3,
  /** The lab's character device, and the file of a PCI BAR. */
  device: 4,
  pci: 5,
} as const;

export interface MemoryKind {
  readonly kind: BackingKind;
  /** Two letters and a title for badges. */
  readonly code: string;
  readonly title: string;
  readonly vm_flags: number;
  readonly fill: number;
  /**
   * What mmap itself does with the range: nothing, touch every page, map a driver's frames, or
   * insert a driver's pages.
   */
  readonly onMap: "nothing" | "write" | "read" | "unmap" | "frames" | "insert";
  /** First frame of a driver's memory. */
  readonly frames: (m: Kvm) => number;
  /** Most bytes that can be mapped; more fails. */
  readonly maxSize: number;
  readonly descriptor: number;
  /** The descriptor allows writing. */
  readonly isOpenForWriting: boolean;
  /** The file is written full before it is mapped. */
  readonly isWritten: boolean;
  /** Driver memory: its handler inserts read-only; how many frames it has. */
  readonly insertsReadOnly: boolean;
  readonly span: number;
}

const MAY = vm.VM_MAYREAD | vm.VM_MAYWRITE | vm.VM_MAYEXEC;
const RW = vm.VM_READ | vm.VM_WRITE | MAY;
const SHARED = RW | vm.VM_SHARED | vm.VM_MAYSHARE;
/** remap_pfn_range() sets these on a driver's shared mapping. */
const DRIVER = SHARED | vm.VM_IO | vm.VM_PFNMAP | vm.VM_DONTEXPAND;
/** A shared mapping of a file that is not open for writing. */
const SHARED_RO = vm.VM_READ | vm.VM_MAYREAD | vm.VM_MAYEXEC | vm.VM_MAYSHARE;
const PRIVATE_RO = vm.VM_READ | MAY;
const LAB_SIZE = 65_536;
const TMPFS_SIZE = 2 ** 26;

/**
 * The device driver's pages, allocated when it is loaded: before anything else, so at fixed frames.
 */
export const ZERO_PAGE_PFN = 0x40;
export const LAB_TAIL_PFN = 0x50;
export const LAB_COMPOUND_PFN = 0x60;
export const LAB_REF_PFN = 0x70;
export const LAB_RESERVED_PFN = 0x80;
export const LAB_INSERTED_PFN = 0x90;
export const LAB_HUGE_PFN = 0x200;
/** Frames that are taken before the VMM starts. */
export const BOOT_FRAMES = 0x400;

type Common = Omit<MemoryKind, "kind" | "code" | "title" | "vm_flags">;
const anonymous: Common = {
  fill: Fill.anonymous,
  onMap: "nothing",
  frames: () => 0,
  maxSize: 2 ** 30,
  descriptor: Descriptor.none,
  isOpenForWriting: true,
  isWritten: false,
  insertsReadOnly: false,
  span: 0,
};
const tmpfs: Common = { ...anonymous, fill: Fill.file, descriptor: Descriptor.tmpfs };
const written: Common = { ...tmpfs, isWritten: true, maxSize: TMPFS_SIZE };
const ramfs: Common = { ...written, descriptor: Descriptor.ramfs, maxSize: anonymous.maxSize };
const readOnly = { isOpenForWriting: false } as const;
const hugetlb: Common = { ...anonymous, fill: Fill.hugetlb };
const device: Common = { ...anonymous, descriptor: Descriptor.device, span: 16 };
const remapped: Common = { ...device, fill: Fill.none, onMap: "frames", maxSize: LAB_SIZE };
const faulting: Common = { ...device, fill: Fill.driver, frames: () => LAB_INSERTED_PFN };

const row = (
  kind: BackingKind,
  code: string,
  title: string,
  vm_flags: number,
  rest: Common,
): MemoryKind => ({ kind, code, title, vm_flags, ...rest });

export const MEMORY_KINDS: readonly MemoryKind[] = [
  row("anon", "A0", "Anonymous, not touched", RW, anonymous),
  row("touched", "A1", "Anonymous, present", RW, { ...anonymous, onMap: "write" }),
  row("zero", "AZ", "Zero page", RW, { ...anonymous, onMap: "read" }),
  row("rdonly", "AR", "Anonymous, read-only", vm.VM_READ | MAY, anonymous),
  row("none", "NP", "PROT_NONE", MAY, anonymous),
  row("hole", "NV", "No mapping", 0, { ...anonymous, onMap: "unmap" }),
  row("thp", "AH", "Anonymous, 2 MiB pages", RW, { ...anonymous, onMap: "write" }),
  row("thp-lazy", "TL", "Anonymous, 2 MiB pages when touched", RW, anonymous),
  row("shared", "SM", "Shared anonymous", SHARED, { ...tmpfs, descriptor: Descriptor.none }),
  row("memfd", "ME", "memfd, shared", SHARED, tmpfs),
  row("memfd-private", "MP", "memfd, private", RW, tmpfs),
  row("hugetlb", "HT", "hugetlb, private", RW | vm.VM_HUGETLB, hugetlb),
  row("hugetlb-shared", "HS", "hugetlb, shared", SHARED | vm.VM_HUGETLB, {
    ...hugetlb,
    descriptor: Descriptor.hugetlbfs,
  }),
  row("file-shared", "FS", "tmpfs file, shared", SHARED, written),
  row("file-shared-ro", "FR", "tmpfs file, shared, read-only", SHARED_RO, {
    ...written,
    ...readOnly,
  }),
  row("file-private", "FP", "tmpfs file, private", RW, written),
  row("file-private-ro", "FQ", "tmpfs file, private, read-only", PRIVATE_RO, {
    ...written,
    ...readOnly,
  }),
  row("filefs-shared", "FD", "ramfs file, shared", SHARED, ramfs),
  row("filefs-shared-ro", "FE", "ramfs file, shared, read-only", SHARED_RO, {
    ...ramfs,
    ...readOnly,
  }),
  row("filefs-private", "FF", "ramfs file, private", RW, ramfs),
  row("filefs-private-ro", "FG", "ramfs file, private, read-only", PRIVATE_RO, {
    ...ramfs,
    ...readOnly,
  }),
  row("bar", "PB", "PCI BAR, no struct page", DRIVER, {
    ...remapped,
    frames: () => BAR_PFN,
    maxSize: 2 ** 26,
    descriptor: Descriptor.pci,
  }),
  row("lab-tail", "PT", "Tail page, count 0", DRIVER, { ...remapped, frames: () => LAB_TAIL_PFN }),
  row("lab-compound", "PC", "Compound page", DRIVER, {
    ...remapped,
    frames: () => LAB_COMPOUND_PFN,
  }),
  row("lab-ref", "PR", "Counted page, remapped", DRIVER, {
    ...remapped,
    frames: () => LAB_REF_PFN,
  }),
  row("lab-reserved", "PV", "Reserved page, remapped", DRIVER, {
    ...remapped,
    frames: () => LAB_RESERVED_PFN,
  }),
  row("lab-inserted", "MI", "Driver's page, inserted", SHARED | vm.VM_MIXEDMAP, {
    ...remapped,
    onMap: "insert",
    frames: () => LAB_INSERTED_PFN,
  }),
  row("lab-fault", "PF", "Driver's page, put in by a fault", DRIVER, faulting),
  row("lab-faulttail", "LF", "Tail page, put in by a fault", DRIVER, {
    ...faulting,
    frames: () => LAB_TAIL_PFN,
  }),
  row("lab-faultro", "LR", "Driver's page, put in read-only", DRIVER, {
    ...faulting,
    insertsReadOnly: true,
  }),
  row("lab-sigbus", "LS", "Driver that refuses", DRIVER, { ...device, fill: Fill.none }),
  row("lab-huge", "LH", "Driver's 2 MiB block", DRIVER | vm.VM_HUGEPAGE, {
    ...faulting,
    frames: () => LAB_HUGE_PFN,
    span: 512,
  }),
];

const NUMBERS = new Map<string, number>(MEMORY_KINDS.map((kind, index) => [kind.kind, index]));

/** Number of a kind as cells hold it; -1 for a kind that is not simulated. */
export const kindNumber = (kind: string): number => NUMBERS.get(kind) ?? -1;

export function kindOf(number: number): MemoryKind {
  const kind = MEMORY_KINDS[number];
  if (kind === undefined) throw new RangeError(`memory kind ${number} is not in the table`);
  return kind;
}

/**
 * vm_ops_needs_writenotify(): who made the mapping wants to hear of a page's first write, so the
 * protection of a shared mapping is without the write bit. A ramfs marks the page dirty, sysfs
 * (kernfs_vm_ops) asks for a BAR though it never hears, the lab's read-only handler decides.
 */
export const vm_ops_needs_writenotify = ({ descriptor, insertsReadOnly }: MemoryKind): boolean =>
  descriptor === Descriptor.ramfs || descriptor === Descriptor.pci || insertsReadOnly;
