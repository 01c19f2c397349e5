// The CPU's address translation without nested paging: KVM's shadow tables are the tables that CR3
// points to. The guest's own tables are only memory then; the CPU never reads them.
// From: svm_set_cr0() and svm_set_efer() (paging, CR0.WP and EFER.NX are always on in hardware
// then); the rules of the walk are those of paging.ts. Traces confirm order and codes.
import { EventId } from "#shared/events/table";
import { highHalf } from "#shared/units/halves";
import { kvm_mmu_page } from "../state/kvm.ts";
import type { Kvm } from "../state/machine.ts";
import { tableOf, tablePfn } from "../state/tables.ts";
import {
  ACCESS_WRITE,
  CR0_WP,
  CR4_LA57,
  controlsOf,
  EFER_NX,
  walkPages,
  Walked,
  type Access,
  type Walk,
} from "./paging.ts";
import { fillTlb } from "./tlb.ts";
import { generalProtection, LAB_CPU, LAB_EFLAGS, labFaultCode, Outcome, tlbFlags } from "./walk.ts";

type Vcpu = Kvm["vcpus"][number];

class ShadowWalk implements Walk {
  readonly root: number;
  lo = 0;
  hi = 0;
  frame = 0;
  level = 0;
  rights = 0;
  code = 0;
  private readonly m: Kvm;
  private cell = 0;

  constructor(m: Kvm, vcpu: Vcpu) {
    this.m = m;
    this.root = tablePfn(m, kvm_mmu_page.at(m, vcpu.root).spt);
  }

  load(table: number, index: number): boolean {
    const { m } = this;
    this.cell = tableOf(m, table) + index * 2;
    this.lo = m.mem[this.cell] as number;
    this.hi = (m.mem[this.cell + 1] as number) ^ m.kernel.nonpresentHigh;
    return true;
  }

  store(lo: number): void {
    this.m.put(this.cell, lo);
  }

  reach(): boolean {
    return true;
  }
}

/** Translates one access of vCPU `id`; a translation goes to its TLB. Result: Outcome. */
export function translateShadow(m: Kvm, id: number, vcpu: Vcpu, access: Access): number {
  const { cr0, cr4, efer } = vcpu;
  const controls = controlsOf(cr0 | CR0_WP, cr4 & ~CR4_LA57, efer | EFER_NX, LAB_EFLAGS);
  const walk = new ShadowWalk(m, vcpu);
  const walked = walkPages(LAB_CPU, controls, access, walk);
  if (walked === Walked.notCanonical) return generalProtection();
  const { lo, hi } = access;
  if (walked === Walked.pageFault) {
    // The #PF exit: the code that the CPU would have pushed, and the address.
    const { exit_info_1, exit_info_2 } = vcpu;
    exit_info_1.lo = labFaultCode(walk.code);
    exit_info_1.hi = 0;
    exit_info_2.lo = lo;
    exit_info_2.hi = hi;
    return Outcome.npf;
  }
  const pfn = walk.frame;
  // The CPU knows no gfn here.
  fillTlb(vcpu, { lo, hi, pfn, gfn: 0, flags: tlbFlags(access, walk.rights) });
  const isWrite = access.kind === ACCESS_WRITE ? 1 : 0;
  m.emit(EventId.tlbFill, id, lo, hi, pfn, highHalf(pfn), isWrite);
  return Outcome.translated;
}
