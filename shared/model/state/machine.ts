// The simulated computer: the engine's machine with the objects of host, guest and KVM, and the
// axes of a run. Kernel, lookup and plan are set before a run and do not change in it; all that
// changes is in cells.
// From: struct kvm, struct kvm_vcpu, struct mm_struct as far as the modelled paths read them.
import { objectKind, type Layout } from "#shared/engine/arena";
import { Machine, type MachineConfig } from "#shared/engine/machine";
import type { SpineRoutine } from "#shared/engine/routine";
import type { FieldKind } from "#shared/engine/struct";
import { EVENT_ARITY } from "#shared/events/table";
import type { Plan } from "#shared/scenario/plan";
import type { KernelProfile } from "../kernels/profile.ts";
import * as host from "./layout.ts";
import {
  address_space,
  heldPage,
  hostMemory,
  mm_struct,
  page,
  pageCacheNode,
  queuedFolio,
  swapSlot,
  vm_area_struct,
  VMM_BACKINGS,
  VMM_SLOTS,
  vmmBacking,
  vmmRegisters,
  vmmSlot,
} from "./host.ts";
import { kvm_memory_slot, kvm_mmu_page, kvm_vcpu, pte_list_desc, struct_kvm } from "./kvm.ts";
import { lab_race } from "./lab.ts";

const entryHalf = (offset: number): string =>
  `[${offset >> 1}].${(offset & 1) === 0 ? "lo" : "hi"}`;

export const KIND = {
  kvm: objectKind("kvm", struct_kvm.size, struct_kvm.nameCell),
  vcpu: objectKind("vcpu", kvm_vcpu.size, kvm_vcpu.nameCell),
  mm: objectKind("mm_struct", mm_struct.size, mm_struct.nameCell),
  memslot: objectKind("kvm_memory_slot", kvm_memory_slot.size, kvm_memory_slot.nameCell),
  vmmSlot: objectKind("slot of the VMM", vmmSlot.size, vmmSlot.nameCell),
  vmmRegisters: objectKind("registers of the VMM", vmmRegisters.size, vmmRegisters.nameCell),
  vma: objectKind("vm_area_struct", vm_area_struct.size, vm_area_struct.nameCell),
  vmmBacking: objectKind("backing of the VMM", vmmBacking.size, vmmBacking.nameCell),
  hostMemory: objectKind("host memory", hostMemory.size, hostMemory.nameCell),
  lab_race: objectKind("lab_race", lab_race.size, lab_race.nameCell),
  address_space: objectKind("address_space", address_space.size, address_space.nameCell),
  pageCacheNode: objectKind("page cache node", pageCacheNode.size, pageCacheNode.nameCell),
  swapSlot: objectKind("swap slot", swapSlot.size, swapSlot.nameCell),
  heldPage: objectKind("held page", heldPage.size, heldPage.nameCell),
  queuedFolio: objectKind("queued folio", queuedFolio.size, queuedFolio.nameCell),
  page: objectKind("page", page.size, page.nameCell),
  hostTable: objectKind("host table", 1024, entryHalf),
  kvmTable: objectKind("KVM table", 1024, entryHalf),
  shadowPage: objectKind("kvm_mmu_page", kvm_mmu_page.size, kvm_mmu_page.nameCell),
  /** Of one indirect shadow page: gfn << 12 | access, by entry. */
  shadowedTranslation: objectKind("shadowed translation", 1024, entryHalf),
  /** A node of a memslot's sparse array: 512 pairs. */
  slotArray: objectKind("memslot array", 1024, entryHalf),
  pteListDesc: objectKind("pte_list_desc", pte_list_desc.size, pte_list_desc.nameCell),
  barPage: objectKind("BAR page", 1, () => "contents"),
  block: objectKind("page contents", 1024, entryHalf),
  word: objectKind("word of a page", 4, (offset) => ["next", "index", "lo", "hi"][offset] ?? ""),
} as const;

const LAYOUT: readonly Layout[] = [
  { kind: KIND.kvm, count: 1, fixed: true },
  { kind: KIND.vcpu, count: host.VCPUS, fixed: true },
  { kind: KIND.mm, count: 1, fixed: true },
  { kind: KIND.vmmRegisters, count: 1, fixed: true },
  { kind: KIND.vmmSlot, count: VMM_SLOTS, fixed: true },
  { kind: KIND.vmmBacking, count: VMM_BACKINGS, fixed: true },
  { kind: KIND.hostMemory, count: 1, fixed: true },
  { kind: KIND.lab_race, count: 1, fixed: true },
  { kind: KIND.memslot, count: 64 },
  { kind: KIND.vma, count: 512 },
  { kind: KIND.address_space, count: host.FILES },
  { kind: KIND.pageCacheNode, count: host.PAGE_CACHE_NODES },
  { kind: KIND.swapSlot, count: host.SWAP_SLOTS },
  { kind: KIND.heldPage, count: host.HELD_PAGES },
  { kind: KIND.queuedFolio, count: host.QUEUED_FOLIOS },
  { kind: KIND.barPage, count: host.BAR_PAGES, fixed: true },
  { kind: KIND.shadowPage, count: host.KVM_TABLES, fixed: true },
  { kind: KIND.page, count: host.PAGE_COUNT },
  { kind: KIND.word, count: host.CONTENT_WORDS },
  { kind: KIND.block, count: host.CONTENT_BLOCKS },
  { kind: KIND.hostTable, count: host.HOST_TABLES },
  { kind: KIND.kvmTable, count: host.KVM_TABLES },
  { kind: KIND.shadowedTranslation, count: host.KVM_TABLES },
  { kind: KIND.slotArray, count: host.SLOT_ARRAYS },
  { kind: KIND.pteListDesc, count: host.PTE_LIST_DESCS },
];

/** The range that a notifier call is about: host virtual addresses, end exclusive. */
export type RangeLocals = { readonly start: FieldKind<number>; readonly end: FieldKind<number> };

/**
 * Function pointers that the host calls and KVM fills: struct mmu_notifier_ops
 * (include/linux/mmu_notifier.h).
 */
export interface MmuNotifierOps {
  readonly invalidate_range_start: SpineRoutine<RangeLocals>;
  readonly invalidate_range_end: SpineRoutine<RangeLocals>;
  readonly clear_flush_young: SpineRoutine<RangeLocals>;
  readonly clear_young: SpineRoutine<RangeLocals>;
  readonly test_young: SpineRoutine<RangeLocals>;
  readonly release: SpineRoutine<Record<never, never>>;
}

/**
 * What a lookup design decides outside its own functions; which one runs is its index in the list
 * of designs.
 */
export interface LookupSwitches {
  readonly id: string;
  readonly index: number;
  /** The page is released under mmu_lock, right after mapping (V3), or after the unlock (V0). */
  readonly releasesUnderMmuLock: boolean;
  /** Zapping a leaf marks its page dirty and accessed from the entry's bits, by pfn (V0). */
  readonly marksPagesAtZap: boolean;
}

export type MachineOptions = Pick<MachineConfig, "buffers" | "checks">;

/** TDP MMU, legacy direct MMU, shadow paging: which MMU answers a fault. */
export type ModeId = "tdp" | "tdp0" | "npt0";

export interface Axes {
  readonly kernel: KernelProfile;
  readonly lookup: LookupSwitches;
  readonly mode: ModeId;
  readonly plan: Plan;
  /**
   * Marks of use (0 to 3) that the lab's pages still carry from the plan before: the lab clears
   * their flags, not the bits in which the generational LRU counts. Default 0.
   */
  readonly labMarks?: number;
}

export class Kvm extends Machine {
  declare kernel: KernelProfile;
  declare lookup: LookupSwitches;
  declare mode: ModeId;
  declare plan: Plan;
  declare labMarks: number;
  declare readonly mmu_notifier_ops: MmuNotifierOps;
  declare readonly kvm: ReturnType<typeof struct_kvm.at>;
  declare readonly mm: ReturnType<typeof mm_struct.at>;
  declare readonly host: ReturnType<typeof hostMemory.at>;
  declare readonly lab_race: ReturnType<typeof lab_race.at>;
  /** First cells of the big arenas: an object's cell is arithmetic on its number. */
  declare readonly pages: number;
  declare readonly hostTables: number;
  declare readonly kvmTables: number;
  declare readonly shadowPages: number;
  declare readonly barPages: number;
  declare readonly vcpus: readonly ReturnType<typeof kvm_vcpu.at>[];

  constructor(axes: Axes, ops: MmuNotifierOps, options: MachineOptions = {}) {
    super({ objects: LAYOUT, events: { arity: EVENT_ARITY }, stack: 512, ...options });
    this.kernel = axes.kernel;
    this.lookup = axes.lookup;
    this.mode = axes.mode;
    this.plan = axes.plan;
    this.labMarks = axes.labMarks ?? 0;
    this.mmu_notifier_ops = ops;
    this.kvm = struct_kvm.at(this, this.arena(KIND.kvm).base);
    this.mm = mm_struct.at(this, this.arena(KIND.mm).base);
    this.host = hostMemory.at(this, this.arena(KIND.hostMemory).base);
    this.lab_race = lab_race.at(this, this.arena(KIND.lab_race).base);
    this.pages = this.arena(KIND.page).base;
    this.hostTables = this.arena(KIND.hostTable).base;
    this.kvmTables = this.arena(KIND.kvmTable).base;
    this.shadowPages = this.arena(KIND.shadowPage).base;
    this.barPages = this.arena(KIND.barPage).base;
    const vcpus = this.arena(KIND.vcpu);
    this.vcpus = Array.from({ length: host.VCPUS }, (_, id) => kvm_vcpu.at(this, vcpus.at(id)));
  }

  /** Before a run: which kernel, which lookup design, which plan. */
  configure(axes: Axes): void {
    this.kernel = axes.kernel;
    this.lookup = axes.lookup;
    this.mode = axes.mode;
    this.plan = axes.plan;
    this.labMarks = axes.labMarks ?? 0;
  }
}
