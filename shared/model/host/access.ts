// The VMM's own loads and stores: the CPU walks the host's tables, the kernel fills what is
// missing. Result of an access: 0, or the signal that the VMM gets instead.
// From: arch/x86/mm/fault.c (do_user_addr_fault, access_error), 6.12.
import { routine } from "#shared/engine/routine";
import { int, wide } from "#shared/engine/struct";
import { act, call, done, loop, when } from "#shared/engine/words";
import { LockCode } from "#shared/events/own";
import * as pg from "../state/host.ts";
import type { Kvm } from "../state/machine.ts";
import { releaseLock, takeLock } from "./locks.ts";
import { handle_mm_fault, VM_FAULT_DONE } from "./memory.ts";
import * as pt from "./pgtable.ts";
import { vma_lookup, vmaAt } from "./vma.ts";

export const SIGBUS = 7;
export const SIGSEGV = 11;

/**
 * The CPU's walk: the frame, or -1 for a fault. Sets the accessed and dirty bits as hardware does.
 */
export function walkHost(m: Kvm, hva: number, write: number): number {
  const cell = pt.presentLeaf(m, hva);
  if (cell === 0) return -1;
  const low = pt.pteLow(m, cell);
  if ((low & pt._PAGE_PRESENT) === 0) return -1;
  if (write !== 0 && (low & pt._PAGE_RW) === 0) return -1;
  m.put(cell, low | pt._PAGE_ACCESSED | (write !== 0 ? pt._PAGE_DIRTY : 0));
  return pt.leafPfn(m, cell, hva);
}

/** access_error(): whether the mapping forbids the access. */
function isForbidden(m: Kvm, hva: number, write: number): boolean {
  const vma = vma_lookup(m, hva);
  return vma === 0 || (vmaAt(m, vma).vm_flags & (write !== 0 ? pg.VM_WRITE : pg.VM_READ)) === 0;
}

const do_user_addr_fault = routine(
  "do_user_addr_fault",
  { hva: wide, write: int, r: int },
  (own, m: Kvm) => [
    takeLock(m, "P1", () => m.mm.mmap_lock, "read", LockCode.mmap_lock),
    when(
      act("P2", () => isForbidden(m, own.hva, own.write)),
      [releaseLock(m, "P3", () => m.mm.mmap_lock, "read", LockCode.mmap_lock), done(SIGSEGV)],
    ),
    call(handle_mm_fault, { hva: "hva", write: "write" }, "r"),
    releaseLock(m, "P4", () => m.mm.mmap_lock, "read", LockCode.mmap_lock),
    done(() => (own.r === VM_FAULT_DONE ? 0 : SIGBUS)),
  ],
);

/** One page's access; afterwards `walkHost` finds it, unless the result is a signal. */
export const hostAccess = routine(
  "hostAccess",
  { hva: wide, write: int, r: int },
  (own, m: Kvm) => [
    loop(
      when(
        act("A1", () => walkHost(m, own.hva, own.write) >= 0),
        [done(0)],
      ),
      call(do_user_addr_fault, { hva: "hva", write: "write" }, "r"),
      when(() => own.r !== 0, [done("r")]),
    ),
  ],
);
