// Locks, TLBs, memslots, invalidation counters and threads at one tick: what a reviewer asks beside
// the tables. Reads cells only; a TLB entry is stale when KVM's tables no longer lead where it
// leads.
import { hexOf, hexOfHalves } from "#shared/units/hex";
import { frameIndex, frameInside, PAGE_SIZE } from "#shared/units/address";
import { frameOf, joinHalves } from "#shared/units/halves";
import { memslotAt } from "../lookup/memslot.ts";
import {
  KVM_MEM_LOG_DIRTY_PAGES,
  KVM_MEM_READONLY,
  TLB_ENTRIES,
  TLB_WRITABLE,
} from "../state/kvm.ts";
import type { Kvm } from "../state/machine.ts";
import { rootOf } from "../lab/states.ts";
import { is_last_spte, is_shadow_present_pte } from "../kvm/spte.ts";
import { readSpteHigh, readSpteLow, tableOf } from "../state/tables.ts";
import { kvmTree } from "./entry.ts";

export interface LockState {
  readonly name: string;
  readonly state: string;
  readonly holders: string[];
}

function lockState(m: Kvm, name: string, held: { holders(): number; cell: number }): LockState {
  const set = held.holders();
  const holders = m.threads.filter((_, id) => (set & (1 << id)) !== 0).map((thread) => thread.name);
  const count = m.mem[held.cell] as number;
  const state =
    count === 0 ? "free" : count < 0 ? "held for writing" : `held for reading by ${count}`;
  return { name, state, holders };
}

export interface TlbView {
  readonly vcpu: number;
  readonly gva: string;
  readonly pfn: number;
  readonly writable: boolean;
  readonly stale: boolean;
}

/** Page number of 36 bits of a gva. */
const pageOfGva = ({ lo, hi }: { lo: number; hi: number }): number =>
  joinHalves(lo, hi & 0xffff) / PAGE_SIZE;

/** Frame that the vCPU's tables lead to now: shadow tables from the gva, others from the gpa. */
function mappedFrame(m: Kvm, vcpu: number, page: number): number | null {
  const root = rootOf(m, vcpu);
  if (root === null) return null;
  let { table } = root;
  for (let level = root.level; level >= 1; level--) {
    const sptep = table + frameIndex(page, level) * 2;
    const lo = readSpteLow(m, sptep);
    if (!is_shadow_present_pte(lo)) return null;
    const frame = frameOf(lo, readSpteHigh(m, sptep));
    if (is_last_spte(lo, level)) return frame + frameInside(page, level);
    table = tableOf(m, frame);
  }
  return null;
}

export function tlbView(m: Kvm): TlbView[] {
  return m.vcpus.flatMap((vcpu, id) => {
    const { lo, hi } = vcpu.tlb_valid;
    if ((lo | hi) === 0) return [];
    const valid = (index: number): boolean => (((index < 32 ? lo : hi) >>> (index & 31)) & 1) === 1;
    return Array.from({ length: TLB_ENTRIES }, (_, index) => index)
      .filter(valid)
      .map((index): TlbView => {
        const entry = vcpu.tlb.get(index);
        const { gvaPage, pfn } = entry;
        const page = kvmTree(m.mode) === "shadow" ? pageOfGva(gvaPage) : entry.gfn;
        return {
          vcpu: id,
          gva: hexOfHalves(gvaPage.lo, gvaPage.hi),
          pfn,
          writable: (entry.flags & TLB_WRITABLE) !== 0,
          stale: mappedFrame(m, id, page) !== pfn,
        };
      });
  });
}

export interface SlotView {
  readonly id: number;
  readonly gfn: number;
  readonly pages: number;
  readonly hva: string;
  readonly flags: string;
  readonly backing: string;
}

export interface NamedRange {
  readonly name: string;
  readonly hva: number;
  readonly size: number;
}

export function slotViews(m: Kvm, backings: readonly NamedRange[]): SlotView[] {
  const slots: SlotView[] = [];
  for (let cell: number = m.kvm.memslots; cell !== 0; cell = memslotAt(m, cell).next) {
    const slot = memslotAt(m, cell);
    const { userspace_addr, flags } = slot;
    const backing = backings.find(
      ({ hva, size }) => userspace_addr >= hva && userspace_addr < hva + size,
    );
    const names = [
      (flags & KVM_MEM_READONLY) !== 0 ? "read-only" : "",
      (flags & KVM_MEM_LOG_DIRTY_PAGES) !== 0 ? "dirty log" : "",
    ];
    slots.push({
      id: slot.id,
      gfn: slot.base_gfn,
      pages: slot.npages,
      hva: hexOf(userspace_addr),
      flags: names.filter((name) => name !== "").join(", "),
      backing: backing?.name ?? (slot.id === 0 ? "the lab guest" : ""),
    });
  }
  return slots;
}

export interface MachineView {
  readonly locks: LockState[];
  readonly tlb: TlbView[];
  readonly slots: SlotView[];
  readonly invalidateSeq: number;
  readonly invalidateInProgress: number;
  readonly generation: number;
}

export function machineView(m: Kvm, backings: readonly NamedRange[]): MachineView {
  return {
    locks: [
      lockState(m, "mmu_lock", m.kvm.mmu_lock),
      lockState(m, "mmap_lock", m.mm.mmap_lock),
      lockState(m, "slots_lock", m.kvm.slots_lock),
    ],
    tlb: tlbView(m),
    slots: slotViews(m, backings),
    invalidateSeq: m.kvm.mmu_invalidate_seq,
    invalidateInProgress: m.kvm.mmu_invalidate_in_progress,
    generation: m.kvm.generation,
  };
}
