// The CPU's address translation with nested paging: the guest's tables, each access to them through
// KVM's. Owns the hardware's side effects: accessed and dirty bits in both kinds of table, what the
// VMCB says at an exit. The rules of the guest's own walk are those of paging.ts.
// From: the AMD manual's chapter on nested paging; traces confirm order and codes.
import { EventId } from "#shared/events/table";
import { frameAt, frameIndex, frameInside } from "#shared/units/address";
import { frameOf, highHalf } from "#shared/units/halves";
import { kvm_mmu_page, TLB_EXECUTABLE, TLB_USER, TLB_WRITABLE } from "../state/kvm.ts";
import type { Kvm } from "../state/machine.ts";
import { notSimulated } from "../state/not-simulated.ts";
import { tableOf } from "../state/tables.ts";
import { wordCell, writeWord } from "../host/contents.ts";
import {
  A,
  ACCESS_FETCH,
  ACCESS_WRITE,
  beyondAddress,
  D,
  FETCH,
  NX_HIGH,
  P,
  PS,
  RSVD,
  U,
  W,
  controlsOf,
  walkPages,
  Walked,
  X,
  type Access,
  type Cpu,
  type Walk,
} from "./paging.ts";
import { fillTlb } from "./tlb.ts";

/** The CPU of the lab, and of its guest: AMD's, without protection keys. */
export const LAB_CPU: Cpu = {
  physicalBits: 40,
  hasGigabytePages: true,
  reservesGlobal: true,
  pkru: 0,
  pkrs: 0,
};
/** The lab's guests keep EFLAGS.AC clear. */
export const LAB_EFLAGS = 0x3002;
/**
 * Bits of an NPF's code above 31: the access was to a guest page table, or to the final address.
 */
const GUEST_PAGE_HIGH = 2;
const GUEST_FINAL_HIGH = 1;
const ROOT_LEVEL = 4;
const RESERVED_HIGH = beyondAddress(LAB_CPU);

/** translated; npf: the VMCB tells why; pageFault: cr2 and pf_error_code are set. */
export const Outcome = { translated: 0, npf: 1, pageFault: 2 } as const;

type Vcpu = Kvm["vcpus"][number];

/** Fills the VMCB for a nested fault at a place in a guest page; `high`: the code's upper half. */
function nestedFault(vcpu: Vcpu, gfn: number, offset: number, code: number, high: number): false {
  const gpa = gfn * 4096 + offset;
  vcpu.exit_info_1.lo = code;
  vcpu.exit_info_1.hi = high;
  vcpu.exit_info_2.lo = gpa | 0;
  vcpu.exit_info_2.hi = highHalf(gpa);
  return false;
}

/** Frame of a gfn through KVM's tables from their root on, or ~code of the nested fault. */
function walkNested(m: Kvm, root: number, gfn: number, kind: number): number {
  const { mem } = m;
  const { nonpresentHigh } = m.kernel;
  const code = U | (kind === ACCESS_WRITE ? W : kind === ACCESS_FETCH ? FETCH : 0);
  let table = root;
  for (let level = ROOT_LEVEL; ; level--) {
    const cell = table + frameIndex(gfn, level) * 2;
    const lo = mem[cell] as number;
    if ((lo & P) === 0) return ~code;
    const hi = (mem[cell + 1] as number) ^ nonpresentHigh;
    if ((hi & RESERVED_HIGH) !== 0) return ~(code | RSVD);
    if (level > 1 && (lo & PS) === 0) {
      table = tableOf(m, frameOf(lo, hi));
      continue;
    }
    const denied =
      (kind === ACCESS_WRITE && (lo & W) === 0) || (kind === ACCESS_FETCH && (hi & NX_HIGH) !== 0);
    if (denied) return ~(code | P);
    const marked = lo | A | (kind === ACCESS_WRITE ? D : 0);
    if (marked !== lo) m.put(cell, marked);
    return level === 1 ? frameOf(lo, hi) : frameOf(lo, hi) + frameInside(gfn, level);
  }
}

/**
 * Code of a #PF as the CPU of the lab has it.
 * MODEL: a reserved bit is told without the present bit, as the emulated CPU of the traces does;
 * hardware sets both.
 */
export const labFaultCode = (code: number): number => ((code & RSVD) !== 0 ? code & ~P : code);

export const generalProtection = (): never =>
  notSimulated("An access to a non-canonical address, thus #GP in the guest,");

/** What the TLB keeps of a translation: the right to write only if a write made it. */
export const tlbFlags = (access: Access, rights: number): number =>
  (access.kind === ACCESS_WRITE ? TLB_WRITABLE : 0) |
  ((rights & U) !== 0 ? TLB_USER : 0) |
  ((rights & X) !== 0 ? TLB_EXECUTABLE : 0);

/**
 * A walk of the guest's tables as the CPU reaches them; an access to a table is translated as a
 * write by a user. Scratch of one walk at a time: `begin` makes it a new one.
 */
class GuestWalk implements Walk {
  root = 0;
  lo = 0;
  hi = 0;
  frame = 0;
  level = 0;
  rights = 0;
  code = 0;
  /** Host frame of the page. */
  page = 0;
  /** KVM's root table. */
  private nestedRoot = 0;
  private vcpu: Vcpu;
  private m: Kvm;
  private access: Access;
  /** Host frame of the table read last, and which entry. */
  private table = 0;
  private index = 0;

  constructor(m: Kvm, vcpu: Vcpu, access: Access) {
    this.m = m;
    this.vcpu = vcpu;
    this.access = access;
  }

  begin(m: Kvm, vcpu: Vcpu, access: Access): void {
    this.m = m;
    this.vcpu = vcpu;
    this.access = access;
    this.root = frameAt(vcpu.cr3);
    this.nestedRoot = m.mem[vcpu.root + ROOT_TABLE] as number;
  }

  load(table: number, index: number): boolean {
    const { m } = this;
    const pfn = walkNested(m, this.nestedRoot, table, ACCESS_WRITE);
    if (pfn < 0) return nestedFault(this.vcpu, table, index * 8, ~pfn, GUEST_PAGE_HIGH);
    this.table = pfn;
    this.index = index;
    const cell = wordCell(m, pfn, index);
    // No cell: a word never written, thus zero, as cell 0 is.
    this.lo = m.mem[cell] as number;
    this.hi = cell === 0 ? 0 : (m.mem[cell + 1] as number);
    return true;
  }

  store(lo: number): void {
    writeWord(this.m, this.table, this.index, lo, this.hi);
  }

  reach(frame: number): boolean {
    const { lo, kind } = this.access;
    this.page = walkNested(this.m, this.nestedRoot, frame, kind);
    if (this.page >= 0) return true;
    return nestedFault(this.vcpu, frame, lo & 0xfff, ~this.page, GUEST_FINAL_HIGH);
  }
}

/** Cell of a shadow page's `spt`, from its first. */
const ROOT_TABLE = kvm_mmu_page.offsets.spt;
let scratch: GuestWalk | null = null;

/** Translates one access of vCPU `id`; a translation goes to its TLB. Result: Outcome. */
export function translate(m: Kvm, id: number, vcpu: Vcpu, access: Access): number {
  const controls = controlsOf(vcpu.cr0, vcpu.cr4, vcpu.efer, LAB_EFLAGS);
  const walk = (scratch ??= new GuestWalk(m, vcpu, access));
  walk.begin(m, vcpu, access);
  const walked = walkPages(LAB_CPU, controls, access, walk);
  if (walked === Walked.stopped) return Outcome.npf;
  if (walked === Walked.notCanonical) return generalProtection();
  const { lo, hi } = access;
  if (walked === Walked.pageFault) {
    vcpu.cr2.lo = lo;
    vcpu.cr2.hi = hi;
    vcpu.pf_error_code = labFaultCode(walk.code);
    return Outcome.pageFault;
  }
  const pfn = walk.page;
  fillTlb(vcpu, { lo, hi, pfn, gfn: walk.frame, flags: tlbFlags(access, walk.rights) });
  const isWrite = access.kind === ACCESS_WRITE ? 1 : 0;
  m.emit(EventId.tlbFill, id, lo, hi, pfn, highHalf(pfn), isWrite);
  return Outcome.translated;
}
