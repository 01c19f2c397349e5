// I1: a translation that outlives its host mapping: an entry of KVM or of a TLB that still leads to
// the old frame after the invalidation ended, and the guest's access through it.
// From: the retry protocol of virt/kvm/kvm_main.c and is_page_fault_stale(),
// arch/x86/kvm/mmu/mmu.c, 6.12 and 7.2.
import { EventId } from "#shared/events/table";
import { PAGE_SIZE, pagesPerLevel } from "#shared/units/address";
import { joinHalves } from "#shared/units/halves";
import { hexText, type Finding, type Rule, type RuleInput } from "./rule.ts";
import { intAt, scanEvents, wideAt, type ScannedEvent } from "./scan.ts";
import { Tracker, TRACKED, type Leaf, type TlbEntry } from "./tracker.ts";

/** One translation that is wrong: `now` is the frame that the host maps instead, null for none. */
interface Stale {
  readonly gfn: number;
  readonly pfn: number;
  readonly now: number | null;
  readonly madeAt: number;
}

export const staleTranslation: Rule = {
  id: "I1",
  title: "Stale translation",
  sentence:
    "Once the invalidation that takes a page away has ended, no entry and no TLB leads to it.",
  severity: "S1",
  modes: ["tdp"], // entries of the other modes change without an event
  check: (input) => new StaleCheck(input).findings(),
};

class StaleCheck {
  private readonly input: RuleInput;
  private readonly tracker = new Tracker();
  private readonly found = new Map<string, Finding>();
  /** TLB entries that were wrong when an invalidation ended. */
  private readonly staleTlb = new Map<TlbEntry, Stale>();

  constructor(input: RuleInput) {
    this.input = input;
  }

  findings(): readonly Finding[] {
    const wanted = [...TRACKED, EventId.guestAccess];
    scanEvents(this.input.run.record, wanted, (event) => {
      this.tracker.apply(event);
      switch (event.id) {
        case EventId.notifierEnd:
          return this.invalidated(event);
        case EventId.kvm_tdp_mmu_spte_changed:
          return this.stored(event);
        case EventId.tlbFill:
          return this.filled(event);
        case EventId.guestAccess:
          return this.accessed(event);
      }
    });
    return [...this.found.values()];
  }

  /**
   * What is wrong with a translation of the guest frame; null when nothing is, or nothing is known.
   */
  private staleOf(gfn: number, pfn: number, madeAt: number): Stale | null {
    const hva = this.tracker.hvaOf(gfn);
    if (hva === undefined || this.tracker.isInvalidating(hva)) return null;
    const now = this.tracker.hostFrame(hva);
    return now === undefined || now === pfn ? null : { gfn, pfn, now, madeAt };
  }

  /** The first page of the leaf that is wrong. */
  private staleLeaf({ gfn, pfn, level, event }: Leaf): Stale | null {
    for (let page = 0; page < pagesPerLevel(level); page++) {
      const stale = this.staleOf(gfn + page, pfn + page, event);
      if (stale !== null) return stale;
    }
    return null;
  }

  private invalidated(event: ScannedEvent): void {
    const range = { start: wideAt(event.cells, 0), end: wideAt(event.cells, 2) };
    for (const leaf of this.tracker.leavesIn(range)) {
      const stale = this.staleLeaf(leaf);
      if (stale !== null) this.report(event, stale, null);
    }
    for (const entry of this.tracker.tlb.values()) {
      const stale = entry.gfn === null ? null : this.staleOf(entry.gfn, entry.pfn, entry.event);
      if (stale === null) continue;
      this.staleTlb.set(entry, stale);
      this.report(event, stale, null);
    }
  }

  private stored(event: ScannedEvent): void {
    const leaf = this.tracker.leafAt(wideAt(event.cells, 1), intAt(event.cells, 3));
    if (leaf === undefined || leaf.event !== event.n) return;
    const stale = this.staleLeaf(leaf);
    if (stale !== null) this.report(event, stale, null);
  }

  private filled(event: ScannedEvent): void {
    const entry = this.entryAt(event, 1);
    const stale =
      entry === undefined || entry.gfn === null
        ? null
        : this.staleOf(entry.gfn, entry.pfn, entry.event);
    if (stale === null || entry === undefined) return;
    this.staleTlb.set(entry, stale);
    this.report(event, stale, entry.vcpu);
  }

  private accessed(event: ScannedEvent): void {
    const entry = this.entryAt(event, 2);
    const stale = entry === undefined ? undefined : this.staleTlb.get(entry);
    if (stale !== undefined && entry !== undefined) this.report(event, stale, entry.vcpu);
  }

  /** The TLB entry of the event's vCPU (its first cell) and gva (from cell `at` on). */
  private entryAt({ cells }: ScannedEvent, at: number): TlbEntry | undefined {
    const page = Math.floor(joinHalves(intAt(cells, at), intAt(cells, at + 1)) / PAGE_SIZE);
    return this.tracker.tlb.get(`${intAt(cells, 0)} ${page}`);
  }

  /** One finding a frame and guest frame; an access through it tells more than the entry alone. */
  private report(event: ScannedEvent, stale: Stale, vcpu: number | null): void {
    const key = `${stale.gfn} ${stale.pfn}`;
    const known = this.found.get(key);
    if (known !== undefined && (vcpu === null || known.sentence.startsWith("vCPU"))) return;
    const related = [...(known?.related ?? [stale.madeAt]), event.n];
    this.found.set(key, this.finding(event, stale, vcpu, [...new Set(related)]));
  }

  private finding(
    event: ScannedEvent,
    stale: Stale,
    vcpu: number | null,
    related: readonly number[],
  ): Finding {
    const { nameOf, steps } = this.input;
    const name = nameOf(stale.pfn);
    const isWrong = stale.now !== null && vcpu !== null;
    const sentence =
      vcpu === null
        ? `gfn ${hexText(stale.gfn)} still leads to ${name} after the invalidation ended.`
        : `vCPU ${vcpu} still reaches ${name} after the invalidation ended.`;
    const instead =
      stale.now === null
        ? "The host maps nothing there now"
        : `The host maps ${nameOf(stale.now)} there now`;
    return {
      rule: "I1",
      verdict: isWrong ? "wrong page" : "stale mapping",
      severity: "S1",
      isBroken: true,
      sentence,
      evidence: [
        `${instead}; the translation of gfn ${hexText(stale.gfn)}`,
        `was made at event ${stale.madeAt}.`,
      ].join(" "),
      event: event.n,
      step: steps.numberOf(event.n, event.thread),
      pfn: stale.pfn,
      gfn: stale.gfn,
      related,
    };
  }
}
