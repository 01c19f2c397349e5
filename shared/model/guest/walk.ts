// The CPU's address translation with nested paging: the guest's tables, each access to them through
// KVM's. Owns the hardware's side effects: accessed and dirty bits in both kinds of table, what the
// VMCB says at an exit.
// From: the AMD manual's chapters on long-mode paging and on nested paging; traces confirm order
// and codes.
import { EventId } from "#shared/events/table";
import { frameAt, frameIndex, pagesPerLevel } from "#shared/units/address";
import { frameOf, highHalf } from "#shared/units/halves";
import { kvm_mmu_page, TLB_EXECUTABLE, TLB_USER, TLB_WRITABLE } from "../state/kvm.ts";
import type { Kvm } from "../state/machine.ts";
import { tableOf } from "../state/tables.ts";
import { readHigh, readLow, writeWord } from "../host/contents.ts";
import * as g from "./layout.ts";
import { fillTlb } from "./tlb.ts";

const P = 1;
const W = 2;
const U = 4;
const RSVD = 8;
const FETCH = 16;
const A = 0x20;
const D = 0x40;
const PS = 0x80;
/**
 * Bits of an NPF's code above 31: the access was to a guest page table, or to the final address.
 */
const GUEST_PAGE_HIGH = 2;
const GUEST_FINAL_HIGH = 1;
const ROOT_LEVEL = 4;
const NX_HIGH = 0x80000000 | 0;
/** Address bits at and above the CPU's 40 are reserved, in an entry's high half. */
const RESERVED_HIGH = 0x000fff00;

export const ACCESS_READ = 0;
export const ACCESS_WRITE = 1;
export const ACCESS_FETCH = 2;

/** An access to translate: halves of the address, what is done, by whom. */
export interface Access {
  readonly lo: number;
  readonly hi: number;
  readonly kind: number;
  readonly isUser: boolean;
}

/** translated; npf: the VMCB tells why; pageFault: cr2 and pf_error_code are set. */
export const Outcome = { translated: 0, npf: 1, pageFault: 2 } as const;

type Vcpu = Kvm["vcpus"][number];

function nestedFault(vcpu: Vcpu, gpa: number, code: number, high: number): number {
  const { exit_info_1 } = vcpu;
  exit_info_1.lo = code;
  exit_info_1.hi = high;
  vcpu.exit_info_2.lo = gpa | 0;
  vcpu.exit_info_2.hi = highHalf(gpa);
  return -1;
}

/** Frame of a gfn through KVM's tables, or -1 after filling the VMCB. */
function walkNested(m: Kvm, vcpu: Vcpu, gpa: number, kind: number, high: number): number {
  const gfn = frameAt(gpa);
  const { mem } = m;
  const { nonpresentHigh } = m.kernel;
  const code = U | (kind === ACCESS_WRITE ? W : kind === ACCESS_FETCH ? FETCH : 0);
  let table: number = kvm_mmu_page.at(m, vcpu.root).spt;
  for (let level = ROOT_LEVEL; ; level--) {
    const cell = table + frameIndex(gfn, level) * 2;
    const lo = mem[cell] as number;
    if ((lo & P) === 0) return nestedFault(vcpu, gpa, code, high);
    const hi = (mem[cell + 1] as number) ^ nonpresentHigh;
    if ((hi & RESERVED_HIGH) !== 0) return nestedFault(vcpu, gpa, code | RSVD, high);
    if (level > 1 && (lo & PS) === 0) {
      table = tableOf(m, frameOf(lo, hi));
      continue;
    }
    const denied =
      (kind === ACCESS_WRITE && (lo & W) === 0) || (kind === ACCESS_FETCH && (hi & NX_HIGH) !== 0);
    if (denied) return nestedFault(vcpu, gpa, code | P, high);
    const marked = lo | A | (kind === ACCESS_WRITE ? D : 0);
    if (marked !== lo) m.put(cell, marked);
    return level === 1 ? frameOf(lo, hi) : frameOf(lo, hi) + (gfn % pagesPerLevel(level));
  }
}

/** The guest gets its own page fault: what the CPU pushes. */
function pageFault(vcpu: Vcpu, access: Access, present: number): number {
  vcpu.cr2.lo = access.lo;
  vcpu.cr2.hi = access.hi;
  const isFetch =
    access.kind === ACCESS_FETCH &&
    ((vcpu.efer & g.EFER_NX) !== 0 || (vcpu.cr4 & g.CR4_SMEP) !== 0);
  vcpu.pf_error_code =
    present |
    (access.kind === ACCESS_WRITE ? W : 0) |
    (access.isUser ? U : 0) |
    (isFetch ? FETCH : 0);
  return Outcome.pageFault;
}

/**
 * Whether the guest's tables allow the access: rights ANDed over the levels, and the control
 * registers.
 */
function isAllowed(vcpu: Vcpu, access: Access, rights: number, isNx: boolean): boolean {
  const { kind, isUser } = access;
  if (isUser && (rights & U) === 0) return false;
  if (kind === ACCESS_FETCH) {
    if (isNx) return false;
    return isUser || (rights & U) === 0 || (vcpu.cr4 & g.CR4_SMEP) === 0;
  }
  if (!isUser && (rights & U) !== 0 && (vcpu.cr4 & g.CR4_SMAP) !== 0) return false;
  return kind !== ACCESS_WRITE || (rights & W) !== 0 || (!isUser && (vcpu.cr0 & g.CR0_WP) === 0);
}

/** 9 bits of the address for a level, from its halves. */
export function guestIndex(lo: number, hi: number, level: number): number {
  if (level === 1) return (lo >>> 12) & 511;
  if (level === 2) return (lo >>> 21) & 511;
  if (level === 3) return ((hi & 0x7f) << 2) | (lo >>> 30);
  return (hi >>> 7) & 511;
}

/** The leaf a guest walk ended at: where its entry is, and what was gathered on the way. */
interface GuestLeaf {
  readonly pfn: number;
  readonly index: number;
  readonly lo: number;
  readonly hi: number;
  readonly gfn: number;
  readonly rights: number;
  readonly isNx: boolean;
}

/** Translates one access of vCPU `id`; a translation goes to its TLB. Result: Outcome. */
export function translate(m: Kvm, id: number, vcpu: Vcpu, access: Access): number {
  const leaf = walkGuest(m, vcpu, access);
  if (typeof leaf === "number") return leaf;
  if (!isAllowed(vcpu, access, leaf.rights, leaf.isNx)) return pageFault(vcpu, access, P);
  const isWrite = access.kind === ACCESS_WRITE;
  const gpa = leaf.gfn * 4096 + (access.lo & 0xfff);
  const pfn = walkNested(m, vcpu, gpa, access.kind, GUEST_FINAL_HIGH);
  if (pfn < 0) return Outcome.npf;
  const marked = leaf.lo | A | (isWrite ? D : 0);
  if (marked !== leaf.lo) writeWord(m, leaf.pfn, leaf.index, marked, leaf.hi);
  const flags =
    (isWrite ? TLB_WRITABLE : 0) |
    ((leaf.rights & U) !== 0 ? TLB_USER : 0) |
    (leaf.isNx ? 0 : TLB_EXECUTABLE);
  fillTlb(vcpu, { lo: access.lo, hi: access.hi, pfn, gfn: leaf.gfn, flags });
  m.emit(EventId.tlbFill, id, access.lo, access.hi, pfn, highHalf(pfn), isWrite ? 1 : 0);
  return Outcome.translated;
}

/**
 * Reads the guest's entries from the root down; each table access is translated as a write by a
 * user.
 */
function walkGuest(m: Kvm, vcpu: Vcpu, access: Access): GuestLeaf | number {
  const { lo: gvaLow, hi: gvaHigh } = access;
  let table = vcpu.cr3;
  let rights = W | U;
  let isNx = false;
  for (let level = ROOT_LEVEL; ; level--) {
    const offset = guestIndex(gvaLow, gvaHigh, level) * 8;
    const pfn = walkNested(m, vcpu, table + offset, ACCESS_WRITE, GUEST_PAGE_HIGH);
    if (pfn < 0) return Outcome.npf;
    const index = offset >> 3;
    const lo = readLow(m, pfn, index);
    const hi = readHigh(m, pfn, index);
    if ((lo & P) === 0) return pageFault(vcpu, access, 0);
    if ((hi & RESERVED_HIGH) !== 0 || (level === ROOT_LEVEL && (lo & PS) !== 0)) {
      // MODEL: without the present bit, as the emulated CPU of the traces has it; hardware sets
      // both.
      return pageFault(vcpu, access, RSVD);
    }
    rights &= lo;
    isNx = isNx || ((hi & NX_HIGH) !== 0 && (vcpu.efer & g.EFER_NX) !== 0);
    if (level === 1) return { pfn, index, lo, hi, gfn: frameOf(lo, hi), rights, isNx };
    if (level <= 3 && (lo & PS) !== 0) {
      const pages = pagesPerLevel(level);
      const frame = frameOf(lo, hi);
      return {
        pfn,
        index,
        lo,
        hi,
        gfn: frame - (frame % pages) + pageInside(gvaLow, level),
        rights,
        isNx,
      };
    }
    if ((lo & A) === 0) writeWord(m, pfn, index, lo | A, hi);
    table = frameOf(lo, hi) * 4096;
  }
}

/** 4 KiB page of the address inside a large guest page. */
const pageInside = (lo: number, level: number): number =>
  level === 2 ? (lo >>> 12) & 511 : (lo >>> 12) & 0x3ffff;
