// The named deviations of KVM that a scenario may switch on, each with the act it changes and what
// then happens. Names are those of the litmus tests; the model decides what a switch does, this
// table only names and explains it.
// From: the acts of the project's race analysis (F fault, N notifier, Z zap, T tables, P pfn cache,
// G guest tables, M memslots, Q fast fault, D dirty log); most deviations are bugs that KVM once
// had or nearly had.
import type { SwitchSpec } from "./vocabulary-rows.ts";

export const SWITCHES: readonly SwitchSpec[] = [
  {
    name: "no_retry",
    act: "F6",
    doc: "the fault maps without asking whether an invalidation ran or runs",
  },
  {
    name: "no_inprog",
    act: "F6",
    doc: "the fault asks only whether an invalidation has ended since its snapshot",
  },
  {
    name: "no_seq",
    act: "F6",
    doc: "the fault asks only whether an invalidation of its range is running",
  },
  {
    name: "snap_late",
    act: "F1",
    doc: "the sequence number is read after the lookup instead of before it",
  },
  {
    name: "range_reset",
    act: "N4",
    doc: "a second invalidation replaces the announced range; it should widen it",
  },
  {
    name: "retry_any",
    act: "F2,F6",
    doc: "faults retry for any running invalidation, whatever its range",
  },
  {
    name: "unsafe_only",
    act: "F6",
    doc: "only the lockless tests are made; the one under mmu_lock is left out",
  },
  { name: "no_flush", act: "N6", doc: "invalidation starts leave the TLBs as they are" },
  {
    name: "skip_invalid_roots",
    act: "N5",
    doc: "the notifier passes over roots that were marked invalid",
  },
  {
    name: "yield_noflush",
    act: "N5,Z7",
    doc: "a zap gives up mmu_lock in the middle and still owes a flush",
  },
  {
    name: "iter_skip",
    act: "N5",
    doc: "after giving up the lock a walk goes on one entry too far",
  },
  {
    name: "flush_range",
    act: "T5",
    doc: "the flush after removing a table misses the table's frames",
  },
  { name: "nx_noflush", act: "T5", doc: "a removed table is freed before its flush" },
  {
    name: "prefetch_nocheck",
    act: "F7",
    doc: "neighbours are mapped ahead although an invalidation runs",
  },
  {
    name: "early_double_put",
    act: "F4r",
    doc: "the early retry drops a reference that the lookup has dropped already",
  },
  {
    name: "noget_put",
    act: "F3d,F9",
    doc: "the lookup keeps no reference and the release drops one",
  },
  { name: "get_noput", act: "F9", doc: "the lookup keeps its reference and nobody drops it" },
  {
    name: "vold_get",
    act: "F3",
    doc: "the walk of a VM_PFNMAP area takes a reference even on a page with count 0",
  },
  { name: "zone_device_leak", act: "F9", doc: "the release leaves out device pages" },
  {
    name: "put_adjusted",
    act: "F9",
    doc: "the release drops a reference of the frame chosen for the huge page",
  },
  {
    name: "assume_writable",
    act: "F3",
    doc: "the mapping is writable whatever the host entry allows",
  },
  {
    name: "mark_late",
    act: "F8",
    doc: "the accessed mark is set after the unlock, when nothing holds the page",
  },
  {
    name: "mark_unrefcounted",
    act: "N5",
    doc: "accessed and dirty marks go to pages whose entry has no refcounted bit",
  },
  { name: "dirty_late", act: "F8", doc: "the dirty mark is set after the unlock" },
  {
    name: "gpc_mmucount",
    act: "P5",
    doc: "the pfn cache asks the counter of the MMU and not that of active notifiers",
  },
  {
    name: "gpc_unlocked",
    act: "P5",
    doc: "the pfn cache asks before it has taken its lock again",
  },
  { name: "gpc_noseq", act: "P5", doc: "the pfn cache does not compare the sequence number" },
  {
    name: "gpc_reuse_leak",
    act: "P6",
    doc: "the pfn cache keeps a reference too many when the frame is the same",
  },
  {
    name: "gpc_keepvalid",
    act: "P1",
    doc: "the pfn cache stays valid while its host address changes",
  },
  { name: "gpc_pin", act: "P6", doc: "the pfn cache holds a reference as long as it is valid" },
  {
    name: "unsync_swapped",
    act: "G3,G4",
    doc: "the entry becomes writable before the shadow page is marked unsync",
  },
  {
    name: "sync_noflush",
    act: "G9",
    doc: "write protection of a guest table is not followed by a flush",
  },
  {
    name: "unsync_nolock",
    act: "G3",
    doc: "two read-lock holders mark pages unsync without their own lock",
  },
  {
    name: "link_before_sync",
    act: "F7a",
    doc: "an unsync table is linked in before it is brought up to date",
  },
  { name: "track_one_as", act: "F1", doc: "write tracking looks into one address space alone" },
  {
    name: "wrong_inherited_access",
    act: "F7a",
    doc: "a table's access rights come from another path than the one walked",
  },
  {
    name: "unexpected_gfn",
    act: "F7a",
    doc: "a child table is used again although it stands for another guest frame",
  },
  {
    name: "track_nobarrier",
    act: "G1",
    doc: "an emulated write looks for shadow pages before its value can be seen",
  },
  {
    name: "mmio_noflag",
    act: "M1",
    doc: "new slots appear with the final generation, without the mark of an update under way",
  },
  {
    name: "mmio_nowrap",
    act: "M4",
    doc: "a generation that returns to 0 leaves old MMIO entries alive",
  },
  {
    name: "mmio_nogp",
    act: "M3",
    doc: "the slot update does not wait for readers of the old slots",
  },
  {
    name: "invalid_slot_mmio",
    act: "F1",
    doc: "a slot under deletion is taken for no slot at all",
  },
  {
    name: "mmio_over_present",
    act: "F7",
    doc: "an MMIO entry is written over a present one that is not dropped first",
  },
  {
    name: "gen_before_hook",
    act: "M5",
    doc: "the final generation is stored before the architecture's hook has run",
  },
  {
    name: "mark_first",
    act: "Q3",
    doc: "the dirty mark comes before the compare-exchange that may fail",
  },
  {
    name: "log_noflush",
    act: "D3",
    doc: "the dirty log returns before write protection has reached the TLBs",
  },
  {
    name: "blind_set",
    act: "Q2",
    doc: "the fast path stores the writable entry without comparing",
  },
  {
    name: "wp_by_w_bit",
    act: "D2",
    doc: "write protection looks at the W bit alone and leaves MMU-writable set",
  },
  {
    name: "plain_spte_write",
    act: "Z7",
    doc: "an entry is read and written in two steps instead of one exchange",
  },
  {
    name: "no_root_check",
    act: "F6",
    doc: "a fault does not ask whether its root is still in use",
  },
  {
    name: "check_before_reclaim",
    act: "F5a,F6",
    doc: "the root is looked at before pages for new tables are made free",
  },
  {
    name: "no_reload_req",
    act: "Z3",
    doc: "vCPUs are not told to give up a root that went out of use",
  },
  {
    name: "lock_mode_unlocked",
    act: "F5",
    doc: "read or write lock is chosen from a root that was read without a lock",
  },
  { name: "no_freeze", act: "T3", doc: "entries of a removed table become 0 instead of frozen" },
];
