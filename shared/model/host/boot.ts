// The host before the VMM starts: the zero page, the device driver's pages, an empty address space.
// Owns the first frames; everything after them is the allocator's.
// From: the lab's module (which pages it allocates, with which counts), mm/memory.c (the zero
// page).
import { KIND, type Kvm } from "../state/machine.ts";
import * as pg from "../state/host.ts";
import * as kinds from "./kinds.ts";
import { HUGE_PAGES, pfn_to_page } from "./page.ts";

const DRIVER_PAGES = 16;

function driverPages(
  m: Kvm,
  first: number,
  set: (page: ReturnType<typeof pfn_to_page>, n: number) => void,
): void {
  for (let n = 0; n < DRIVER_PAGES; n++) {
    const page = pfn_to_page(m, first + n);
    page.isDriver = 1;
    page.lruRefs = m.labMarks;
    set(page, n);
  }
}

/** Builder, not an act: state before the first tick. */
export function bootHost(m: Kvm): void {
  for (let frame = 0; frame < kinds.BOOT_FRAMES; frame++) m.alloc(KIND.page);
  const zero = pfn_to_page(m, kinds.ZERO_PAGE_PFN);
  zero._refcount = 1;
  zero.isDriver = 1;
  zero.flags = pg.PG_reserved | pg.PG_zero;
  // An order-4 block that is not compound: only its first page is counted.
  driverPages(m, kinds.LAB_TAIL_PFN, (page, n) => (page._refcount = n === 0 ? 1 : 0));
  driverPages(m, kinds.LAB_COMPOUND_PFN, (page, n) => {
    page._refcount = n === 0 ? 1 : 0;
    page.order = n === 0 ? 4 : 0;
    page.flags = n === 0 ? pg.PG_head : pg.PG_tail;
    page.head = n === 0 ? 0 : kinds.LAB_COMPOUND_PFN;
  });
  driverPages(m, kinds.LAB_REF_PFN, (page) => (page._refcount = 1));
  driverPages(m, kinds.LAB_RESERVED_PFN, (page) => {
    page._refcount = 1;
    page.flags = pg.PG_reserved;
  });
  driverPages(m, kinds.LAB_INSERTED_PFN, (page) => (page._refcount = 1));
  // An order-9 block that is not compound either.
  for (let n = 0; n < HUGE_PAGES; n++) pfn_to_page(m, kinds.LAB_HUGE_PFN + n).isDriver = 1;
  pfn_to_page(m, kinds.LAB_HUGE_PFN)._refcount = 1;
  m.mm.pgd = m.alloc(KIND.hostTable);
}
