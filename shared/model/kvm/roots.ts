// The tables that a vCPU runs on: loading a root, going back to an earlier one, letting go of them.
// A vCPU holds each root it knows by its root_count; an invalid one is freed by its last holder.
// From: arch/x86/kvm/mmu/mmu.c (kvm_mmu_load, kvm_mmu_free_roots, kvm_mmu_free_obsolete_roots,
// kvm_mmu_new_pgd, kvm_mmu_sync_roots, kvm_mmu_reset_context), 6.12 and 7.2.
import { routine } from "#shared/engine/routine";
import { int, wide } from "#shared/engine/struct";
import { act, again, call, done, leave, loop, when } from "#shared/engine/words";
import { LockCode } from "#shared/events/own";
import { releaseLock, takeLock } from "../host/locks.ts";
import { gfn_to_memslot, memslotAt } from "../lookup/memslot.ts";
import { KVM_MEMSLOT_INVALID, KVM_MMU_NUM_PREV_ROOTS } from "../state/kvm.ts";
import type { Kvm } from "../state/machine.ts";
import { notSimulated } from "../state/not-simulated.ts";
import { clearMmioGva } from "./mmio.ts";
import { rootRoleOf } from "./role.ts";
import { kvm_mmu_get_shadow_page } from "./shadow-page.ts";
import * as p from "./sp.ts";
import { mmu_sync_children } from "./sync.ts";
import { kvm_tdp_mmu_alloc_root, kvm_tdp_mmu_put_root } from "./tdp-roots.ts";
import { kvm_mmu_commit_zap_page, kvm_mmu_prepare_zap_page } from "./zap-page.ts";
import { make_mmu_pages_available } from "./zap-pages.ts";

type Vcpu = Kvm["vcpus"][number];

/** Which roots, as bits: the current one, then the previous ones. */
export const KVM_MMU_ROOT_CURRENT = 1;
export const KVM_MMU_ROOTS_ALL = 2 ** (KVM_MMU_NUM_PREV_ROOTS + 1) - 1;

/** The root of a bit: 0 for none. */
export const rootAt = (vcpu: Vcpu, n: number): number =>
  n === 0 ? vcpu.root : vcpu.prev_roots.get(n - 1).root;

function setRoot(vcpu: Vcpu, n: number, root: number, pgd: number): void {
  if (n === 0) {
    vcpu.root = root as typeof vcpu.root;
    vcpu.root_pgd = pgd;
    return;
  }
  const info = vcpu.prev_roots.get(n - 1);
  info.root = root as typeof info.root;
  info.pgd = pgd;
}

const pgdAt = (vcpu: Vcpu, n: number): number =>
  n === 0 ? vcpu.root_pgd : vcpu.prev_roots.get(n - 1).pgd;

/** mmu_free_root_page() for each bit that has a root: the previous ones, then the current one. */
function freeRoots(m: Kvm, id: number, roots: number): void {
  const vcpu = m.vcpus[id];
  if (vcpu === undefined) return;
  const invalid: p.InvalidList = [];
  for (let at = 1; at <= KVM_MMU_NUM_PREV_ROOTS + 1; at++) {
    const n = at % (KVM_MMU_NUM_PREV_ROOTS + 1);
    const root = rootAt(vcpu, n);
    if (root === 0 || ((roots >>> n) & 1) === 0) continue;
    setRoot(vcpu, n, 0, 0);
    if (m.mode === "tdp") {
      kvm_tdp_mmu_put_root(m, root);
      continue;
    }
    const sp = p.spAt(m, root);
    sp.root_count -= 1;
    if (sp.root_count === 0 && sp.isInvalid !== 0) kvm_mmu_prepare_zap_page(m, sp, invalid);
  }
  kvm_mmu_commit_zap_page(m, invalid);
}

const rootLocals = { vcpu: int, roots: int } as const;

const hasRoots = (m: Kvm, id: number, roots: number): boolean => {
  const vcpu = m.vcpus[id];
  if (vcpu === undefined) return false;
  for (let n = 0; n <= KVM_MMU_NUM_PREV_ROOTS; n++) {
    if (((roots >>> n) & 1) === 1 && rootAt(vcpu, n) !== 0) return true;
  }
  return false;
};

export const kvm_mmu_free_roots = routine("kvm_mmu_free_roots", rootLocals, (own, m: Kvm) => [
  when(
    act("O1", () => hasRoots(m, own.vcpu, own.roots)),
    [],
    [done()],
  ),
  when(
    () => m.mode === "tdp",
    [takeLock(m, "O2r", () => m.kvm.mmu_lock, "read", LockCode.mmu_lock)],
    [takeLock(m, "O2", () => m.kvm.mmu_lock, "write", LockCode.mmu_lock)],
  ),
  act("O3", () => freeRoots(m, own.vcpu, own.roots)),
  when(
    () => m.mode === "tdp",
    [releaseLock(m, "O4r", () => m.kvm.mmu_lock, "read", LockCode.mmu_lock)],
    [releaseLock(m, "O4", () => m.kvm.mmu_lock, "write", LockCode.mmu_lock)],
  ),
  done(),
]);

function obsoleteRoots(m: Kvm, id: number): number {
  const vcpu = m.vcpus[id];
  let roots = 0;
  for (let n = 0; vcpu !== undefined && n <= KVM_MMU_NUM_PREV_ROOTS; n++) {
    const root = rootAt(vcpu, n);
    if (root !== 0 && p.is_obsolete_sp(m, p.spAt(m, root))) roots |= 1 << n;
  }
  return roots;
}

/** A vCPU lets go of roots that were zapped, before it enters the guest. */
export const kvm_mmu_free_obsolete_roots = routine(
  "kvm_mmu_free_obsolete_roots",
  rootLocals,
  (own, m: Kvm) => [
    act("O0", () => (own.roots = obsoleteRoots(m, own.vcpu))),
    when(() => own.roots !== 0, [call(kvm_mmu_free_roots, { vcpu: "vcpu", roots: "roots" })]),
    done(),
  ],
);

/** The paging rules changed: no known root fits any more. */
export const kvm_mmu_reset_context = routine(
  "kvm_mmu_reset_context",
  { vcpu: int },
  (own, m: Kvm) => [
    call(kvm_mmu_free_roots, { vcpu: "vcpu", roots: KVM_MMU_ROOTS_ALL }),
    act("O5", () => kvm_init_mmu(m, own.vcpu)),
    done(),
  ],
);

export function kvm_init_mmu(m: Kvm, id: number): void {
  const vcpu = m.vcpus[id];
  if (vcpu === undefined) return;
  clearMmioGva(vcpu, null);
  vcpu.root_role = rootRoleOf(m, vcpu);
}

/** vcpu_clear_mmio_info(MMIO_GVA_ANY): translations may have changed. */
function forgetMmio(m: Kvm, id: number): void {
  const vcpu = m.vcpus[id];
  if (vcpu !== undefined) clearMmioGva(vcpu, null);
}

const is_unsync_root = (m: Kvm, id: number): boolean => {
  const root = m.vcpus[id]?.root ?? 0;
  if (root === 0 || m.mode !== "npt0") return false;
  const sp = p.spAt(m, root);
  return sp.unsync !== 0 || sp.unsync_children !== 0;
};

/** The guest flushed its TLB: tables that it wrote unseen are read again. */
export const kvm_mmu_sync_roots = routine("kvm_mmu_sync_roots", { vcpu: int }, (own, m: Kvm) => [
  when(
    act("Y1", () => {
      if (m.mode === "npt0") forgetMmio(m, own.vcpu);
      return is_unsync_root(m, own.vcpu);
    }),
    [],
    [done()],
  ),
  takeLock(m, "Y2", () => m.kvm.mmu_lock, "write", LockCode.mmu_lock),
  // One act for some pages: each may have hundreds of entries.
  loop(
    when(
      act("Y3", () => mmu_sync_children(m, own.vcpu, p.spAt(m, m.vcpus[own.vcpu]?.root ?? 0))),
      [again],
    ),
    leave,
  ),
  releaseLock(m, "Y4", () => m.kvm.mmu_lock, "write", LockCode.mmu_lock),
  done(),
]);

/** Frame of the guest's top table, which must be in a usable slot. */
function guestRootGfn(m: Kvm, vcpu: Vcpu): number {
  const gfn = Math.floor(vcpu.cr3 / 4096);
  const slot = gfn_to_memslot(m, gfn);
  const isVisible = slot !== 0 && (memslotAt(m, slot).flags & KVM_MEMSLOT_INVALID) === 0;
  return isVisible ? gfn : notSimulated("A guest whose CR3 points outside its memory");
}

/** mmu_alloc_direct_roots(), mmu_alloc_shadow_roots() */
function allocRoot(m: Kvm, id: number): void {
  const vcpu = m.vcpus[id];
  if (vcpu === undefined) return;
  if (m.mode === "tdp") {
    setRoot(vcpu, 0, kvm_tdp_mmu_alloc_root(m), 0);
    return;
  }
  const isShadow = m.mode === "npt0";
  const gfn = isShadow ? guestRootGfn(m, vcpu) : 0;
  const sp = kvm_mmu_get_shadow_page(m, id, gfn, vcpu.root_role);
  sp.root_count += 1;
  setRoot(vcpu, 0, sp.cell, isShadow ? vcpu.cr3 : 0);
}

/** Result: 0 or a negative errno. */
export const kvm_mmu_load = routine("kvm_mmu_load", { vcpu: int, r: int }, (own, m: Kvm) => [
  when(
    () => m.mode === "tdp",
    [
      takeLock(m, "R1", () => m.kvm.mmu_lock, "read", LockCode.mmu_lock),
      act("R2", () => allocRoot(m, own.vcpu)),
      releaseLock(m, "R3", () => m.kvm.mmu_lock, "read", LockCode.mmu_lock),
    ],
    [
      takeLock(m, "R1w", () => m.kvm.mmu_lock, "write", LockCode.mmu_lock),
      call(make_mmu_pages_available, {}, "r"),
      when(() => own.r === 0, [act("R2w", () => allocRoot(m, own.vcpu))]),
      releaseLock(m, "R3w", () => m.kvm.mmu_lock, "write", LockCode.mmu_lock),
      call(kvm_mmu_sync_roots, { vcpu: "vcpu" }),
    ],
  ),
  done("r"),
]);

function is_root_usable(m: Kvm, vcpu: Vcpu, pgd: number): boolean {
  const { root } = vcpu;
  return root !== 0 && vcpu.root_pgd === pgd && p.spAt(m, root).role === vcpu.root_role;
}

function swapRoots(vcpu: Vcpu, n: number): void {
  const root = vcpu.root;
  const pgd = vcpu.root_pgd;
  setRoot(vcpu, 0, rootAt(vcpu, n), pgdAt(vcpu, n));
  setRoot(vcpu, n, root, pgd);
}

/**
 * cached_root_find_and_keep_current(): swaps rotate the known roots, so that the current one is the
 * newest and the oldest is in its place when none fits.
 */
function findKeepingCurrent(m: Kvm, vcpu: Vcpu, pgd: number): boolean {
  if (is_root_usable(m, vcpu, pgd)) return true;
  for (let n = 1; n <= KVM_MMU_NUM_PREV_ROOTS; n++) {
    swapRoots(vcpu, n);
    if (is_root_usable(m, vcpu, pgd)) return true;
  }
  return false;
}

/** cached_root_find_without_current(): the others move up. */
function findWithoutCurrent(m: Kvm, vcpu: Vcpu, pgd: number): boolean {
  for (let n = 1; n <= KVM_MMU_NUM_PREV_ROOTS; n++) {
    swapRoots(vcpu, n);
    if (!is_root_usable(m, vcpu, pgd)) {
      swapRoots(vcpu, n);
      continue;
    }
    for (let at = n; at < KVM_MMU_NUM_PREV_ROOTS; at++) {
      setRoot(vcpu, at, rootAt(vcpu, at + 1), pgdAt(vcpu, at + 1));
    }
    setRoot(vcpu, KVM_MMU_NUM_PREV_ROOTS, 0, 0);
    return true;
  }
  return false;
}

/** fast_pgd_switch(): true when a known root was made current. */
function fast_pgd_switch(m: Kvm, id: number, pgd: number): boolean {
  const vcpu = m.vcpus[id];
  if (vcpu === undefined) return false;
  const isFound =
    vcpu.root !== 0 ? findKeepingCurrent(m, vcpu, pgd) : findWithoutCurrent(m, vcpu, pgd);
  if (isFound) {
    clearMmioGva(vcpu, null);
    p.spAt(m, vcpu.root).write_flooding_count = 0;
  }
  return isFound;
}

/** CR3 changes: takes a known root, or leaves none, so that the next entry loads one. */
export const kvm_mmu_new_pgd = routine(
  "kvm_mmu_new_pgd",
  { vcpu: int, pgd: wide },
  (own, m: Kvm) => [
    when(
      act("O6", () => fast_pgd_switch(m, own.vcpu, own.pgd)),
      [done()],
    ),
    call(kvm_mmu_free_roots, { vcpu: "vcpu", roots: KVM_MMU_ROOT_CURRENT }),
    done(),
  ],
);
