// A write to guest memory that KVM made itself: shadow pages of that gfn follow it, entry by entry.
// A page that is written too often, or not as a table is, goes altogether.
// From: arch/x86/kvm/mmu/mmu.c (kvm_mmu_track_write, detect_write_flooding,
// detect_write_misaligned), 6.12 and 7.2.
import { routine } from "#shared/engine/routine";
import { int, wide } from "#shared/engine/struct";
import { act, done, when } from "#shared/engine/words";
import { LockCode } from "#shared/events/own";
import { releaseLock, takeLock } from "../host/locks.ts";
import type { Kvm } from "../state/machine.ts";
import * as t from "../state/tables.ts";
import * as p from "./sp.ts";
import type { InvalidList, ShadowPage } from "./sp.ts";
import { is_shadow_present_pte } from "./spte.ts";
import { flushOrZap, kvm_mmu_prepare_zap_page, mmu_page_zap_pte } from "./zap-page.ts";

const ENTRY_SIZE = 8;
/** As many writes in a row, without a fault through the page, mean that it is no table. */
const FLOOD = 3;

/** A page of level 1 becomes unsync instead. */
function detect_write_flooding(sp: ShadowPage): boolean {
  if (p.spLevel(sp) === 1) return false;
  sp.write_flooding_count += 1;
  return sp.write_flooding_count >= FLOOD;
}

/** Across two entries, or a few bytes inside one; the first byte alone is a status update. */
function detect_write_misaligned(offset: number, bytes: number): boolean {
  if (offset % ENTRY_SIZE === 0 && bytes === 1) return false;
  const isCrossing = (offset % ENTRY_SIZE) + bytes > ENTRY_SIZE;
  return isCrossing || bytes < 4;
}

function follow(m: Kvm, gpa: number, bytes: number): void {
  const invalid: InvalidList = [];
  // Half an entry counts as a write of the whole.
  const from = bytes === 4 ? gpa - (gpa % ENTRY_SIZE) : gpa;
  const size = bytes === 4 ? ENTRY_SIZE : bytes;
  const offset = from % 4096;
  let flush = false;
  for (const sp of p.validPagesWithGptes(m, Math.floor(gpa / 4096))) {
    if (detect_write_misaligned(offset, size) || detect_write_flooding(sp)) {
      kvm_mmu_prepare_zap_page(m, sp, invalid);
      continue;
    }
    const sptep = sp.spt + Math.floor(offset / ENTRY_SIZE) * 2;
    const wasPresent = is_shadow_present_pte(t.readSpteLow(m, sptep));
    mmu_page_zap_pte(m, sp, sptep);
    flush = flush || wasPresent;
  }
  flushOrZap(m, invalid, flush);
}

export const kvm_mmu_track_write = routine(
  "kvm_mmu_track_write",
  { gpa: wide, bytes: int },
  (own, m: Kvm) => [
    when(
      act("TW0", () => m.kvm.indirect_shadow_pages === 0),
      [done()],
    ),
    takeLock(m, "TW1", () => m.kvm.mmu_lock, "write", LockCode.mmu_lock),
    act("TW2", () => follow(m, own.gpa, own.bytes)),
    releaseLock(m, "TW3", () => m.kvm.mmu_lock, "write", LockCode.mmu_lock),
    done(),
  ],
);
