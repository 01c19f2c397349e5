// The CPU's translation cache: which host frame a guest address leads to, per vCPU. Direct-mapped
// by page number; a bit per entry says which are valid, so that a flush visits only those.
// MODEL: one TLB per vCPU without ASIDs; a real CPU may keep more, and in other places.
import { TlbScope } from "#shared/events/own";
import { EventId } from "#shared/events/table";
import { joinHalves } from "#shared/units/halves";
import { kvm_vcpu, TLB_ENTRIES, tlbEntry } from "../state/kvm.ts";
import type { Kvm } from "../state/machine.ts";

type Vcpu = Kvm["vcpus"][number];

// A hit is what the guest does most: it goes by cells, without a view.
const ENTRIES = kvm_vcpu.offsets.tlb;
const VALID = kvm_vcpu.offsets.tlb_valid;
const ENTRY_CELLS = tlbEntry.size;
const { gvaPage: GVA_PAGE, pfn: PFN, flags: FLAGS } = tlbEntry.offsets;

/** Place of a page in the TLB: its number modulo the size. */
const indexOf = (gvaLow: number): number => (gvaLow >>> 12) % TLB_ENTRIES;

/** Cell of the entry for an address; 0 when there is none. Reads only. */
export function findTlb(m: Kvm, vcpu: Vcpu, lo: number, hi: number): number {
  const { mem } = m;
  const index = indexOf(lo);
  const valid = mem[vcpu.cell + VALID + (index >>> 5)] as number;
  if (((valid >>> (index & 31)) & 1) === 0) return 0;
  const entry = vcpu.cell + ENTRIES + index * ENTRY_CELLS;
  const isIt = mem[entry + GVA_PAGE] === (lo & ~0xfff) && mem[entry + GVA_PAGE + 1] === hi;
  return isIt ? entry : 0;
}

/** Frame and rights of an entry that was found; 0 of none. */
export const tlbPfn = (m: Kvm, entry: number): number =>
  entry === 0 ? 0 : joinHalves(m.mem[entry + PFN] as number, m.mem[entry + PFN + 1] as number);
export const tlbRights = (m: Kvm, entry: number): number =>
  entry === 0 ? 0 : (m.mem[entry + FLAGS] as number);

/** A translation to keep. */
export interface Translation {
  readonly lo: number;
  readonly hi: number;
  readonly pfn: number;
  readonly gfn: number;
  readonly flags: number;
}

export function fillTlb(vcpu: Vcpu, made: Translation): void {
  const index = indexOf(made.lo);
  const entry = vcpu.tlb.get(index);
  entry.gvaPage.lo = made.lo & ~0xfff;
  entry.gvaPage.hi = made.hi;
  entry.pfn = made.pfn;
  entry.gfn = made.gfn;
  entry.flags = made.flags;
  const { tlb_valid } = vcpu;
  if (index < 32) tlb_valid.lo |= 1 << index;
  else tlb_valid.hi |= 1 << (index & 31);
}

function forget(vcpu: Vcpu, index: number): void {
  const entry = vcpu.tlb.get(index);
  entry.gvaPage.lo = 0;
  entry.gvaPage.hi = 0;
  entry.pfn = 0;
  entry.gfn = 0;
  entry.flags = 0;
}

/** Throws all translations of a vCPU away; an empty TLB is left alone and not recorded. */
export function flushTlb(m: Kvm, id: number, scope: number): void {
  const vcpu = m.vcpus[id];
  if (vcpu === undefined || (vcpu.tlb_valid.lo | vcpu.tlb_valid.hi) === 0) return;
  const { tlb_valid } = vcpu;
  for (let bits = tlb_valid.lo; bits !== 0; bits &= bits - 1)
    forget(vcpu, 31 - Math.clz32(bits & -bits));
  for (let bits = tlb_valid.hi; bits !== 0; bits &= bits - 1)
    forget(vcpu, 63 - Math.clz32(bits & -bits));
  tlb_valid.lo = 0;
  tlb_valid.hi = 0;
  m.emit(EventId.tlbFlush, id, scope);
}

/** INVLPG: one page. */
export function flushTlbPage(m: Kvm, id: number, lo: number, hi: number): void {
  const vcpu = m.vcpus[id];
  if (vcpu === undefined || findTlb(m, vcpu, lo, hi) === 0) return;
  const index = indexOf(lo);
  forget(vcpu, index);
  if (index < 32) vcpu.tlb_valid.lo &= ~(1 << index);
  else vcpu.tlb_valid.hi &= ~(1 << (index & 31));
  m.emit(EventId.tlbFlush, id, TlbScope.address);
}
