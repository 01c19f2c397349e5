// The end of a VM: its last descriptor is closed. The notifier goes first and takes all mappings
// with it, then the vCPUs let go of their roots, then roots and memslots are freed.
// From: virt/kvm/kvm_main.c (kvm_destroy_vm, kvm_mmu_notifier_release, kvm_flush_shadow_all,
// kvm_destroy_vcpus), arch/x86/kvm/x86.c (kvm_arch_destroy_vm, kvm_unload_vcpu_mmus),
// arch/x86/kvm/mmu/mmu.c (kvm_mmu_uninit_vm), tdp_mmu.c (kvm_mmu_uninit_tdp_mmu), 6.12 and 7.2.
import { routine } from "#shared/engine/routine";
import { int } from "#shared/engine/struct";
import { act, again, call, done, leave, loop, set, when } from "#shared/engine/words";
import { TlbScope } from "#shared/events/own";
import { flushTlb } from "../guest/tlb.ts";
import { mmu_notifier_unregister } from "../host/notifier.ts";
import type { Kvm } from "../state/machine.ts";
import { kvm_free_memslots } from "./memslots.ts";
import { KVM_MMU_ROOTS_ALL, kvm_mmu_free_roots } from "./roots.ts";
import {
  kvm_tdp_mmu_invalidate_all_roots,
  kvm_tdp_mmu_zap_invalidated_roots,
} from "./tdp-roots.ts";
import { kvm_mmu_zap_all } from "./zap-pages.ts";

const kvm_flush_shadow_all = routine("kvm_flush_shadow_all", {}, () => [
  call(kvm_mmu_zap_all),
  done(),
]);

export const kvm_mmu_notifier_release = routine("kvm_mmu_notifier_release", {}, () => [
  call(kvm_flush_shadow_all),
  done(),
]);

const kvm_unload_vcpu_mmus = routine("kvm_unload_vcpu_mmus", { vcpu: int }, (own, m: Kvm) => [
  loop(
    when(() => own.vcpu >= m.vcpus.length, [leave]),
    call(kvm_mmu_free_roots, { vcpu: "vcpu", roots: KVM_MMU_ROOTS_ALL }),
    set("vcpu", () => own.vcpu + 1),
    again,
  ),
  done(),
]);

function kvm_destroy_vcpus(m: Kvm): void {
  for (const [id, vcpu] of m.vcpus.entries()) {
    if (vcpu.created === 0) continue;
    flushTlb(m, id, TlbScope.vcpu);
    vcpu.created = 0;
    vcpu.requests = 0;
  }
  m.kvm.online_vcpus = 0;
}

const kvm_mmu_uninit_tdp_mmu = routine("kvm_mmu_uninit_tdp_mmu", {}, (_own, m: Kvm) => [
  act("Z11", () => kvm_tdp_mmu_invalidate_all_roots(m)),
  call(kvm_tdp_mmu_zap_invalidated_roots),
  done(),
]);

const kvm_arch_destroy_vm = routine("kvm_arch_destroy_vm", {}, (_own, m: Kvm) => [
  call(kvm_unload_vcpu_mmus),
  act("Z12", () => kvm_destroy_vcpus(m)),
  when(() => m.mode === "tdp", [call(kvm_mmu_uninit_tdp_mmu)]),
  done(),
]);

export const kvm_destroy_vm = routine("kvm_destroy_vm", {}, (_own, m: Kvm) => [
  act("Z13", () => (m.kvm.isDestroyed = true)),
  call(mmu_notifier_unregister),
  // Whoever is between start and end of an invalidation ends it without KVM.
  act("Z14", () => (m.kvm.mn_active_invalidate_count = 0)),
  call(kvm_arch_destroy_vm),
  call(kvm_free_memslots),
  done(),
]);
