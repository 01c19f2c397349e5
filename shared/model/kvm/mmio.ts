// MMIO entries: what KVM writes for a gfn without memslot, and what it does when the CPU meets one.
// An entry carries the memslots' generation; an older one is worthless and made anew by the slow
// path.
// From: arch/x86/kvm/mmu/spte.c (make_mmio_spte), mmu.c (handle_mmio_page_fault, check_mmio_spte),
// spte.h, x86.h (vcpu_match_mmio_gva), 6.12 and 7.2.
import { routine } from "#shared/engine/routine";
import { EventId } from "#shared/events/table";
import { bitsOf, frameHigh, frameLow, frameOf, highHalf, type Word } from "#shared/units/halves";
import * as design from "../lookup/design.ts";
import type { TdpIter } from "./tdp-iter.ts";
import type { Kvm } from "../state/machine.ts";
import * as t from "../state/tables.ts";
import { getLastSpte } from "./lockless-walk.ts";

const P = 1;
/** Bit 51: reserved at this CPU's MAXPHYADDR, in the high half. */
const SHADOW_MMIO_HIGH = 0x80000;
const ACC_WU = 6;
const GEN_LOW_SHIFT = 3;

export const is_mmio_spte = (lo: number, hi: number): boolean =>
  (lo & P) !== 0 && (hi & SHADOW_MMIO_HIGH) !== 0;

/** Low bits of the generation that an entry has room for in its low half. */
const lowBits = (m: Kvm): number => m.kernel.mmioGenerationLowBits;

/** The generation as an entry holds it. */
export const kvmGeneration = (m: Kvm): number =>
  m.kvm.generation & (2 ** m.kernel.mmioGenerationBits - 1);

/** Halves of the MMIO entry for a gfn; `access` as ACC_ bits. */
export function make_mmio_spte(m: Kvm, gfn: number, access: number): { lo: number; hi: number } {
  const gen = kvmGeneration(m);
  const low = gen & (2 ** lowBits(m) - 1);
  const high = gen >>> lowBits(m);
  const lo = frameLow(gfn, P | (access & ACC_WU) | (low << GEN_LOW_SHIFT));
  return { lo, hi: frameHigh(gfn) | SHADOW_MMIO_HIGH | (high << 20) };
}

export function get_mmio_spte_generation(m: Kvm, lo: number, hi: number): number {
  const low = bitsOf(lo, hi, GEN_LOW_SHIFT, GEN_LOW_SHIFT + lowBits(m) - 1);
  return low | (bitsOf(lo, hi, 52, 62) << lowBits(m));
}

export const get_mmio_spte_gfn = (lo: number, hi: number): number =>
  bitsOf(lo, hi & ~SHADOW_MMIO_HIGH, 12, 50);

export function recordMarkMmio(m: Kvm, sptep: number, gfn: number, lo: number, hi: number): void {
  const physical = t.physicalOf(m, sptep);
  m.emit(
    EventId.mark_mmio_spte,
    physical | 0,
    directMapHigh(physical),
    gfn,
    highHalf(gfn),
    lo & m.kernel.accessAll,
    get_mmio_spte_generation(m, lo, hi),
  );
}

const directMapHigh = (physical: number): number =>
  (0xffff8880 + Math.floor(physical / 2 ** 32)) | 0;

type Vcpu = Kvm["vcpus"][number];

/**
 * vcpu_is_mmio_gpa(): the last MMIO access was to this gfn, and nothing has changed since. gfn 0 is
 * never cached.
 */
export const isCachedMmio = (m: Kvm, vcpu: Vcpu, gfn: number): boolean =>
  gfn !== 0 && vcpu.mmio_gfn === gfn + 1 && vcpu.mmio_gen === m.kvm.generation;

/** vcpu_match_mmio_gva(): the same for a virtual address, with shadow paging. */
export function isCachedMmioGva(m: Kvm, vcpu: Vcpu, addr: Word): boolean {
  const { mmio_gva, mmio_gen } = vcpu;
  const isSet = mmio_gva.lo !== 0 || mmio_gva.hi !== 0;
  const isSame = mmio_gva.lo === (addr.lo & ~0xfff) && mmio_gva.hi === addr.hi;
  return isSet && isSame && mmio_gen === m.kvm.generation;
}

/** vcpu_clear_mmio_info(): of one address, or whatever it is. */
export function clearMmioGva(vcpu: Vcpu, addr: Word | null): void {
  const { mmio_gva } = vcpu;
  const isMeant = addr === null || (mmio_gva.lo === (addr.lo & ~0xfff) && mmio_gva.hi === addr.hi);
  if (!isMeant) return;
  mmio_gva.lo = 0;
  mmio_gva.hi = 0;
}

/** Whether the address of the exit is the one of the last MMIO access. */
export function mmio_info_in_cache(m: Kvm, id: number): boolean {
  const vcpu = m.vcpus[id];
  if (vcpu === undefined) return false;
  const addr = vcpu.exit_info_2;
  return m.mode === "npt0"
    ? isCachedMmioGva(m, vcpu, addr)
    : isCachedMmio(m, vcpu, frameOf(addr.lo, addr.hi));
}

/** A fault with a reserved bit: emulate, retry, or INVALID for the slow path. */
export const handle_mmio_page_fault = routine(
  "handle_mmio_page_fault",
  (m: Kvm, id: number, iter: TdpIter): number => {
    const vcpu = m.vcpus[id];
    if (vcpu === undefined) return design.RET_PF_RETRY;
    const addr = vcpu.exit_info_2;
    if (mmio_info_in_cache(m, id)) return design.RET_PF_EMULATE;
    getLastSpte(m, vcpu.root, addr, iter);
    const { lo, hi } = iter.old_spte;
    if (!is_mmio_spte(lo, hi)) return design.RET_PF_RETRY;
    const gen = kvmGeneration(m);
    const entryGen = get_mmio_spte_generation(m, lo, hi);
    m.emit(EventId.check_mmio_spte, lo, hi, gen, entryGen);
    if (gen !== entryGen) return design.RET_PF_INVALID;
    const gfn = get_mmio_spte_gfn(lo, hi);
    const isVirtual = m.mode === "npt0";
    const shown = isVirtual ? addr : { lo: 0, hi: 0 };
    m.emit(EventId.handle_mmio_page_fault, shown.lo, shown.hi, gfn, highHalf(gfn), lo & ACC_WU);
    vcpu.mmio_gfn = gfn + 1;
    vcpu.mmio_gva.lo = shown.lo & ~0xfff;
    vcpu.mmio_gva.hi = shown.hi;
    vcpu.mmio_access = lo & ACC_WU;
    vcpu.mmio_gen = m.kvm.generation;
    return design.RET_PF_EMULATE;
  },
);
