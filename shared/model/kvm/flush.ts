// Flushing the vCPUs' TLBs from outside: a request to each, and a kick out of the guest.
// MODEL: the flush takes effect at once; the kernel waits until every vCPU has left the guest.
// From: virt/kvm/kvm_main.c (kvm_flush_remote_tlbs, kvm_make_all_cpus_request), mmu.c
// (kvm_flush_remote_tlbs_gfn), 6.12 and 7.2.
import { routine } from "#shared/engine/routine";
import { TlbScope } from "#shared/events/own";
import { flushTlb } from "../guest/tlb.ts";
import type { Kvm } from "../state/machine.ts";

const kvm_make_all_cpus_request = routine("kvm_make_all_cpus_request", (m: Kvm): void => {
  for (const [id, vcpu] of m.vcpus.entries()) if (vcpu.created !== 0) flushTlb(m, id, TlbScope.all);
});

export const kvm_flush_remote_tlbs = routine("kvm_flush_remote_tlbs", (m: Kvm): void =>
  kvm_make_all_cpus_request(m),
);

/** This CPU flushes no ranges: it is the whole TLB all the same. */
export const kvm_flush_remote_tlbs_gfn = (m: Kvm): void => kvm_flush_remote_tlbs(m);
