// KVM's own walk of the guest's page tables: for every fault in shadow paging, for emulation in
// every mode. Reads each entry through the VMM's mapping, which may fault there and sleep; between
// two entries the guest may change its tables. Owns nothing but the walker that it fills.
// From: arch/x86/kvm/mmu/paging_tmpl.h (walk_addr_generic, update_accessed_dirty_bits, gpte_access,
// protect_clean_gpte), mmu.h (permission_fault), in its 64-bit form, 6.12 and 7.2.
import { routine } from "#shared/engine/routine";
import { int, pair, ref, wide } from "#shared/engine/struct";
import { act, again, call, done, leave, loop, set, when } from "#shared/engine/words";
import { EventId } from "#shared/events/table";
import { frameInside, roundFrame } from "#shared/units/address";
import { frameOf, highHalf } from "#shared/units/halves";
import { CR0_WP, CR4_SMAP, CR4_SMEP, EFER_NX } from "../guest/paging.ts";
import { hostAccess, walkHost } from "../host/access.ts";
import { readHigh, readLow, writeWord } from "../host/contents.ts";
import { gfnToHva, kvm_vcpu_gfn_to_memslot, memslotAt } from "../lookup/memslot.ts";
import { guest_walker, KVM_MEMSLOT_INVALID, KVM_MEM_READONLY } from "../state/kvm.ts";
import type { Kvm } from "../state/machine.ts";
import { kvm_vcpu_mark_page_dirty } from "./dirty-log.ts";
import { ACC_USER_MASK, ACC_WRITE_MASK, accReadMask } from "./role.ts";

export const PFERR_PRESENT_MASK = 1;
export const PFERR_WRITE_MASK = 2;
export const PFERR_USER_MASK = 4;
export const PFERR_RSVD_MASK = 8;
export const PFERR_FETCH_MASK = 16;

export const PT_GUEST_PRESENT = 1;
export const PT_GUEST_ACCESSED = 0x20;
export const PT_GUEST_DIRTY = 0x40;
const PS = 0x80;
const G = 0x100;
const NX_HIGH = 0x80000000 | 0;
const ROOT_LEVEL = 4;
/** Reserved above MAXPHYADDR 40, in an entry's high half. */
const RESERVED_HIGH = 0x000fff00;
/** Bits 13 to 20: reserved in a large page's entry; for 1 GiB also 21 to 29. */
const RESERVED_LARGE = [0, 0, 0x1fe000, 0x3fffe000] as const;

export type Walker = ReturnType<typeof guest_walker.at>;
type Vcpu = Kvm["vcpus"][number];

/** Index of an address, given as halves, in a table of a level. */
export function indexAt(lo: number, hi: number, level: number): number {
  if (level === 1) return (lo >>> 12) & 511;
  if (level === 2) return (lo >>> 21) & 511;
  return level === 3 ? ((hi & 0x7f) << 2) | (lo >>> 30) : (hi >>> 7) & 511;
}

/** gpte_access(): rights of an entry, or of entries ANDed, as ACC_ bits. */
export const gpte_access = (m: Kvm, lo: number, isNx: boolean): number =>
  (lo & (ACC_WRITE_MASK | ACC_USER_MASK)) | accReadMask(m) | (isNx ? 0 : m.kernel.accessExec);

export const isNxEntry = (hi: number): boolean => (hi & NX_HIGH) !== 0;

/** protect_clean_gpte(): no right to write until a write has set the entry's dirty bit. */
export const protect_clean_gpte = (access: number, lo: number): number =>
  (lo & PT_GUEST_DIRTY) !== 0 ? access : access & ~ACC_WRITE_MASK;

/** is_rsvd_bits_set(): 1 GiB pages are taken as supported. */
export function is_rsvd_bits_set(vcpu: Vcpu, lo: number, hi: number, level: number): boolean {
  if ((hi & RESERVED_HIGH) !== 0) return true;
  if (isNxEntry(hi) && (vcpu.efer & EFER_NX) === 0) return true;
  if (level === ROOT_LEVEL) return (lo & (PS | G)) !== 0;
  return level > 1 && (lo & PS) !== 0 && (lo & (RESERVED_LARGE[level] ?? 0)) !== 0;
}

/** permission_fault(): whether rights forbid an access; `pferr` holds W, U and F. */
export function permission_fault(m: Kvm, vcpu: Vcpu, access: number, pferr: number): boolean {
  const isUser = (pferr & PFERR_USER_MASK) !== 0;
  const isUserPage = (access & ACC_USER_MASK) !== 0;
  if (isUser && !isUserPage) return true;
  if ((pferr & PFERR_FETCH_MASK) !== 0) {
    if ((access & m.kernel.accessExec) === 0 && (vcpu.efer & EFER_NX) !== 0) return true;
    return !isUser && isUserPage && (vcpu.cr4 & CR4_SMEP) !== 0;
  }
  if (!isUser && isUserPage && (vcpu.cr4 & CR4_SMAP) !== 0) return true;
  if ((pferr & PFERR_WRITE_MASK) === 0 || (access & ACC_WRITE_MASK) !== 0) return false;
  return isUser || (vcpu.cr0 & CR0_WP) !== 0;
}

/** Host address of a guest frame that KVM may read; -1 when no usable slot has it. */
function hvaOfGfn(m: Kvm, gfn: number): number {
  const cell = kvm_vcpu_gfn_to_memslot(m, gfn);
  if (cell === 0 || (memslotAt(m, cell).flags & KVM_MEMSLOT_INVALID) !== 0) return -1;
  return gfnToHva(memslotAt(m, cell), gfn);
}

/**
 * kvm_vcpu_read_guest_atomic() of one entry: halves by `into`, without sleeping. False when the
 * host page is absent.
 */
export function readGuestAtomic(
  m: Kvm,
  gfn: number,
  offset: number,
  into: (lo: number, hi: number) => void,
): boolean {
  const hva = hvaOfGfn(m, gfn);
  const pfn = hva < 0 ? -1 : walkHost(m, hva, 0);
  if (pfn < 0) return false;
  into(readLow(m, pfn, offset >> 3), readHigh(m, pfn, offset >> 3));
  return true;
}

/** How the reading of one entry ended. */
const Read = { next: 0, leaf: 1, hostFault: 2, error: 3 } as const;

const walkLocals = {
  vcpu: int,
  walker: ref(guest_walker),
  addr: pair,
  /** The access as W, U and F bits of an error code. */
  access: int,
  level: int,
  hva: wide,
  read: int,
  signal: int,
  /** Entries ANDed so far, and whether one had NX. */
  all: int,
  isNx: int,
  /** Frame of the table to read next. */
  tableGfn: wide,
} as const;

type WalkOwn = {
  vcpu: number;
  walker: Walker;
  addr: { lo: number; hi: number };
  access: number;
  level: number;
  hva: number;
  all: number;
  isNx: number;
  tableGfn: number;
};

function start(m: Kvm, own: WalkOwn): void {
  own.level = ROOT_LEVEL;
  own.all = -1;
  own.isNx = 0;
  own.tableGfn = Math.floor((m.vcpus[own.vcpu]?.cr3 ?? 0) / 4096);
  own.walker.max_level = ROOT_LEVEL;
}

function fail(m: Kvm, own: WalkOwn, found: number): typeof Read.error {
  const vcpu = m.vcpus[own.vcpu];
  if (vcpu === undefined) return Read.error;
  const tellsFetch = (vcpu.efer & EFER_NX) !== 0 || (vcpu.cr4 & CR4_SMEP) !== 0;
  const kept = PFERR_WRITE_MASK | PFERR_USER_MASK | (tellsFetch ? PFERR_FETCH_MASK : 0);
  own.walker.error_code = found | (own.access & kept);
  m.emit(EventId.kvm_mmu_walker_error, own.walker.error_code);
  return Read.error;
}

/** Where the entry of the level is: sets `hva`. False when no slot has its table. */
function locate(m: Kvm, own: WalkOwn): boolean {
  const { walker, level, addr } = own;
  const offset = indexAt(addr.lo, addr.hi, level) * 8;
  walker.table_gfn.set(level - 1, own.tableGfn);
  walker.offset.set(level - 1, offset);
  const hva = hvaOfGfn(m, own.tableGfn);
  if (hva < 0) return false;
  const slot = memslotAt(m, kvm_vcpu_gfn_to_memslot(m, own.tableGfn));
  walker.pte_writable.set(level - 1, (slot.flags & KVM_MEM_READONLY) === 0 ? 1 : 0);
  own.hva = hva + offset;
  return true;
}

/** Reads the entry of the level and gathers its rights. */
function readElement(m: Kvm, own: WalkOwn): number {
  if (!locate(m, own)) return fail(m, own, 0);
  const pfn = walkHost(m, own.hva, 0);
  if (pfn < 0) return Read.hostFault;
  const { walker, level } = own;
  const index = (own.hva % 4096) >> 3;
  const lo = readLow(m, pfn, index);
  const hi = readHigh(m, pfn, index);
  m.emit(EventId.kvm_mmu_paging_element, lo, hi, level);
  const above = gpte_access(m, own.all, own.isNx !== 0);
  own.all &= lo;
  if (isNxEntry(hi)) own.isNx = 1;
  if ((lo & PT_GUEST_PRESENT) === 0) return fail(m, own, 0);
  const vcpu = m.vcpus[own.vcpu];
  if (vcpu === undefined || is_rsvd_bits_set(vcpu, lo, hi, level))
    return fail(m, own, PFERR_RSVD_MASK | PFERR_PRESENT_MASK);
  const pte = walker.ptes.get(level - 1);
  pte.lo = lo;
  pte.hi = hi;
  walker.pt_access.set(level - 1, above);
  if (level === 1 || (lo & PS) !== 0) return Read.leaf;
  own.tableGfn = frameOf(lo, hi);
  own.level = level - 1;
  return Read.next;
}

/** 4 KiB page of an address inside a page of a level. */
const pageInside = (lo: number, level: number): number => frameInside(lo >>> 12, level);

const Checked = { error: 0, done: 1, update: 2 } as const;

/** After the leaf: rights, frame, and whether accessed or dirty bits are missing. */
function check(m: Kvm, own: WalkOwn): number {
  const { walker, level, access } = own;
  const vcpu = m.vcpus[own.vcpu];
  const rights = gpte_access(m, own.all, own.isNx !== 0);
  if (vcpu === undefined || permission_fault(m, vcpu, rights, access)) {
    fail(m, own, PFERR_PRESENT_MASK);
    return Checked.error;
  }
  const pte = walker.ptes.get(level - 1);
  const frame = frameOf(pte.lo, pte.hi);
  walker.level = level;
  walker.gfn = roundFrame(frame, level) + pageInside(own.addr.lo, level);
  const isWrite = (access & PFERR_WRITE_MASK) !== 0;
  walker.pte_access = isWrite ? rights : protect_clean_gpte(rights, pte.lo);
  const isMarked =
    (own.all & PT_GUEST_ACCESSED) !== 0 && (!isWrite || (pte.lo & PT_GUEST_DIRTY) !== 0);
  own.level = walker.max_level;
  return isMarked ? Checked.done : Checked.update;
}

/** Records which bits the level's entry lacks; true when it is to be stored. */
function recordMissing(m: Kvm, own: WalkOwn): boolean {
  const { walker, level } = own;
  const { lo } = walker.ptes.get(level - 1);
  const table = walker.table_gfn.get(level - 1);
  const gpa = table * 4096 + walker.offset.get(level - 1);
  const missing = missingBits(own, lo);
  if ((missing & PT_GUEST_ACCESSED) !== 0)
    m.emit(EventId.kvm_mmu_set_accessed_bit, gpa, highHalf(gpa));
  if ((missing & PT_GUEST_DIRTY) !== 0) m.emit(EventId.kvm_mmu_set_dirty_bit, gpa, highHalf(gpa));
  // A read-only slot keeps its entries as they are.
  if (missing === 0 || walker.pte_writable.get(level - 1) === 0) return false;
  own.hva = hvaOfGfn(m, table) + walker.offset.get(level - 1);
  return true;
}

function missingBits({ walker, level, access }: WalkOwn, lo: number): number {
  const isWritten = level === walker.level && (access & PFERR_WRITE_MASK) !== 0;
  return (PT_GUEST_ACCESSED | (isWritten ? PT_GUEST_DIRTY : 0)) & ~lo;
}

/** The exchange in the guest's table; false when the entry has changed since it was read. */
function exchange(m: Kvm, own: WalkOwn): boolean {
  const pfn = walkHost(m, own.hva, 1);
  const index = (own.hva % 4096) >> 3;
  const pte = own.walker.ptes.get(own.level - 1);
  const isSame =
    pfn >= 0 && readLow(m, pfn, index) === pte.lo && readHigh(m, pfn, index) === pte.hi;
  if (!isSame) return false;
  const marked = pte.lo | missingBits(own, pte.lo);
  writeWord(m, pfn, index, marked, pte.hi);
  kvm_vcpu_mark_page_dirty(m, own.walker.table_gfn.get(own.level - 1));
  pte.lo = marked;
  return true;
}

/** Result: 1, or 0 with the walker's error_code when the guest's tables forbid the access. */
export const paging64_walk_addr_generic = routine(
  "paging64_walk_addr_generic",
  walkLocals,
  (own, m: Kvm) => [
    act("W0", () => m.emit(EventId.kvm_mmu_pagetable_walk, own.addr.lo, own.addr.hi, own.access)),
    loop(
      act("W1", () => start(m, own)),
      loop(
        act("W2", () => (own.read = readElement(m, own))),
        when(() => own.read === Read.leaf, [leave]),
        when(() => own.read === Read.error, [done(0)]),
        when(
          () => own.read === Read.hostFault,
          [
            call(hostAccess, { hva: "hva", write: 0 }, "signal"),
            when(() => own.signal !== 0, [act("W2e", () => fail(m, own, 0)), done(0)]),
          ],
        ),
        again,
      ),
      act("W3", () => (own.read = check(m, own))),
      when(() => own.read !== Checked.update, [done("read")]),
      loop(
        when(() => own.level < own.walker.level, [done(1)]),
        when(
          act("W4", () => recordMissing(m, own)),
          [
            call(hostAccess, { hva: "hva", write: 1 }, "signal"),
            when(() => own.signal !== 0, [act("W4e", () => fail(m, own, 0)), done(0)]),
            // Changed since it was read: the walk starts over, without a second event.
            when(
              act("W5", () => exchange(m, own)),
              [],
              [leave],
            ),
          ],
        ),
        set("level", () => own.level - 1),
        again,
      ),
      again,
    ),
  ],
);
