// The state of mappings as the events tell it: host entries, memslots, KVM's leaves, TLBs, open
// invalidations.
// Promises: what no event ever named is unknown (undefined), never assumed absent.
// From: hostPte, memslot, kvm_tdp_mmu_spte_changed, fast_page_fault, tlbFill, tlbFlush, notifier
// events.
import { MemslotChange, TlbScope } from "#shared/events/own";
import { EventId } from "#shared/events/table";
import { PAGE_SIZE, pagesPerLevel } from "#shared/units/address";
import { frameOf, hasBit, joinHalves } from "#shared/units/halves";
import { intAt, wideAt, type ScannedEvent } from "./scan.ts";

export interface HostEntry {
  readonly pfn: number;
  readonly isWritable: boolean;
}

export interface Leaf {
  readonly gfn: number;
  readonly level: number;
  readonly pfn: number;
  readonly lo: number;
  readonly hi: number;
  readonly event: number;
}

export interface TlbEntry {
  readonly vcpu: number;
  readonly gvaPage: number;
  readonly pfn: number;
  /** Null when more than one gfn, or none known, leads to the frame. */
  readonly gfn: number | null;
  readonly event: number;
}

export interface Slot {
  readonly gfn: number;
  readonly pages: number;
  readonly hva: number;
}

export interface Range {
  readonly start: number;
  readonly end: number;
}

export const TRACKED = [
  EventId.hostPte,
  EventId.memslot,
  EventId.kvm_tdp_mmu_spte_changed,
  EventId.kvm_mmu_zap_all_fast,
  EventId.tlbFill,
  EventId.tlbFlush,
  EventId.notifierStart,
  EventId.notifierEnd,
] as const;

/** KVM's own mark of a present entry: also set where the hardware's bit is not. */
const SPTE_MMU_PRESENT = 11;
const HUGE = 7;
const PROTNONE = 8;
const SPECIAL = 9;
/** Writable, accessed, dirty: fast_page_fault() and the CPU set them without a stored entry. */
const SILENT_BITS = 0x62;
const HUGE_SIZE = PAGE_SIZE * 512;
const leafKey = (level: number, gfn: number): number => gfn * 8 + level;

export class Tracker {
  /** By address of the page; null: known to be absent. A huge page stands in `hugeHost` instead. */
  private readonly host = new Map<number, HostEntry | null>();
  /** By address of the huge page. */
  private readonly hugeHost = new Map<number, HostEntry>();
  readonly slots = new Map<number, Slot>();
  readonly leaves = new Map<number, Leaf>();
  readonly tlb = new Map<string, TlbEntry>();
  readonly open: Range[] = [];
  /** Leaves by level and first frame. */
  private readonly byFrame = new Map<number, Set<Leaf>>();

  apply(event: ScannedEvent): void {
    const { cells } = event;
    switch (event.id) {
      case EventId.hostPte:
        return this.hostPte(cells);
      case EventId.memslot:
        return this.memslot(cells);
      case EventId.kvm_tdp_mmu_spte_changed:
        return this.spteChanged(event);
      case EventId.kvm_mmu_zap_all_fast:
        // No vCPU goes on with its root: each gets a new one, and an empty TLB with it.
        return this.tlb.clear();
      case EventId.tlbFill:
        return this.tlbFill(event);
      case EventId.tlbFlush:
        return this.tlbFlush(cells);
      case EventId.notifierStart:
        this.open.push({ start: wideAt(cells, 0), end: wideAt(cells, 2) });
        return;
      case EventId.notifierEnd:
        return this.notifierEnd(cells);
    }
  }

  /** Leaves of any size that begin at a guest frame. */
  private leavesAt(gfn: number): readonly Leaf[] {
    const levels = gfn % pagesPerLevel(2) === 0 ? [1, 2] : [1];
    return levels.flatMap((level) => this.leafAt(gfn, level) ?? []);
  }

  /** The leaf of a level for a guest frame; undefined when there is none. */
  leafAt(gfn: number, level: number): Leaf | undefined {
    return this.leaves.get(leafKey(level, gfn));
  }

  /** Host address of a guest frame; undefined when no known slot has it. */
  hvaOf(gfn: number): number | undefined {
    for (const slot of this.slots.values()) {
      if (gfn >= slot.gfn && gfn < slot.gfn + slot.pages)
        return slot.hva + (gfn - slot.gfn) * PAGE_SIZE;
    }
    return undefined;
  }

  /** Frame that the host maps at the address; null absent, undefined unknown. */
  hostFrame(hva: number): number | null | undefined {
    const entry = this.hostEntry(hva);
    return entry === null || entry === undefined ? entry : entry.pfn;
  }

  /** The host's entry for the page at the address; null absent, undefined unknown. */
  hostEntry(hva: number): HostEntry | null | undefined {
    const huge = this.hugeHost.get(hva - (hva % HUGE_SIZE));
    if (huge === undefined) return this.host.get(hva - (hva % PAGE_SIZE));
    return { ...huge, pfn: huge.pfn + Math.floor((hva % HUGE_SIZE) / PAGE_SIZE) };
  }

  isInvalidating(hva: number): boolean {
    return this.open.some((range) => hva >= range.start && hva < range.end);
  }

  /** Leaves that map guest frames of the host range; the smaller of both is walked. */
  leavesIn(range: Range): readonly Leaf[] {
    const found: Leaf[] = [];
    for (const slot of this.slots.values()) {
      const first = Math.max(0, Math.floor((range.start - slot.hva) / PAGE_SIZE));
      const end = Math.min(slot.pages, Math.ceil((range.end - slot.hva) / PAGE_SIZE));
      if (end - first <= this.leaves.size) {
        const from = slot.gfn + first;
        const start = from - (from % pagesPerLevel(2)); // a huge leaf may begin before the range
        for (let gfn = start; gfn < slot.gfn + end; gfn++) found.push(...this.leavesAt(gfn));
        continue;
      }
      for (const leaf of this.leaves.values()) {
        const page = leaf.gfn - slot.gfn;
        if (page + pagesPerLevel(leaf.level) > first && page < end) found.push(leaf);
      }
    }
    return found;
  }

  private hostPte(cells: Int32Array): void {
    const level = intAt(cells, 2);
    const hva = wideAt(cells, 0);
    const [lo, hi] = [intAt(cells, 5), intAt(cells, 6)];
    // KVM follows entries of bare frames also where the mapping gives no access.
    const isPresent = hasBit(lo, hi, 0) || (hasBit(lo, hi, PROTNONE) && hasBit(lo, hi, SPECIAL));
    const entry = isPresent ? { pfn: frameOf(lo, hi), isWritable: hasBit(lo, hi, 1) } : null;
    const huge = hva - (hva % HUGE_SIZE);
    if (level === 1) {
      this.splitHost(huge);
      this.host.set(hva - (hva % PAGE_SIZE), entry);
    } else if (level === 2 && entry !== null && hasBit(lo, hi, HUGE)) {
      this.hugeHost.set(huge, entry);
    } else if (level === 2) {
      this.hugeHost.delete(huge);
      for (let at = huge; at < huge + HUGE_SIZE; at += PAGE_SIZE) this.host.set(at, null);
    }
  }

  /** A small entry where a huge page was: the others map what it mapped. */
  private splitHost(huge: number): void {
    if (!this.hugeHost.has(huge)) return;
    for (let at = huge; at < huge + HUGE_SIZE; at += PAGE_SIZE) {
      this.host.set(at, this.hostEntry(at) ?? null);
    }
    this.hugeHost.delete(huge);
  }

  private memslot(cells: Int32Array): void {
    const id = intAt(cells, 0);
    if (intAt(cells, 1) === MemslotChange.delete) this.slots.delete(id);
    else
      this.slots.set(id, { gfn: wideAt(cells, 2), pages: wideAt(cells, 4), hva: wideAt(cells, 6) });
  }

  private spteChanged(event: ScannedEvent): void {
    const { cells } = event;
    const gfn = wideAt(cells, 1);
    const level = intAt(cells, 3);
    const key = leafKey(level, gfn);
    const [lo, hi] = [intAt(cells, 6), intAt(cells, 7)];
    const isLeaf = level === 1 || hasBit(lo, hi, HUGE);
    if (hasBit(lo, hi, SPTE_MMU_PRESENT) && isLeaf) {
      this.store(key, { gfn, level, lo, hi, pfn: frameOf(lo, hi), event: event.n });
      return;
    }
    // Nothing, or a table where a huge page was. An old root's entry may go after a new root's
    // came: only the entry that was stored is taken away.
    const stored = this.leaves.get(key);
    if (stored === undefined || stored.hi !== intAt(cells, 5)) return;
    if (((stored.lo ^ intAt(cells, 4)) & ~SILENT_BITS) === 0) this.remove(key);
  }

  private tlbFill(event: ScannedEvent): void {
    const { cells } = event;
    const vcpu = intAt(cells, 0);
    const pfn = wideAt(cells, 3);
    const gvaPage = Math.floor(joinHalves(intAt(cells, 1), intAt(cells, 2)) / PAGE_SIZE);
    this.tlb.set(`${vcpu} ${gvaPage}`, {
      vcpu,
      gvaPage,
      pfn,
      gfn: this.gfnOf(pfn),
      event: event.n,
    });
  }

  /** The one guest frame that leads to a host frame. */
  private gfnOf(pfn: number): number | null {
    let found: number | null = null;
    for (const level of [1, 2, 3]) {
      const pages = pagesPerLevel(level);
      const first = pfn - (pfn % pages);
      for (const leaf of this.byFrame.get(leafKey(level, first)) ?? []) {
        if (found !== null) return null;
        found = leaf.gfn + pfn - first;
      }
    }
    return found;
  }

  private store(key: number, leaf: Leaf): void {
    this.remove(key);
    this.leaves.set(key, leaf);
    const frame = leafKey(leaf.level, leaf.pfn);
    const known = this.byFrame.get(frame);
    if (known === undefined) this.byFrame.set(frame, new Set([leaf]));
    else known.add(leaf);
  }

  private remove(key: number): void {
    const leaf = this.leaves.get(key);
    if (leaf === undefined) return;
    this.leaves.delete(key);
    this.byFrame.get(leafKey(leaf.level, leaf.pfn))?.delete(leaf);
  }

  private tlbFlush(cells: Int32Array): void {
    const vcpu = intAt(cells, 0);
    const scope = intAt(cells, 1);
    const gfn = wideAt(cells, 2);
    const end = gfn + wideAt(cells, 4);
    for (const [key, entry] of this.tlb) {
      const isIts = scope === TlbScope.all || scope === TlbScope.range || entry.vcpu === vcpu;
      const isInRange =
        scope !== TlbScope.range || entry.gfn === null || (entry.gfn >= gfn && entry.gfn < end);
      if (isIts && isInRange) this.tlb.delete(key);
    }
  }

  private notifierEnd(cells: Int32Array): void {
    const start = wideAt(cells, 0);
    const end = wideAt(cells, 2);
    const at = this.open.findIndex((range) => range.start === start && range.end === end);
    if (at >= 0) this.open.splice(at, 1);
  }
}
