// The tracepoints of the kvmmmu system: what the MMU did with entries, shadow pages, guest tables.
// Owns their fields in printed order and their bodies; emitting them in place is the model's.
// From: arch/x86/kvm/mmu/mmutrace.h (6.1, 6.12, 7.2).
import { hasBit } from "#shared/units/halves";
import { tracepoint } from "./declare.ts";
import type { Piece, Slot } from "./declare.ts";
import { entryLetters, flagsAgain, flagsOnly, PAGE_FIELDS, pageFields } from "./kvm-pieces.ts";
import { cellAt, dec, hex, line, oneOf, only, paddedHex } from "./pieces.ts";

/** What fast_page_fault came to: the field `ret` of its event. */
export const FastResult = { none: 0, fixed: 1, spurious: 2 } as const;
const FAST_RESULTS = ["spurious 0 fixed 0", "spurious 0 fixed 1", "spurious 1 fixed 0"];

/** Whether two slots are equal, printed as 1 or 0: nothing of its own is stored. */
function equality(a: Slot, b: Slot): Piece {
  return {
    scan: (scan, from) => (/[01]/.test(scan.text.charAt(from)) ? from + 1 : -1),
    print: (cells, base) => (cellAt(cells, base + a.at) === cellAt(cells, base + b.at) ? "1" : "0"),
  };
}

export const kvmmmuEvents = {
  kvm_mmu_pagetable_walk: tracepoint("kvm_mmu_pagetable_walk", {
    id: 1,
    letter: "F",
    meaning: "KVM walks the guest's page tables for this address.",
    fields: { addr: "u64", pferr: "int" },
    body: (f) => line`addr ${hex(f.addr)} pferr ${hex(f.pferr)} ${flagsAgain(f.pferr)}`,
  }),
  kvm_mmu_paging_element: tracepoint("kvm_mmu_paging_element", {
    id: 2,
    letter: "F",
    meaning: "The walk read this guest page-table entry.",
    fields: { pte: "u64", level: "int" },
    body: (f) => line`pte ${hex(f.pte)} level ${dec(f.level)}`,
  }),
  kvm_mmu_set_accessed_bit: tracepoint("kvm_mmu_set_accessed_bit", {
    id: 3,
    letter: "F",
    meaning: "KVM sets the accessed bit in the guest's entry at this address.",
    fields: { gpa: "wide" },
    body: (f) => line`gpa ${hex(f.gpa)}`,
  }),
  kvm_mmu_set_dirty_bit: tracepoint("kvm_mmu_set_dirty_bit", {
    id: 4,
    letter: "F",
    meaning: "KVM sets the dirty bit in the guest's entry at this address.",
    fields: { gpa: "wide" },
    body: (f) => line`gpa ${hex(f.gpa)}`,
  }),
  kvm_mmu_walker_error: tracepoint("kvm_mmu_walker_error", {
    id: 5,
    letter: "!",
    meaning: "The guest's own tables forbid the access: the guest will get a page fault.",
    fields: { pferr: "int" },
    body: (f) => line`pferr ${hex(f.pferr)} ${flagsAgain(f.pferr)}`,
  }),
  kvm_mmu_get_page: tracepoint("kvm_mmu_get_page", {
    id: 6,
    letter: "S",
    meaning: "A shadow page (a page of KVM's tables) was made or found.",
    fields: { ...PAGE_FIELDS, created: "int" },
    body: (f) => line`${pageFields(f)} ${oneOf(f.created, ["existing", "new"])}`,
  }),
  kvm_mmu_sync_page: tracepoint("kvm_mmu_sync_page", {
    id: 7,
    letter: "S",
    meaning: "A shadow page is brought up to date with the guest's table.",
    fields: PAGE_FIELDS,
    body: (f) => line`${pageFields(f)}`,
  }),
  kvm_mmu_unsync_page: tracepoint("kvm_mmu_unsync_page", {
    id: 8,
    letter: "S",
    meaning: "The guest may now write its table freely: the shadow page no longer follows it.",
    fields: PAGE_FIELDS,
    body: (f) => line`${pageFields(f)}`,
  }),
  kvm_mmu_prepare_zap_page: tracepoint("kvm_mmu_prepare_zap_page", {
    id: 9,
    letter: "Z",
    meaning: "A shadow page is taken out of the tables, to be freed.",
    fields: PAGE_FIELDS,
    body: (f) => line`${pageFields(f)}`,
  }),
  mark_mmio_spte: tracepoint("mark_mmio_spte", {
    id: 10,
    letter: "S",
    meaning: "An entry now says: no memory here, emulate the access.",
    fields: { sptep: "u64", gfn: "wide", access: "int", gen: "int" },
    identities: { sptep: "pointer" },
    body: (f) =>
      line`sptep:${paddedHex(f.sptep, 16)} gfn ${hex(f.gfn)} access ${hex(
        f.access,
      )} gen ${hex(f.gen)}`,
  }),
  handle_mmio_page_fault: tracepoint("handle_mmio_page_fault", {
    id: 11,
    letter: "F",
    meaning: "The fault met a valid MMIO entry: the access will be emulated.",
    fields: { addr: "u64", gfn: "wide", access: "int" },
    body: (f) => line`addr:${hex(f.addr)} gfn ${hex(f.gfn)} access ${hex(f.access)}`,
  }),
  fast_page_fault: tracepoint("fast_page_fault", {
    id: 12,
    letter: "F",
    meaning: "KVM tried to repair a present entry without taking mmu_lock.",
    fields: {
      vcpu: "int",
      gva: "u64",
      error_code: "u64",
      sptep: "u64",
      old: "u64",
      new: "u64",
      ret: "int",
    },
    identities: { sptep: "pointer", old: "leaf", new: "leaf" },
    body: (f) =>
      line`vcpu ${dec(f.vcpu)} gva ${hex(f.gva)} error_code ${flagsOnly(
        f.error_code,
      )} sptep ${paddedHex(f.sptep, 16)} old 0x${hex(f.old)} new ${hex(
        f.new,
      )} ${oneOf(f.ret, FAST_RESULTS)}`,
  }),
  kvm_mmu_zap_all_fast: tracepoint("kvm_mmu_zap_all_fast", {
    id: 13,
    letter: "Z",
    meaning: "All tables become obsolete at once (a memslot is deleted or moved, or the VM ends).",
    fields: { gen: "int", used_pages: "int" },
    body: (f) => line`kvm-mmu-valid-gen ${dec(f.gen)} used_pages ${hex(f.used_pages)}`,
  }),
  check_mmio_spte: tracepoint("check_mmio_spte", {
    id: 14,
    letter: "F",
    meaning: "An MMIO entry's generation is compared with the memslots' generation.",
    fields: { spte: "u64", kvm_gen: "int", spte_gen: "int" },
    identities: { spte: "leaf" },
    body: (f) =>
      line`spte ${hex(f.spte)} kvm_gen ${hex(f.kvm_gen)} spte-gen ${hex(
        f.spte_gen,
      )} valid ${equality(f.kvm_gen, f.spte_gen)}`,
  }),
  kvm_mmu_set_spte: tracepoint("kvm_mmu_set_spte", {
    id: 15,
    letter: "S",
    meaning: "A leaf entry was stored: the guest can use this page now.",
    fields: { gfn: "wide", spte: "u64", level: "int", sptep: "wide" },
    identities: { spte: "leaf", sptep: "physical" },
    body: (f) =>
      line`gfn ${hex(f.gfn)} spte ${hex(f.spte)} (${entryLetters(f.spte)}) level ${dec(
        f.level,
      )} at ${hex(f.sptep)}`,
  }),
  kvm_mmu_spte_requested: tracepoint("kvm_mmu_spte_requested", {
    id: 16,
    letter: "L",
    meaning: "The lookup is done and the fault is not stale: this page is about to be mapped.",
    fields: { gfn: "wide", pfn: "u64", level: "int", access: "int" },
    identities: { pfn: "pfn" },
    body: (f) =>
      line`gfn ${hex(f.gfn)} pfn ${hex(f.pfn)} level ${dec(f.level)}${only(
        (context) => context.forms.requestedAccess,
        line` access ${hex(f.access)}`,
      )}`,
  }),
  kvm_tdp_mmu_spte_changed: tracepoint("kvm_tdp_mmu_spte_changed", {
    id: 17,
    // Cell 6 is the low half of new_spte: an entry that is no longer present was zapped.
    letter: (cells, base) => (hasBit(cellAt(cells, base + 6), 0, 0) ? "S" : "Z"),
    meaning: "An entry of the TDP tables changed from the old to the new value.",
    fields: { as_id: "int", gfn: "wide", level: "int", old_spte: "u64", new_spte: "u64" },
    identities: { old_spte: "entry", new_spte: "entry" },
    body: (f) =>
      line`as id ${dec(f.as_id)} gfn ${hex(f.gfn)} level ${dec(f.level)} old_spte ${hex(
        f.old_spte,
      )} new_spte ${hex(f.new_spte)}`,
  }),
  kvm_mmu_split_huge_page: tracepoint("kvm_mmu_split_huge_page", {
    id: 18,
    letter: "S",
    meaning: "A huge entry was replaced by a table of smaller ones.",
    fields: { gfn: "wide", spte: "u64", level: "int", errno: "int" },
    identities: { spte: "leaf" },
    body: (f) =>
      line`gfn ${hex(f.gfn)} spte ${hex(f.spte)} level ${dec(f.level)} errno ${dec(f.errno)}`,
  }),
} as const;
