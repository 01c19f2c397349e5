// References that a driver takes on the VMM's pages and keeps: plain ones, and long-term pins.
// From: the lab's module (do_pin, do_unpin); mm/gup.c (pin_user_pages_fast, get_user_pages_fast,
// try_grab_folio, gup_put_folio), 6.12.
import { routine } from "#shared/engine/routine";
import { int, wide } from "#shared/engine/struct";
import { act, again, call, done, leave, loop, set, when } from "#shared/engine/words";
import { LockCode, PageRefCause } from "#shared/events/own";
import * as pg from "../state/host.ts";
import { HELD_PAGES, pfn_valid } from "../state/layout.ts";
import { KIND, type Kvm } from "../state/machine.ts";
import { fileAt } from "./filemap.ts";
import { GUP_PIN_COUNTING_BIAS } from "./fork.ts";
import { gup_fast_folio_allowed, touch } from "./gup.ts";
import { releaseLock, takeLock } from "./locks.ts";
import { FaultFor, handle_mm_fault, is_zero_pfn, VM_FAULT_DONE } from "./memory.ts";
import * as page from "./page.ts";
import * as pt from "./pgtable.ts";
import { vma_lookup, vmaAt } from "./vma.ts";

const EFAULT = -14;
const EAGAIN = -11;

/** try_grab_folio() with FOLL_GET or FOLL_PIN. */
function grab(m: Kvm, pfn: number, isPin: boolean): void {
  const head = page.headOf(m, pfn);
  if (isPin && is_zero_pfn(pfn)) return;
  if (!isPin) page.folio_get(m, head, PageRefCause.pin);
  else if (page.isLarge(m, head)) {
    page.folio_ref_add(m, head, 1, PageRefCause.pin);
    page.pfn_to_page(m, head)._pincount += 1;
  } else {
    page.folio_ref_add(m, head, 1, PageRefCause.pin);
    page.folio_ref_add(m, head, GUP_PIN_COUNTING_BIAS - 1, PageRefCause.pin);
  }
}

function drop(m: Kvm, pfn: number, isPin: boolean): void {
  const head = page.headOf(m, pfn);
  if (isPin && is_zero_pfn(pfn)) return;
  if (isPin && page.isLarge(m, head)) page.pfn_to_page(m, head)._pincount -= 1;
  const refs = isPin && !page.isLarge(m, head) ? GUP_PIN_COUNTING_BIAS : 1;
  page.folio_put_refs(m, head, refs, PageRefCause.unpin);
}

/** Remembers a page for unpin, newest first. */
function remember(m: Kvm, pfn: number, isPin: boolean): void {
  const cell = m.alloc(KIND.heldPage);
  const held = pg.heldPage.at(m, cell);
  held.pfn = pfn;
  held.isPin = isPin;
  held.next = m.host.held;
  m.host.held = cell;
}

const heldCount = (m: Kvm): number => {
  let count = 0;
  for (let cell: number = m.host.held; cell !== 0; cell = pg.heldPage.at(m, cell).next) count++;
  return count;
};

/** Mappings in which a page may be held for writing; a long-term pin wants no write tracking. */
function mayHold(m: Kvm, hva: number, isPin: boolean): boolean {
  const cell = vma_lookup(m, hva);
  if (cell === 0) return false;
  const { vm_flags, vm_file } = vmaAt(m, cell);
  if ((vm_flags & (pg.VM_IO | pg.VM_PFNMAP)) !== 0 || (vm_flags & pg.VM_WRITE) === 0) return false;
  if (m.kernel.host.pinsTrackedFiles) return true;
  const isTracked = vm_file !== 0 && fileAt(m, vm_file).fs === pg.FileSystem.ramfs;
  return !(isPin && isTracked && (vm_flags & pg.VM_SHARED) !== 0);
}

interface Hold {
  hva: number;
  isPin: number;
  /** The lockless walk has met what it cannot take: mmap_lock is held for the rest. */
  isSlow: number;
  r: number;
}

/** Takes the page if its entry allows writing. */
const try_grab_page = routine("gup_fast_fallback", (m: Kvm, own: Hold): void => {
  const cell = pt.presentLeaf(m, own.hva);
  const lo = cell === 0 ? 0 : pt.pteLow(m, cell);
  const wanted = pt._PAGE_PRESENT | pt._PAGE_RW;
  if (!mayHold(m, own.hva, own.isPin !== 0)) own.r = EFAULT;
  else if ((lo & wanted) !== wanted) own.r = EAGAIN;
  else {
    const pfn = pt.leafPfn(m, cell, own.hva);
    own.r = (lo & pt._PAGE_SPECIAL) !== 0 || !pfn_valid(pfn) ? EFAULT : 0;
    if (own.r !== 0) return;
    if (own.isPin !== 0) m.mm.hasPinned = true;
    grab(m, pfn, own.isPin !== 0);
    if (!gup_fast_folio_allowed(m, pfn, own.isPin !== 0)) own.isSlow = 1;
    if (own.isSlow !== 0) touch(m, cell, pfn, true);
    else page.setPageFlags(m, page.headOf(m, pfn), pg.PG_referenced);
    remember(m, pfn, own.isPin !== 0);
  }
});

/** Takes pages from `hva` on, as many as can be had: their number, or EFAULT for none. */
export const pin_user_pages_fast = routine(
  "pin_user_pages_fast",
  { hva: wide, end: wide, isPin: int, isSlow: int, got: int, room: int, r: int },
  (own, m: Kvm) => [
    takeLock(m, "P1", () => m.mm.mmap_lock, "read", LockCode.mmap_lock),
    act("P2", () => (own.room = HELD_PAGES - heldCount(m))),
    loop(
      when(() => own.hva >= own.end || own.got >= own.room, [leave]),
      act("P3", () => try_grab_page(m, own)),
      when(
        () => own.r === EAGAIN,
        [
          set("isSlow", 1),
          call(handle_mm_fault, { hva: "hva", write: FaultFor.write }, "r"),
          when(() => own.r === VM_FAULT_DONE, [again]),
          act("P4", () => (own.r = EFAULT)),
        ],
      ),
      when(() => own.r !== 0, [leave]),
      act("P5", () => {
        own.got += 1;
        own.hva += pt.PAGE_SIZE;
      }),
      again,
    ),
    releaseLock(m, "P6", () => m.mm.mmap_lock, "read", LockCode.mmap_lock),
    done(() => (own.got === 0 && own.r !== 0 ? own.r : own.got)),
  ],
);

/** Gives everything back, in the order in which it was taken. */
export const unpin_user_pages = routine("unpin_user_pages", (m: Kvm): void => {
  const taken: number[] = [];
  for (let cell: number = m.host.held; cell !== 0; cell = pg.heldPage.at(m, cell).next)
    taken.push(cell);
  m.host.held = 0 as typeof m.host.held;
  for (const cell of taken.reverse()) {
    const { pfn, isPin } = pg.heldPage.at(m, cell);
    drop(m, pfn, isPin);
    m.free(cell as ReturnType<Kvm["alloc"]>, KIND.heldPage);
  }
});
