// Pages of the TDP MMU's tables: taking them, giving them back when no walk can still be inside. A
// table taken out of the tree waits until no reader is in an RCU section; then it is zeroed and
// freed. From: arch/x86/kvm/mmu/tdp_mmu.c (tdp_mmu_alloc_sp, tdp_mmu_init_sp,
// tdp_mmu_free_sp_rcu_callback), 6.12 and 7.2. MODEL: callbacks run when the RCU section of the
// thread that removed the tables ends, and only if nobody else is inside.
import { routine } from "#shared/engine/routine";
import { act, again, done, leave, loop, when } from "#shared/engine/words";
import { TablePageChange } from "#shared/events/own";
import { EventId } from "#shared/events/table";
import { highHalf } from "#shared/units/halves";
import { kvm_mmu_page } from "../state/kvm.ts";
import { KIND, type Kvm } from "../state/machine.ts";
import { tablePfn } from "../state/tables.ts";

export type ShadowPage = ReturnType<typeof kvm_mmu_page.at>;
const SP_CELLS = kvm_mmu_page.size;
const ROLE_LEVEL_MASK = 0xf;
/** Tables that one act frees: each is up to 1,024 writes. */
const FREE_BATCH = 32;

/** The shadow page that describes a table: both are numbered alike. */
export const shadowPageOf = (m: Kvm, table: number): ShadowPage =>
  kvm_mmu_page.at(m, m.shadowPages + ((table - m.kvmTables) / 1024) * SP_CELLS);

export const levelOf = (sp: ShadowPage): number => sp.role & ROLE_LEVEL_MASK;

const kvm_mmu_memory_cache_alloc = routine("kvm_mmu_memory_cache_alloc", (m: Kvm): number =>
  m.alloc(KIND.kvmTable),
);

/** A table page out of the vCPU's cache. */
export function tdp_mmu_alloc_sp(m: Kvm, level: number): ShadowPage {
  const table = kvm_mmu_memory_cache_alloc(m);
  const sp = shadowPageOf(m, table);
  sp.spt = table as typeof sp.spt;
  const pfn = tablePfn(m, table);
  m.emit(EventId.tablePage, pfn, highHalf(pfn), TablePageChange.allocated, level);
  return sp;
}

export const tdp_mmu_init_sp = routine(
  "tdp_mmu_init_sp",
  (m: Kvm, sp: ShadowPage, role: number, gfn: number): void => {
    sp.role = role;
    sp.gfn = gfn;
    m.emit(EventId.kvm_mmu_get_page, 0, gfn, highHalf(gfn), role, 0, 0, 1);
  },
);

/** tdp_mmu_free_sp(): at once, for a page that nobody else has seen. */
export function tdp_mmu_free_sp(m: Kvm, sp: ShadowPage): void {
  const table = sp.spt;
  const pfn = tablePfn(m, table);
  m.emit(EventId.tablePage, pfn, highHalf(pfn), TablePageChange.freed, levelOf(sp));
  for (let cell: number = sp.cell; cell < sp.cell + SP_CELLS; cell++) m.put(cell, 0);
  m.free(table, KIND.kvmTable);
}

/** call_rcu(): the page is freed once its readers are gone. */
export function freeAfterReaders(m: Kvm, sp: ShadowPage): void {
  sp.pending = m.kvm.pendingTables;
  m.kvm.pendingTables = sp.cell;
}

/** Whether a table is among the pages that wait: the kernel frees it at a time of its own. */
export function waitsForReaders(m: Kvm, table: number): boolean {
  for (let cell: number = m.kvm.pendingTables; cell !== 0; ) {
    const sp = kvm_mmu_page.at(m, cell);
    if (sp.spt === table) return true;
    cell = sp.pending;
  }
  return false;
}

/** tdp_mmu_free_sp_rcu_callback() for the pages that wait; nothing while a reader is inside. */
export const runRcuCallbacks = routine("rcu_core", {}, (_own, m: Kvm) => [
  loop(
    when(() => m.kvm.pendingTables === 0 || m.kvm.rcu.readers() !== 0, [leave]),
    act("T7", () => freeBatch(m)),
    again,
  ),
  done(),
]);

function freeBatch(m: Kvm): void {
  for (let n = 0; n < FREE_BATCH && m.kvm.pendingTables !== 0; n++) {
    const sp = kvm_mmu_page.at(m, m.kvm.pendingTables);
    m.kvm.pendingTables = sp.pending;
    tdp_mmu_free_sp(m, sp);
  }
}
