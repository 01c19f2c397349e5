// Roots of the TDP MMU: making one, dropping one, tearing one down when the memslots change. A root
// lives while a vCPU or the TDP MMU holds it; an invalid one takes no new mappings and is zapped in
// passes.
// From: arch/x86/kvm/mmu/tdp_mmu.c (kvm_tdp_mmu_alloc_root, kvm_tdp_mmu_put_root,
// kvm_tdp_mmu_invalidate_all_roots, kvm_tdp_mmu_zap_invalidated_roots, tdp_mmu_zap_root), 6.12 and
// 7.2.
import { assertHeld } from "#shared/engine/locks";
import { routine } from "#shared/engine/routine";
import { int, local, ref } from "#shared/engine/struct";
import { act, again, call, done, leave, loop, set, when } from "#shared/engine/words";
import { LockCode } from "#shared/events/own";
import { EventId } from "#shared/events/table";
import { releaseLock, takeLock } from "../host/locks.ts";
import { kvm_mmu_page, tdp_iter } from "../state/kvm.ts";
import type { Kvm } from "../state/machine.ts";
import { is_shadow_present_pte } from "./spte.ts";
import { tdp_iter_next, tdp_iter_start, type TdpIter } from "./tdp-iter.ts";
import { tdp_mmu_iter_set_spte, tdp_mmu_set_spte_atomic } from "./tdp-set-spte.ts";
import {
  freeAfterReaders,
  runRcuCallbacks,
  tdp_mmu_alloc_sp,
  tdp_mmu_init_sp,
  type ShadowPage,
} from "./tdp-pages.ts";

const ROOT_LEVEL = 4;

/** for_each_tdp_mmu_root(): newest first, invalid ones included. */
export function* tdpRoots(m: Kvm): Generator<ShadowPage> {
  let cell: number = m.kvm.tdp_mmu_roots;
  while (cell !== 0) {
    const root = kvm_mmu_page.at(m, cell);
    yield root;
    cell = root.nextRoot;
  }
}

/** for_each_valid_tdp_mmu_root(): the first after `after`, which is 0 at first; 0 at the end. */
export function nextValidRoot(m: Kvm, after: number): number {
  let cell: number = after === 0 ? m.kvm.tdp_mmu_roots : kvm_mmu_page.at(m, after).nextRoot;
  while (cell !== 0 && kvm_mmu_page.at(m, cell).isInvalid !== 0)
    cell = kvm_mmu_page.at(m, cell).nextRoot;
  return cell;
}

/** The existing valid root, or a new one: all vCPUs of a VM have one role here. */
export const kvm_tdp_mmu_alloc_root = routine(
  "kvm_tdp_mmu_alloc_root",
  (m: Kvm): number => {
    assertHeld(m, m.kvm.mmu_lock, "read");
    for (const root of tdpRoots(m)) {
      if (root.isInvalid !== 0) continue;
      root.root_count += 1;
      return root.cell;
    }
    m.emit(EventId.lockTaken, LockCode.tdp_mmu_pages_lock, 1);
    const sp = tdp_mmu_alloc_sp(m, ROOT_LEVEL);
    tdp_mmu_init_sp(m, sp, m.kernel.tdpRootRole, 0);
    sp.root_count = 2;
    sp.nextRoot = m.kvm.tdp_mmu_roots;
    m.kvm.tdp_mmu_roots = sp.cell;
    m.emit(EventId.lockReleased, LockCode.tdp_mmu_pages_lock, 1);
    return sp.cell;
  },
  { inlined: true },
);

function unlinkRoot(m: Kvm, gone: ShadowPage): void {
  if (m.kvm.tdp_mmu_roots === gone.cell) m.kvm.tdp_mmu_roots = gone.nextRoot;
  else {
    for (const root of tdpRoots(m)) if (root.nextRoot === gone.cell) root.nextRoot = gone.nextRoot;
  }
}

/** kvm_tdp_mmu_put_root(): the last holder frees it, once no walk is inside. */
export const kvm_tdp_mmu_put_root = routine(
  "kvm_tdp_mmu_put_root",
  (m: Kvm, cell: number): void => {
    const root = kvm_mmu_page.at(m, cell);
    root.root_count -= 1;
    if (root.root_count !== 0) return;
    unlinkRoot(m, root);
    freeAfterReaders(m, root);
  },
);

/**
 * Marks all valid roots: no fault may map into them any more. mmu_lock is held for writing, unless
 * the VM has no vCPU left that could map.
 */
export const kvm_tdp_mmu_invalidate_all_roots = routine(
  "kvm_tdp_mmu_invalidate_all_roots",
  (m: Kvm): void => {
    if (m.kvm.online_vcpus !== 0) assertHeld(m, m.kvm.mmu_lock, "write");
    // One that was zapped before is not the TDP MMU's any more.
    for (const root of tdpRoots(m)) if (root.isInvalid === 0) root.isInvalid = 1;
  },
);

const passLocals = { root: ref, level: int, shared: int, iter: local(tdp_iter) } as const;

/**
 * One entry of a pass; with the lock shared, an exchange that is lost is tried again at the next
 * act.
 */
function zapEntry(m: Kvm, own: { iter: TdpIter; level: number; shared: number }): void {
  const { iter } = own;
  const isWanted = is_shadow_present_pte(iter.old_spte.lo) && iter.level <= own.level;
  if (isWanted && own.shared === 0) tdp_mmu_iter_set_spte(m, iter, 0, m.kernel.nonpresentHigh);
  if (isWanted && own.shared !== 0 && !tdp_mmu_set_spte_atomic(m, iter, 0, m.kernel.nonpresentHigh))
    return;
  do tdp_iter_next(m, iter);
  while (iter.valid && !(is_shadow_present_pte(iter.old_spte.lo) && iter.level <= own.level));
}

/** __tdp_mmu_zap_root(): every present entry up to a level, in order of gfn. */
const __tdp_mmu_zap_root = routine("__tdp_mmu_zap_root", passLocals, (own, m: Kvm) => [
  act("Z7s", () => {
    m.kvm.rcu.enter();
    tdp_iter_start(m, own.iter, own.root, own.level, 0);
  }),
  loop(
    when(() => !own.iter.valid, [leave]),
    act("Z7", () => zapEntry(m, own)),
    again,
  ),
  act("Z7e", () => m.kvm.rcu.leave()),
  done(),
]);

/**
 * Passes from small levels to large, so that no pass has to take down a table that is still full.
 */
const tdp_mmu_zap_root = routine(
  "tdp_mmu_zap_root",
  { root: ref, pass: int, shared: int },
  (own, m: Kvm) => [
    loop(
      when(() => own.pass >= m.kernel.zapLevels.length, [leave]),
      call(__tdp_mmu_zap_root, {
        root: "root",
        level: () => m.kernel.zapLevels[own.pass] ?? ROOT_LEVEL,
        shared: "shared",
      }),
      set("pass", () => own.pass + 1),
      again,
    ),
    done(),
  ],
);

const nextInvalid = (m: Kvm): number => {
  for (const root of tdpRoots(m)) if (root.isInvalid === 1) return root.cell;
  return 0;
};
/** A root that its zapper has done with: it lives on only while a vCPU still holds it. */
const ZAPPED = 2;

/**
 * Tears down each root marked before, with mmu_lock held for reading, and drops the TDP MMU's hold.
 */
export const kvm_tdp_mmu_zap_invalidated_roots = routine(
  "kvm_tdp_mmu_zap_invalidated_roots",
  { root: ref },
  (own, m: Kvm) => [
    takeLock(m, "Z6", () => m.kvm.mmu_lock, "read", LockCode.mmu_lock),
    loop(
      act("Z6r", () => (own.root = nextInvalid(m) as typeof own.root)),
      when(() => own.root === 0, [leave]),
      call(tdp_mmu_zap_root, { root: "root", shared: 1 }),
      act("Z8", () => {
        kvm_mmu_page.at(m, own.root).isInvalid = ZAPPED;
        kvm_tdp_mmu_put_root(m, own.root);
      }),
      again,
    ),
    releaseLock(m, "Z8u", () => m.kvm.mmu_lock, "read", LockCode.mmu_lock),
    call(runRcuCallbacks),
    done(),
  ],
);

/** kvm_tdp_mmu_zap_all(): the VM is closed. The write lock is held by the caller. */
export const kvm_tdp_mmu_zap_all = routine("kvm_tdp_mmu_zap_all", { root: ref }, (own, m: Kvm) => [
  act("Z9", () => (own.root = m.kvm.tdp_mmu_roots)),
  loop(
    when(() => own.root === 0, [leave]),
    call(tdp_mmu_zap_root, { root: "root", shared: 0 }),
    act("Z9n", () => (own.root = kvm_mmu_page.at(m, own.root).nextRoot)),
    again,
  ),
  done(),
]);
