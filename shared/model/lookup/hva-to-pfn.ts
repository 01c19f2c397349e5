// hva_to_pfn(): fast GUP, then slow GUP, then the page-table walk for mappings that GUP refuses.
// The order is the same in every design; what they do with a page or a mapped frame is in the
// hooks.
// From: virt/kvm/kvm_main.c (hva_to_pfn, hva_to_pfn_fast, hva_to_pfn_slow, hva_to_pfn_remapped),
// 6.12 and 7.2.
import { routine, type SpineRoutine } from "#shared/engine/routine";
import { int, ref } from "#shared/engine/struct";
import { act, call, done, when } from "#shared/engine/words";
import { LockCode, LookupOutcome, LookupStep, PageRefCause } from "#shared/events/own";
import {
  EFAULT,
  get_user_pages_fast_only,
  get_user_pages_unlocked,
  recordLookup,
} from "../host/gup.ts";
import { isRaced } from "../host/lab-race.ts";
import { releaseLock, takeLock } from "../host/locks.ts";
import { handle_mm_fault, VM_FAULT_DONE } from "../host/memory.ts";
import { put_page } from "../host/page.ts";
import * as pt from "../host/pgtable.ts";
import { vma_lookup, vmaAt } from "../host/vma.ts";
import { VM_IO, VM_PFNMAP, VM_READ, VM_WRITE } from "../state/host.ts";
import { kvm_page_fault, PfnError } from "../state/kvm.ts";
import type { Kvm } from "../state/machine.ts";
import type { Fault } from "./design.ts";
import { findHva, mayBeWritable } from "./memslot.ts";

/** What a design does with what was found. */
export interface LookupHooks {
  /** GUP gave a page, with one reference. */
  readonly gotPage: (m: Kvm, fault: Fault, pfn: number) => void;
  /** The walk found a frame; its page-table lock is held. 0, or a negative errno to refuse. */
  readonly gotFrame: (m: Kvm, fault: Fault, pfn: number) => number;
}

export const lookupLocals = { fault: ref(kvm_page_fault), nowait: int, r: int } as const;

/** Finds the address to look up; false without one. `r` 1: the lab's invalidation follows. */
export function startLookup(m: Kvm, own: { readonly fault: Fault; r: number }): boolean {
  if (!findHva(m, own.fault)) return false;
  if (isRaced(m, own.fault.hva)) own.r = 1;
  return true;
}

const takePage = (
  m: Kvm,
  fault: Fault,
  pfn: number,
  isWritable: boolean,
  hooks: LookupHooks,
): void => {
  fault.map_writable = isWritable;
  fault.pfn = pfn;
  hooks.gotPage(m, fault, pfn);
};

/**
 * Fast GUP with FOLL_WRITE: only a writable mapping is worth it, so a read-only slot's read skips
 * it.
 */
const hva_to_pfn_fast = routine(
  "hva_to_pfn_fast",
  (m: Kvm, fault: Fault, hooks: LookupHooks): boolean => {
    if (!fault.write && !mayBeWritable(m, fault)) return false;
    const pfn = get_user_pages_fast_only(m, fault.hva, 1, LookupStep.gupFast);
    if (pfn < 0) return false;
    takePage(m, fault, pfn, true, hooks);
    return true;
  },
  { inlined: true },
);

/** After slow GUP for a read: a second, writable try replaces the page if it succeeds. */
function upgradeRead(m: Kvm, fault: Fault, got: number, hooks: LookupHooks): void {
  const mayTry = !fault.write && mayBeWritable(m, fault);
  const pfn = mayTry ? get_user_pages_fast_only(m, fault.hva, 1, LookupStep.gupFastWrite) : EFAULT;
  if (pfn < 0) {
    takePage(m, fault, got, fault.write, hooks);
    return;
  }
  put_page(m, got, PageRefCause.gupDrop);
  takePage(m, fault, pfn, true, hooks);
}

const follow_pfnmap_start = routine("follow_pfnmap_start", (m: Kvm, hva: number): number =>
  pt.presentLeaf(m, hva),
);

/**
 * One try of the walk, under the page-table lock: 1 done (pfn or error set), 0 nothing is mapped.
 */
function followMapping(m: Kvm, fault: Fault, hooks: LookupHooks): number {
  const cell = follow_pfnmap_start(m, fault.hva);
  if (cell === 0) {
    recordLookup(m, LookupStep.remapped, fault.hva, 0, LookupOutcome.notPresent);
    return 0;
  }
  const pfn = pt.leafPfn(m, cell, fault.hva);
  const isWritable = (pt.pteLow(m, cell) & pt._PAGE_RW) !== 0;
  if (fault.write && !isWritable) {
    fault.pfnError = PfnError.roFault;
    recordLookup(m, LookupStep.remapped, fault.hva, pfn, LookupOutcome.readOnly);
    return 1;
  }
  recordLookup(m, LookupStep.remapped, fault.hva, pfn, LookupOutcome.found);
  fault.pfn = pfn;
  fault.map_writable = isWritable && mayBeWritable(m, fault);
  if (hooks.gotFrame(m, fault, pfn) < 0) fault.pfnError = PfnError.fault;
  return 1;
}

/** Faults a driver's mapping in; 0 or EFAULT. mmap_lock is held for reading. */
const fixup_user_fault = routine("fixup_user_fault", lookupLocals, (own, m: Kvm) => [
  when(
    act("F3x", () => mayAccess(m, own.fault)),
    [],
    [done(EFAULT)],
  ),
  call(handle_mm_fault, { hva: () => own.fault.hva, write: () => own.fault.write }, "r"),
  done(() => (own.r === VM_FAULT_DONE ? 0 : EFAULT)),
]);

function mayAccess(m: Kvm, fault: Fault): boolean {
  const flags = vmaAt(m, vma_lookup(m, fault.hva)).vm_flags;
  return (flags & (fault.write ? VM_WRITE : VM_READ)) !== 0;
}

/** How the mapping is to be treated: no mapping or a plain one ends the lookup with an error. */
const REMAPPED = 1;

function classify(m: Kvm, fault: Fault, nowait: number): number {
  const vma = vma_lookup(m, fault.hva);
  const flags = vma === 0 ? 0 : vmaAt(m, vma).vm_flags;
  if ((flags & (VM_IO | VM_PFNMAP)) !== 0) return REMAPPED;
  const permits = (flags & VM_READ) !== 0 && (!fault.write || (flags & VM_WRITE) !== 0);
  fault.pfnError = nowait !== 0 && permits ? PfnError.needsIo : PfnError.fault;
  return 0;
}

/**
 * The design's own hva_to_pfn(); `nowait` 1 for the first try. Sets pfn and map_writable, or
 * pfnError.
 */
export function makeHvaToPfn(hooks: LookupHooks): SpineRoutine<typeof lookupLocals> {
  const hva_to_pfn_remapped = routine(
    "hva_to_pfn_remapped",
    lookupLocals,
    (own, m: Kvm) => [
      when(
        act("F3m", () => followMapping(m, own.fault, hooks)),
        [done(0)],
      ),
      call(fixup_user_fault, { fault: "fault" }, "r"),
      when(() => own.r < 0, [done("r")]),
      when(
        act("F3n", () => followMapping(m, own.fault, hooks)),
        [done(0)],
      ),
      done(EFAULT),
    ],
    { inlined: true },
  );

  return routine("hva_to_pfn", lookupLocals, (own, m: Kvm) => [
    when(
      act("F3a", () => hva_to_pfn_fast(m, own.fault, hooks)),
      [done()],
    ),
    call(get_user_pages_unlocked, { hva: () => own.fault.hva, write: () => own.fault.write }, "r"),
    when(
      () => own.r >= 0,
      [
        act("F3w", () => {
          upgradeRead(m, own.fault, own.r, hooks);
          own.r = 0;
        }),
        done(),
      ],
    ),
    takeLock(m, "F3c", () => m.mm.mmap_lock, "read", LockCode.mmap_lock),
    when(
      act("F3v", () => classify(m, own.fault, own.nowait)),
      [
        call(hva_to_pfn_remapped, { fault: "fault" }, "r"),
        when(() => own.r < 0, [act("F3e", () => (own.fault.pfnError = PfnError.fault))]),
      ],
    ),
    releaseLock(m, "F3c.u", () => m.mm.mmap_lock, "read", LockCode.mmap_lock),
    done(),
  ]);
}
