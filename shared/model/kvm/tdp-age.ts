// The TDP MMU's answer to "was this used": accessed bits of leafs are read, and cleared if asked.
// 6.12 holds mmu_lock for writing; 7.x holds none, passes invalid roots by, and leaves an entry
// alone that another CPU changed meanwhile.
// From: arch/x86/kvm/mmu/tdp_mmu.c (kvm_tdp_mmu_age_gfn_range, kvm_tdp_mmu_test_age_gfn;
// kvm_tdp_mmu_handle_gfn and age_gfn_range 6.12, __kvm_tdp_mmu_age_gfn_range and
// kvm_tdp_mmu_age_spte 7.2).
import { assertHeld } from "#shared/engine/locks";
import { routine, type SpineRoutine } from "#shared/engine/routine";
import { int, local, ref, wide } from "#shared/engine/struct";
import { act, again, done, leave, loop, when } from "#shared/engine/words";
import { kvm_mmu_page, tdp_iter } from "../state/kvm.ts";
import type { Kvm } from "../state/machine.ts";
import * as t from "../state/tables.ts";
import { recordSpteChanged } from "./changed-spte.ts";
import * as s from "./spte.ts";
import { readEntry, tdp_iter_next, tdp_iter_start, type TdpIter } from "./tdp-iter.ts";

/** The entries of one act. */
const AGE_BATCH = 512;

const locals = { from: wide, to: wide, young: int, root: ref, iter: local(tdp_iter) } as const;
type AgeOwn = { iter: TdpIter; to: number; young: number };

/** From a root on, the first that aging looks at; 0 after the last. */
function usableRoot(m: Kvm, from: number): number {
  let cell = from;
  while (cell !== 0 && m.kernel.agesWithoutLock && kvm_mmu_page.at(m, cell).isInvalid !== 0)
    cell = kvm_mmu_page.at(m, cell).nextRoot;
  return cell;
}

/** Clears the accessed bit of the entry as it is now; a lost exchange changes nothing. */
function kvm_tdp_mmu_age_spte(m: Kvm, iter: TdpIter): void {
  const { gfn, level, old_spte, sptep } = iter;
  const { lo: expectedLow, hi: expectedHigh } = old_spte;
  readEntry(m, iter);
  const { lo: oldLow, hi } = old_spte;
  if (m.kernel.agesWithoutLock && (oldLow !== expectedLow || hi !== expectedHigh)) return;
  const lo = oldLow & ~s.shadow_accessed_mask;
  t.writeSpte(m, sptep, lo, hi);
  recordSpteChanged(m, { gfn, level, oldLow, oldHigh: hi, lo, hi });
}

/** One part of the walk over a root. */
function ageBatch(m: Kvm, own: AgeOwn, isTest: boolean): void {
  if (!m.kernel.agesWithoutLock) assertHeld(m, m.kvm.mmu_lock, "write");
  const { iter } = own;
  for (let n = 0; n < AGE_BATCH && iter.valid && iter.gfn < own.to; n++) {
    const { lo } = iter.old_spte;
    const isLeaf = s.is_shadow_present_pte(lo) && s.is_last_spte(lo, iter.level);
    if (isLeaf && s.is_accessed_spte(lo)) {
      own.young = 1;
      if (!isTest) kvm_tdp_mmu_age_spte(m, iter);
    }
    tdp_iter_next(m, iter);
  }
}

/** Result: 1 when a leaf of the range was used since the last time. */
const ageRange = (name: string, label: string, isTest: boolean): SpineRoutine<typeof locals> =>
  routine(name, locals, (own, m: Kvm) => [
    act("A0", () => {
      m.kvm.rcu.enter();
      own.root = usableRoot(m, m.kvm.tdp_mmu_roots) as typeof own.root;
    }),
    loop(
      when(() => own.root === 0, [leave]),
      act("A0s", () => tdp_iter_start(m, own.iter, own.root, 1, own.from)),
      loop(
        when(() => !own.iter.valid || own.iter.gfn >= own.to, [leave]),
        act(label, () => ageBatch(m, own, isTest)),
        again,
      ),
      act("A0n", () => {
        const { nextRoot } = kvm_mmu_page.at(m, own.root);
        own.root = usableRoot(m, nextRoot) as typeof own.root;
      }),
      again,
    ),
    act("A2e", () => m.kvm.rcu.leave()),
    done("young"),
  ]);

export const kvm_tdp_mmu_age_gfn_range = ageRange("kvm_tdp_mmu_age_gfn_range", "A2", false);

/** The same, changing nothing. */
export const kvm_tdp_mmu_test_age_gfn = ageRange("kvm_tdp_mmu_test_age_gfn", "A1", true);
