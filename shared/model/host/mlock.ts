// A page that leaves a mapping which mlock keeps in memory.
// From: mm/internal.h (munlock_vma_folio), mm/mlock.c (__munlock_folio), 6.1, 6.12 and 7.2.
import * as pg from "../state/host.ts";
import type { Kvm } from "../state/machine.ts";
import { fileAt } from "./filemap.ts";
import * as page from "./page.ts";
import { vma_lookup, vmaAt } from "./vma.ts";

/** munlock_vma_folio(): a page that leaves a locked mapping is evictable again, not ramfs's. */
export function munlock_vma_folio(m: Kvm, hva: number, pfn: number): void {
  const head = page.headOf(m, pfn);
  if ((page.pageFlags(m, head) & pg.PG_unevictable) === 0) return;
  if ((vmaAt(m, vma_lookup(m, hva)).vm_flags & pg.VM_LOCKED) === 0) return;
  const { mapping } = page.pfn_to_page(m, head);
  const isRamfs = mapping !== 0 && fileAt(m, mapping).fs === pg.FileSystem.ramfs;
  if (!isRamfs) page.clearPageFlags(m, head, pg.PG_unevictable);
}
