// Taking many shadow pages out, one an act: because there are too many, because they are obsolete,
// because the VM is closed. mmu_lock is held for writing.
// From: arch/x86/kvm/mmu/mmu.c (make_mmu_pages_available, kvm_mmu_zap_oldest_mmu_pages,
// kvm_zap_obsolete_pages, kvm_mmu_zap_all), 6.12 and 7.2.
// MODEL: each page is freed as it is zapped; the kernel frees all of them at the end.
import { routine } from "#shared/engine/routine";
import { int, ref } from "#shared/engine/struct";
import { act, again, call, done, leave, loop, when } from "#shared/engine/words";
import { LockCode } from "#shared/events/own";
import { releaseLock, takeLock } from "../host/locks.ts";
import type { Kvm } from "../state/machine.ts";
import * as p from "./sp.ts";
import type { InvalidList, ShadowPage } from "./sp.ts";
import { kvm_tdp_mmu_zap_all } from "./tdp-roots.ts";
import { runRcuCallbacks } from "./tdp-pages.ts";
import { kvm_mmu_commit_zap_page, kvm_mmu_prepare_zap_page } from "./zap-page.ts";

/** Zaps a page and frees what went with it; gives how many pages below it went. */
function zapOne(m: Kvm, sp: ShadowPage): number {
  const invalid: InvalidList = [];
  const below = kvm_mmu_prepare_zap_page(m, sp, invalid);
  kvm_mmu_commit_zap_page(m, invalid);
  return below;
}

const KVM_MIN_FREE_MMU_PAGES = 5;
const KVM_REFILL_PAGES = 25;
const ENOSPC = -28;

const available = (m: Kvm): number => Math.max(0, m.kvm.n_max_mmu_pages - m.kvm.n_used_mmu_pages);

type ZapOwn = { at: number; wanted: number };

function startZap(m: Kvm, own: ZapOwn): boolean {
  const free = available(m);
  own.wanted = free < KVM_MIN_FREE_MMU_PAGES ? KVM_REFILL_PAGES - free : 0;
  own.at = m.kvm.oldestPage;
  return own.wanted > 0;
}

/** The next page of kvm_mmu_zap_oldest_mmu_pages(); roots in use stay. */
function zapNextOldest(m: Kvm, own: ZapOwn): void {
  const sp = p.spAt(m, own.at);
  const { newer } = sp;
  if (sp.root_count !== 0) {
    own.at = newer;
    return;
  }
  const below = zapOne(m, sp);
  own.wanted -= 1 + below;
  // Pages below it went too, so the list changed under the walk: from the start.
  own.at = below > 0 ? m.kvm.oldestPage : newer;
}

/** Keeps the number of shadow pages within the VM's limit. Result: 0 or an errno. */
export const make_mmu_pages_available = routine(
  "make_mmu_pages_available",
  { at: ref, wanted: int },
  (own, m: Kvm) => [
    when(
      act("H1", () => startZap(m, own)),
      [],
      [done(0)],
    ),
    loop(
      when(() => own.at === 0 || own.wanted <= 0, [leave]),
      act("H2", () => zapNextOldest(m, own)),
      again,
    ),
    when(
      act("H3", () => available(m) > 0),
      [done(0)],
    ),
    done(ENOSPC),
  ],
  { inlined: true },
);

/** The oldest page if it is obsolete; true when it was, so that there may be more. */
function zapOldestObsolete(m: Kvm): boolean {
  const cell = m.kvm.oldestPage;
  if (cell === 0 || !p.is_obsolete_sp(m, p.spAt(m, cell))) return false;
  zapOne(m, p.spAt(m, cell));
  return true;
}

/** After the generation moved: every page of the old one, oldest first. */
export const kvm_zap_obsolete_pages = routine("kvm_zap_obsolete_pages", {}, (_own, m: Kvm) => [
  loop(
    when(
      act("Z3", () => zapOldestObsolete(m)),
      [again],
    ),
    leave,
  ),
  done(),
]);

function zapNewest(m: Kvm): boolean {
  const cell = m.kvm.newestPage;
  if (cell === 0) return false;
  zapOne(m, p.spAt(m, cell));
  return true;
}

/** The VM is closed: all pages, newest first, then all TDP roots. */
export const kvm_mmu_zap_all = routine("kvm_mmu_zap_all", {}, (_own, m: Kvm) => [
  takeLock(m, "Z10l", () => m.kvm.mmu_lock, "write", LockCode.mmu_lock),
  loop(
    when(
      act("Z10", () => zapNewest(m)),
      [again],
    ),
    leave,
  ),
  when(() => m.mode === "tdp", [call(kvm_tdp_mmu_zap_all)]),
  releaseLock(m, "Z10u", () => m.kvm.mmu_lock, "write", LockCode.mmu_lock),
  when(() => m.mode === "tdp", [call(runRcuCallbacks)]),
  done(),
]);
