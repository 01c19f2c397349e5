// The CPU's address translation without nested paging: KVM's shadow tables are the tables that CR3
// points to. The guest's own tables are only memory then; the CPU never reads them.
// From: the AMD manual's chapter on long-mode paging; svm_set_cr0() and svm_set_efer() (paging,
// CR0.WP and EFER.NX are always on in hardware then). Traces confirm order and codes.
import { EventId } from "#shared/events/table";
import { pagesPerLevel } from "#shared/units/address";
import { frameOf, highHalf } from "#shared/units/halves";
import { kvm_mmu_page, TLB_EXECUTABLE, TLB_USER, TLB_WRITABLE } from "../state/kvm.ts";
import type { Kvm } from "../state/machine.ts";
import { tableOf } from "../state/tables.ts";
import * as g from "./layout.ts";
import { fillTlb } from "./tlb.ts";
import { ACCESS_FETCH, ACCESS_WRITE, guestIndex, Outcome, type Access } from "./walk.ts";

const P = 1;
const W = 2;
const U = 4;
const RSVD = 8;
const FETCH = 16;
const A = 0x20;
const D = 0x40;
const PS = 0x80;
const NX_HIGH = 0x80000000 | 0;
const RESERVED_HIGH = 0x000fff00;
const ROOT_LEVEL = 4;

type Vcpu = Kvm["vcpus"][number];

/** The #PF exit: the code that the CPU would have pushed, and the address. */
function exitFault(vcpu: Vcpu, access: Access, found: number): number {
  const { exit_info_1, exit_info_2 } = vcpu;
  exit_info_1.lo =
    found |
    (access.kind === ACCESS_WRITE ? W : 0) |
    (access.isUser ? U : 0) |
    (access.kind === ACCESS_FETCH ? FETCH : 0);
  exit_info_1.hi = 0;
  exit_info_2.lo = access.lo;
  exit_info_2.hi = access.hi;
  return Outcome.npf;
}

function isAllowed(vcpu: Vcpu, access: Access, rights: number, isNx: boolean): boolean {
  const { kind, isUser } = access;
  const isUserPage = (rights & U) !== 0;
  if (isUser && !isUserPage) return false;
  if (kind === ACCESS_FETCH) {
    return !isNx && (isUser || !isUserPage || (vcpu.cr4 & g.CR4_SMEP) === 0);
  }
  if (!isUser && isUserPage && (vcpu.cr4 & g.CR4_SMAP) !== 0) return false;
  return kind !== ACCESS_WRITE || (rights & W) !== 0;
}

/** Translates one access of vCPU `id`; a translation goes to its TLB. Result: Outcome. */
export function translateShadow(m: Kvm, id: number, vcpu: Vcpu, access: Access): number {
  const { mem } = m;
  const { nonpresentHigh } = m.kernel;
  let table: number = kvm_mmu_page.at(m, vcpu.root).spt;
  let rights = W | U;
  let isNx = false;
  for (let level = ROOT_LEVEL; ; level--) {
    const cell = table + guestIndex(access.lo, access.hi, level) * 2;
    const lo = mem[cell] as number;
    if ((lo & P) === 0) return exitFault(vcpu, access, 0);
    const hi = (mem[cell + 1] as number) ^ nonpresentHigh;
    // MODEL: without the present bit, as the emulated CPU of the traces has it; hardware sets both.
    if ((hi & RESERVED_HIGH) !== 0) return exitFault(vcpu, access, RSVD);
    rights &= lo;
    isNx = isNx || (hi & NX_HIGH) !== 0;
    if (level > 1 && (lo & PS) === 0) {
      table = tableOf(m, frameOf(lo, hi));
      continue;
    }
    if (!isAllowed(vcpu, access, rights, isNx)) return exitFault(vcpu, access, P);
    const isWrite = access.kind === ACCESS_WRITE;
    const marked = lo | A | (isWrite ? D : 0);
    if (marked !== lo) m.put(cell, marked);
    const pfn = frameOf(lo, hi) + ((access.lo >>> 12) % pagesPerLevel(level));
    const flags =
      (isWrite ? TLB_WRITABLE : 0) |
      ((rights & U) !== 0 ? TLB_USER : 0) |
      (isNx ? 0 : TLB_EXECUTABLE);
    // The CPU knows no gfn here.
    fillTlb(vcpu, { lo: access.lo, hi: access.hi, pfn, gfn: 0, flags });
    m.emit(EventId.tlbFill, id, access.lo, access.hi, pfn, highHalf(pfn), isWrite ? 1 : 0);
    return Outcome.translated;
  }
}
